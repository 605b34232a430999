"""Replay memories of tiny observations that tell which step they belong to."""

import numpy as np

from dqn.replay.memory import ReplayMemory
from dqn.replay.returns import OneStepReturns
from dqn.replay.storage import Observations

HEIGHT, WIDTH = 2, 3
SIZE = {"shape": (HEIGHT, WIDTH)}
UNCHANGED = OneStepReturns(discount_rate=1, min_reward=-np.inf, max_reward=np.inf)


def make_memory(size, history_length=4, batch_size=8, seed=0, storage=Observations, **settings):
    """A memory whose returns are the rewards that were added."""
    return ReplayMemory(
        storage(size, **SIZE),
        history_length=history_length,
        batch_size=batch_size,
        generator=np.random.default_rng(seed),
        **{"returns": UNCHANGED, **settings},
    )


def observation_of(step):
    """An observation that tells which step it belongs to."""
    return np.array([[step % 256, step // 256, 0], [0, 0, 7]], np.uint8)


def steps_of(observations):
    """The steps whose observations, uint8 (…, *shape), these are."""
    return observations[..., 0, 0] + 256 * observations[..., 0, 1].astype(int)


def allowed(stream, history_length, ends):
    """The entries of a stream that may be drawn, found by looking at each."""
    found = set()
    for step in range(max(0, len(ends) - stream.size) + history_length, len(ends)):
        # The original draws none whose observations lie across the end of the array, either.
        is_in_a_row = step % stream.size >= history_length
        if is_in_a_row and not set(ends[step - history_length : step]) & {"T", "C"}:
            found.add(stream.first + step % stream.size)
    return found


def add_steps(stream, ends):
    """Add a step for each entry of `ends`: '.' goes on, 'T' is terminal, 'C' is cut off."""
    for step, end in enumerate(ends, stream.added):
        stream.add(step % 5, step - 10, observation_of(step), end == "T", end in "TC")

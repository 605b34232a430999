"""Transitions of several steps, against a loop over the steps that were added."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dqn.errors import UserError
from dqn.replay.returns import NStepReturns, OneStepReturns
from dqn.replay.storage import Observations, ObservationsInFile
from dqn.replay.storage_on_gpu import DeviceObservations
from helpers.replay import add_steps, make_memory, observation_of, steps_of


def walk(ends, rewards, step, returns):
    """G, Γ and the last step of the transition that begins with `step`."""
    value = 0
    for k in range(returns.num_steps):
        last = step + k
        reward = min(max(rewards[last], returns.min_reward), returns.max_reward)
        value += returns.discount_rate**k * reward
        if ends[last] in "TC" or last == len(ends) - 1:
            break
    return value, 0 if ends[last] == "T" else returns.discount_rate ** (k + 1), last


@pytest.mark.parametrize("kind", ["memory", "file", "device"])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    num_steps=st.integers(2, 9),
    discount_rate=st.sampled_from([0, 0.5, 0.99, 1]),
    history_length=st.integers(1, 4),
    size=st.integers(8, 30),
    streams=st.lists(st.text("......TC", min_size=6, max_size=90), min_size=1, max_size=3),
)
def test_each_transition_is_that_of_a_walk_along_its_stream(
    tmp_path, kind, num_steps, discount_rate, history_length, size, streams
):
    storage = {
        "memory": Observations,
        "file": partial(ObservationsInFile, file=tmp_path / "replay"),
        "device": partial(DeviceObservations, device=torch.device("cpu")),
    }[kind]
    returns = NStepReturns(num_steps, discount_rate, min_reward=-2, max_reward=3)
    memory = make_memory(
        size * len(streams),
        history_length,
        50,
        0,
        storage,
        num_streams=len(streams),
        returns=returns,
    )
    chance = np.random.default_rng(size)
    rewards = [chance.integers(-4, 6, len(ends)).tolist() for ends in streams]
    for number, ends in enumerate(streams):
        for step, end in enumerate(ends):
            observation = observation_of(step)
            observation[0, 2] = number
            memory.streams[number].add(
                step % 5, rewards[number][step], observation, end == "T", end in "TC"
            )
    if not memory.can_sample:
        return
    try:
        batch = memory.sample()
    except UserError:
        return  # no episode is long enough
    states, next_states = (np.asarray(array) for array in (batch.states, batch.next_states))
    assert batch.returns.dtype == batch.discounts.dtype == np.float64
    numbers = states[:, :, 0, 2]
    assert (numbers == numbers[:, :1]).all()
    assert (next_states[:, :, 0, 2] == numbers[:, :1]).all()
    for i, number in enumerate(numbers[:, 0].tolist()):
        ends = streams[number]
        step = int(steps_of(states)[i, -1]) + 1
        assert steps_of(states)[i].tolist() == list(range(step - history_length, step))
        value, discount, last = walk(ends, rewards[number], step, returns)
        assert batch.actions[i] == step % 5
        assert batch.returns[i] == pytest.approx(value, rel=1e-12)
        assert batch.discounts[i] == pytest.approx(discount, rel=1e-12)
        wanted = list(range(last - history_length + 1, last + 1))
        assert steps_of(next_states)[i].tolist() == wanted


def test_three_steps_of_a_game_by_hand():
    # Step t has reward t − 10: −10 … −1; step 4 is terminal, step 8 is cut off, 10 is the newest.
    ends = "....T...C.."
    returns = NStepReturns(3, discount_rate=0.5, min_reward=-np.inf, max_reward=np.inf)
    memory = make_memory(20, history_length=1, batch_size=200, returns=returns)
    add_steps(memory.streams[0], ends)
    batch = memory.sample()
    found = {
        int(state) + 1: (value, discount, int(next_state))
        for state, value, discount, next_state in zip(
            steps_of(batch.states)[:, 0],
            batch.returns.tolist(),
            batch.discounts.tolist(),
            steps_of(batch.next_states)[:, 0],
            strict=True,
        )
    }
    assert found == {
        1: (-9 - 8 / 2 - 7 / 4, 1 / 8, 3),
        2: (-8 - 7 / 2 - 6 / 4, 0, 4),  # terminal after three
        3: (-7 - 6 / 2, 0, 4),  # and after two
        4: (-6, 0, 4),
        6: (-4 - 3 / 2 - 2 / 4, 1 / 8, 8),  # cut off: it is bootstrapped from the last screen
        7: (-3 - 2 / 2, 1 / 4, 8),
        8: (-2, 1 / 2, 8),
        10: (0, 1 / 2, 10),  # no more steps are known yet
    }


@pytest.mark.parametrize(
    "storage", [Observations, partial(DeviceObservations, device=torch.device("cpu"))]
)
def test_one_step_as_several_is_one_step(storage):
    memories = [
        make_memory(30, 3, 16, 5, storage, num_streams=2, returns=returns)
        for returns in (OneStepReturns(0.9, -3, 4), NStepReturns(1, 0.9, -3, 4))
    ]
    for memory in memories:
        for stream in memory.streams:
            add_steps(stream, ".........T....C......T.......")
    for one, other in zip(*(memory.sample() for memory in memories), strict=True):
        np.testing.assert_array_equal(one, other)


def test_rewards_that_were_never_written_do_not_matter():
    memory = make_memory(20, 1, 8, returns=NStepReturns(9))
    memory._entries.rewards[:] = np.nan
    add_steps(memory.streams[0], "..........")
    with np.errstate(all="raise"):
        assert np.isfinite(memory.sample().returns).all()

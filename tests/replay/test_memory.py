"""The replay memory gives back what was added, and never mixes two games."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dqn.errors import UserError
from dqn.replay.memory import ReplayMemory
from dqn.replay.storage import Observations, ObservationsInFile
from helpers.replay import add_steps, make_memory, observation_of, steps_of


@settings(max_examples=150, deadline=None)
@given(
    history_length=st.integers(1, 5),
    batch_size=st.integers(1, 9),
    size=st.integers(20, 50),
    ends=st.text("......TC", min_size=15, max_size=160),
)
def test_every_sampled_transition_is_one_that_happened_within_one_episode(
    history_length, batch_size, size, ends
):
    memory = make_memory(size, history_length, batch_size)
    add_steps(memory.streams[0], ends)
    oldest = max(0, len(ends) - size)
    possible = {
        last
        for last in range(oldest + history_length, len(ends))
        if not set(ends[last - history_length : last]) & {"T", "C"}
    }
    try:
        minibatch = memory.sample()
    except UserError:
        # Only where no transition can be had at all; the original never sampled those that lie
        # across the end of the array either.
        assert not {p for p in possible if p % size >= history_length}
        return
    poststeps = steps_of(minibatch.next_states)
    assert poststeps.shape == (batch_size, history_length)
    last = poststeps[:, -1]
    assert set(last) <= possible
    np.testing.assert_array_equal(poststeps, last[:, None] + np.arange(1 - history_length, 1))
    np.testing.assert_array_equal(steps_of(minibatch.states), poststeps - 1)
    np.testing.assert_array_equal(minibatch.actions, last % 5)
    np.testing.assert_array_equal(minibatch.returns, last - 10)
    np.testing.assert_array_equal(minibatch.discounts, [ends[step] != "T" for step in last])


def test_rewards_are_kept_unclipped():
    memory = make_memory(20, batch_size=1)
    for step in range(20):
        memory.streams[0].add(0, 10_000, observation_of(step), False, False)
    assert memory.sample().returns.tolist() == [10_000]


def test_it_can_be_sampled_once_it_holds_more_than_a_minibatch():
    memory = make_memory(30, batch_size=8)
    add_steps(memory.streams[0], "." * 8)
    assert not memory.can_sample
    add_steps(memory.streams[0], ".")
    assert memory.can_sample


@given(
    history_length=st.integers(1, 4),
    size=st.integers(4, 12),
    added=st.integers(0, 30),
    most=st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_the_newest_states_end_with_the_newest_screen(history_length, size, added, most):
    memory = make_memory(size, history_length)
    add_steps(memory.streams[0], "." * added)
    states = steps_of(memory.newest_states(most))
    count = max(0, min(most, min(added, size) - history_length + 1))
    assert states.shape == (count, history_length)
    expected = [list(range(last - history_length + 1, last + 1)) for last in range(added)]
    assert states.tolist() == expected[added - count :]


def test_each_screen_is_kept_once():
    observations = Observations(1000, shape=(84, 84))
    memory = ReplayMemory(
        observations, history_length=4, batch_size=1, generator=np.random.default_rng(0)
    )
    memory.streams[0].add(0, 0, np.zeros((84, 84), np.uint8), False, False)
    parts = (memory, observations, memory._entries)
    arrays = [a for part in parts for a in vars(part).values() if isinstance(a, np.ndarray)]
    bytes_per_million = sum(array.nbytes for array in arrays) * 1000
    assert bytes_per_million < 6.65 * 2**30


def test_in_a_file_it_samples_the_same_and_leaves_no_file_behind(tmp_path):
    size = {"shape": (40, 36)}
    settings = {"history_length": 4, "batch_size": 8}
    memories = [
        ReplayMemory(observations, **settings, generator=np.random.default_rng(1))
        for observations in (
            Observations(60, **size),
            ObservationsInFile(60, **size, file=tmp_path / "replay"),
        )
    ]
    chance = np.random.default_rng(2)
    for _ in range(100):
        step = (1, 0.5, chance.integers(0, 256, (40, 36), np.uint8), chance.random() < 0.1, False)
        for memory in memories:
            memory.streams[0].add(*step)
    for _ in range(20):
        for one, other in zip(*(memory.sample() for memory in memories), strict=True):
            np.testing.assert_array_equal(one, other)
    assert not list(tmp_path.iterdir())


@given(
    num_streams=st.integers(1, 4),
    ends=st.lists(st.sampled_from("....TC"), min_size=40, max_size=200),
)
@settings(max_examples=40, deadline=None)
def test_states_of_several_streams_never_mix(num_streams, ends):
    memory = make_memory(12 * num_streams + 3, num_streams=num_streams)
    episodes = [0] * num_streams
    for i, end in enumerate(ends):
        number = i % num_streams
        stream = memory.streams[number]
        observation = np.array([[stream.added, number, episodes[number]], [0, 0, 0]], np.uint8)
        stream.add(number, stream.added, observation, end == "T", end in "TC")
        episodes[number] += end in "TC"
    try:
        batch = memory.sample()
    except UserError:
        return  # no episode is long enough
    windows = np.concatenate((batch.states, batch.next_states[:, -1:]), axis=1)
    step, number, episode = (windows[:, :, 0, column].astype(int) for column in range(3))
    assert (np.diff(step, axis=1) == 1).all()
    assert (number == number[:, :1]).all()
    assert (episode == episode[:, :1]).all()
    np.testing.assert_array_equal(batch.actions, number[:, -1])
    np.testing.assert_array_equal(batch.returns, step[:, -1])

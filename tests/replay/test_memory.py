"""The replay memory gives back what was added, and never mixes two games."""

import errno

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqn.errors import UserError
from dqn.replay import storage as screens
from dqn.replay.memory import ReplayMemory
from dqn.replay.returns import OneStepReturns
from dqn.replay.storage import Screens, ScreensInFile

HEIGHT, WIDTH = 2, 3
AS_THEY_ARE = OneStepReturns(discount_rate=1, min_reward=-np.inf, max_reward=np.inf)


def make_memory(size, history_length=4, batch_size=8, seed=0, num_streams=1):
    return ReplayMemory(
        Screens(size, screen_height=HEIGHT, screen_width=WIDTH),
        history_length=history_length,
        batch_size=batch_size,
        generator=np.random.default_rng(seed),
        num_streams=num_streams,
        returns=AS_THEY_ARE,
    )


def screen_of(step):
    """A screen that tells which step it belongs to."""
    return np.array([[step % 256, step // 256, 0], [0, 0, 7]], np.uint8)


def steps_of(states):
    """The steps (n, history) whose screens the states show."""
    return states[:, :, 0, 0] + 256 * states[:, :, 0, 1].astype(int)


def add_steps(memory, ends):
    """Add a step for each entry of `ends`: '.' goes on, 'T' is terminal, 'C' is cut off."""
    for step, end in enumerate(ends):
        memory.streams[0].add(step % 5, step - 10, screen_of(step), end == "T", end in "TC")


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
    add_steps(memory, ends)
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


def test_sampling_is_uniform_over_all_transitions():
    memory = make_memory(60, batch_size=50)
    ends = "." * 30 + "T" + "." * 20 + "C" + "." * 38
    add_steps(memory, ends)
    counts = np.zeros(len(ends))
    for _ in range(400):
        np.add.at(counts, steps_of(memory.sample().next_states)[:, -1], 1)
    # 90 steps in a ring of 60: step s lies at s mod 60, and the next goes to 30
    allowed = [
        s
        for s in range(30, 90)
        if s % 60 >= 4 and not 30 <= s % 60 < 34 and not set(ends[s - 4 : s]) & {"T", "C"}
    ]
    assert sorted(np.flatnonzero(counts)) == allowed
    expected = counts.sum() / len(allowed)
    chi_squared = ((counts[allowed] - expected) ** 2 / expected).sum()
    assert chi_squared < 2 * len(allowed)


def test_the_oldest_steps_are_overwritten_when_it_is_full():
    memory = make_memory(20)
    add_steps(memory, "." * 50)
    assert len(memory) == 20
    sampled = {step for _ in range(200) for step in steps_of(memory.sample().states).flat}
    assert min(sampled) >= 30


def test_the_same_seed_samples_the_same_transitions():
    samples = []
    for _ in range(2):
        memory = make_memory(40, seed=5)
        add_steps(memory, "." * 40)
        memory.sample()
        samples.append(steps_of(memory.sample().states))
    np.testing.assert_array_equal(*samples)


def test_rewards_are_kept_unclipped():
    memory = make_memory(20, batch_size=1)
    for step in range(20):
        memory.streams[0].add(0, 10_000, screen_of(step), False, False)
    assert memory.sample().returns.tolist() == [10_000]


def test_it_can_be_sampled_once_it_holds_more_than_a_minibatch():
    memory = make_memory(30, batch_size=8)
    add_steps(memory, "." * 8)
    assert not memory.can_sample
    add_steps(memory, ".")
    assert memory.can_sample


def test_episodes_shorter_than_a_state_end_in_advice_not_in_an_endless_search():
    memory = make_memory(50)
    add_steps(memory, "...T" * 12)
    with pytest.raises(UserError, match="lower --frame_skip or --history_length"):
        memory.sample()


def test_a_memory_that_does_not_fit_is_refused_with_the_size_that_would(monkeypatch):
    entry = HEIGHT * WIDTH + 7
    room = screens.OTHER_MEMORY + 1000 * entry
    monkeypatch.setattr(screens, "available_memory", lambda: room)
    make_memory(1000)
    with pytest.raises(UserError, match="--replay_size 1000 would fit"):
        make_memory(1001)


def test_each_screen_is_kept_once(monkeypatch):
    screens = Screens(1000, screen_height=84, screen_width=84)
    memory = ReplayMemory(
        screens, history_length=4, batch_size=1, generator=np.random.default_rng(0)
    )
    memory.streams[0].add(0, 0, np.zeros((84, 84), np.uint8), False, False)
    parts = (memory, screens, memory._entries)
    arrays = [a for part in parts for a in vars(part).values() if isinstance(a, np.ndarray)]
    bytes_per_million = sum(array.nbytes for array in arrays) * 1000
    assert bytes_per_million < 6.65 * 2**30


def test_in_a_file_it_samples_the_same_and_leaves_no_file_behind(tmp_path):
    size = {"screen_height": 40, "screen_width": 36}
    settings = {"history_length": 4, "batch_size": 8}
    memories = [
        ReplayMemory(screens, **settings, generator=np.random.default_rng(1))
        for screens in (Screens(60, **size), ScreensInFile(60, **size, file=tmp_path / "replay"))
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


def test_a_file_is_new_and_its_room_is_taken_at_once(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "mine").write_text("precious")
    size = {"screen_height": 3, "screen_width": 2}
    with pytest.raises(UserError, match="name a new file"):
        ScreensInFile(9, **size, file=tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "precious"
    monkeypatch.setattr("os.posix_fallocate", full, raising=False)
    with pytest.raises(UserError, match="No space left"):
        ScreensInFile(9, **size, file=tmp_path / "new")


def test_with_a_file_only_the_rest_must_fit_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(screens, "available_memory", lambda: 2**30)
    size = {"screen_height": 84, "screen_width": 84}
    ScreensInFile(200_000, **size, file=tmp_path / "replay")


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
        screen = np.array([[stream.added, number, episodes[number]], [0, 0, 0]], np.uint8)
        stream.add(number, stream.added, screen, end == "T", end in "TC")
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


def test_streams_are_sampled_in_proportion_to_what_they_hold():
    memory = make_memory(90, history_length=2, batch_size=30, num_streams=3)
    for number, steps in enumerate((30, 12, 3)):
        for _ in range(steps):
            memory.streams[number].add(number, 0, screen_of(0), False, False)
    drawn = np.concatenate([memory.sample().actions for _ in range(300)])
    counts = np.bincount(drawn, minlength=3) / len(drawn)
    # a full ring has no state over its write position; the others begin at their first screen
    assert counts == pytest.approx(np.array([28, 10, 1]) / 39, abs=0.02)


def test_nothing_reaches_over_a_cut():
    memory = make_memory(90, history_length=2, batch_size=30)
    for step in range(20):
        memory.streams[0].add(0, 0, screen_of(step), False, False)
        if step == 9:
            memory.streams[0].cut()
    for _ in range(50):
        batch = memory.sample()
        last = steps_of(batch.next_states)[:, -1]
        assert not np.isin(last, (10, 11)).any()

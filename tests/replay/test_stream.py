"""A ring of one actor's steps: what is kept, read, cut and restored."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqn.replay.storage import Observations
from dqn.replay.stream import Entries, ReplayStream
from helpers.replay import SIZE, add_steps, make_memory, observation_of, steps_of


def make_stream(size, first=0):
    """A stream, and others before and after it, which its steps must not reach."""
    return ReplayStream(Entries(Observations(first + size + 3, **SIZE), 1), 0, first, size)


def check_entries(entries, ends, start):
    """Whether these are the steps from number `start` on that `add_steps` added by `ends`."""
    steps = np.arange(start, start + len(entries))
    np.testing.assert_array_equal(steps_of(entries["observation"]), steps)
    np.testing.assert_array_equal(entries["action"], steps % 5)
    np.testing.assert_array_equal(entries["reward"], steps - 10)
    kept = ends[start : start + len(entries)]
    assert entries["terminal"].tolist() == [end == "T" for end in kept]
    assert entries["episode_end"].tolist() == [end in "TC" for end in kept]


RINGS = {
    "size": st.integers(1, 20),
    "first": st.integers(0, 5),
    "ends": st.text("...TC", max_size=60),
}


@settings(max_examples=60, deadline=None)
@given(**RINGS, data=st.data())
def test_the_newest_steps_are_read_as_they_were_added(size, first, ends, data):
    stream = make_stream(size, first)
    add_steps(stream, ends)
    assert stream.added == len(ends)
    assert len(stream) == min(size, len(ends))
    start = data.draw(st.integers(stream.added - len(stream), stream.added))
    stop = data.draw(st.integers(start, stream.added))
    check_entries(stream.read(start, stop), ends, start)


@settings(max_examples=60, deadline=None)
@given(**RINGS, later=st.text("...TC", max_size=30))
def test_a_restored_stream_goes_on_as_the_one_that_was_read(size, first, ends, later):
    stream, restored = make_stream(size, first), make_stream(size)
    add_steps(stream, ends)
    oldest = stream.added - len(stream)
    restored.restore(oldest, stream.read(oldest, stream.added))
    for each in (stream, restored):
        add_steps(each, later)
        assert each.added == len(ends + later)
        assert each.oldest == each.added % size
        first_kept = max(0, each.added - size)
        check_entries(each.read(first_kept, each.added), ends + later, first_kept)


def test_streams_of_one_memory_never_write_into_one_another():
    entries = Entries(Observations(10, **SIZE), 2)
    streams = [ReplayStream(entries, i, 5 * i, 5) for i in range(2)]
    add_steps(streams[0], "...T" * 3)
    add_steps(streams[1], "..")
    check_entries(streams[0].read(7, 12), "...T" * 3, 7)
    check_entries(streams[1].read(0, 2), "..", 0)
    add_steps(streams[1], "." * 9)
    check_entries(streams[0].read(7, 12), "...T" * 3, 7)


def test_what_was_read_is_a_copy():
    stream = make_stream(3)
    add_steps(stream, "...")
    entries = stream.read(0, 3)
    add_steps(stream, "TTT")
    check_entries(entries, "...", 0)


def test_the_oldest_steps_are_overwritten_when_it_is_full():
    memory = make_memory(20)
    add_steps(memory.streams[0], "." * 50)
    assert len(memory) == 20
    sampled = {step for _ in range(200) for step in steps_of(memory.sample().states).flat}
    assert min(sampled) >= 30


def test_nothing_reaches_over_a_cut():
    memory = make_memory(90, history_length=2, batch_size=30)
    for step in range(20):
        memory.streams[0].add(0, 0, observation_of(step), False, False)
        if step == 9:
            memory.streams[0].cut()
    for _ in range(50):
        batch = memory.sample()
        last = steps_of(batch.next_states)[:, -1]
        assert not np.isin(last, (10, 11)).any()


@pytest.mark.parametrize("added", [0, 1, 4, 7])
def test_a_cut_ends_the_newest_episode_without_making_it_terminal(added):
    stream = make_stream(4)
    add_steps(stream, "." * added)
    stream.cut()
    assert stream.cuts == ([added - 1] if added else [])
    entries = stream.read(added - len(stream), added)
    assert entries["episode_end"].tolist() == [False] * (len(entries) - 1) + [True] * bool(added)
    assert not entries["terminal"].any()


def test_cuts_are_made_again_where_their_steps_are_restored():
    stream, restored = make_stream(4), make_stream(4)
    add_steps(stream, "." * 7)
    entries = stream.read(3, 7)  # written to disk before the cut
    stream.cut()
    restored.restore(3, entries, cuts=[1, 6, 9])
    assert restored.cuts == [6]
    assert restored.read(3, 7).tobytes() == stream.read(3, 7).tobytes()

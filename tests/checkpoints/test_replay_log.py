"""The replay memory on disk: it comes back as it was, wherever the run was stopped."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqn.checkpoints import replay_log
from dqn.checkpoints.replay_log import ReplayLog
from dqn.errors import UserError
from dqn.replay.memory import ReplayMemory
from dqn.replay.storage import Observations


def make_memory(size):
    """The one stream of a memory."""
    screens = Observations(size, shape=(3, 2))
    generator = np.random.default_rng(0)
    memory = ReplayMemory(screens, history_length=2, batch_size=2, generator=generator)
    return memory.streams[0]


def add(memory, steps):
    chance = np.random.default_rng(memory.added)
    for _ in range(steps):
        screen = chance.integers(0, 256, (3, 2), np.uint8)
        memory.add(chance.integers(18), chance.normal(), screen, chance.random() < 0.1, False)


def contents(memory):
    return memory.added, memory.read(memory.added - len(memory), memory.added).tobytes()


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(3, 12),
    segment=st.integers(1, 20),
    chunk=st.integers(1, 20),
    plays=st.lists(st.integers(0, 15), min_size=1, max_size=8),
    lost=st.integers(0, 15),
)
def test_every_checkpoint_and_the_one_before_it_come_back(
    tmp_path_factory, size, segment, chunk, plays, lost
):
    """After each one, `lost` more steps are made and forgotten, as by a kill."""
    folder = tmp_path_factory.mktemp("log")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(replay_log, "SEGMENT_BYTES", segment * 13)
        monkeypatch.setattr(replay_log, "CHUNK_BYTES", chunk * 13)
        memory = make_memory(size)
        log = ReplayLog(folder, memory)
        before = None
        for steps in plays:
            for _ in range(steps):
                add(memory, 1)
                log.on_step()
            log.flush()
            state, expected = log.get_state(), contents(memory)
            if before:
                log.prune(before[0])
            for _ in range(lost):
                add(memory, 1)
                log.on_step()
            for old_state, old_contents in (before, (state, expected)) if before else ():
                loaded = make_memory(size)
                ReplayLog(folder, loaded).set_state(old_state)
                assert contents(loaded) == old_contents
            memory = make_memory(size)
            log = ReplayLog(folder, memory)
            log.set_state(state)
            assert contents(memory) == expected
            before = state, expected


def test_a_checkpoint_has_little_to_write(tmp_path, monkeypatch):
    monkeypatch.setattr(replay_log, "CHUNK_BYTES", 5 * 13)
    memory = make_memory(100)
    log = ReplayLog(tmp_path, memory)
    for step in range(1, 43):
        add(memory, 1)
        log.on_step()
        written = sum(path.stat().st_size for path in tmp_path.iterdir()) / 13
        assert step - written < 5


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(3, 12),
    chunk=st.integers(1, 6),
    plays=st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=8),
)
def test_a_cut_comes_back_even_if_its_step_was_on_disk_before(tmp_path_factory, size, chunk, plays):
    folder = tmp_path_factory.mktemp("log")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(replay_log, "CHUNK_BYTES", chunk * 13)
        memory = make_memory(size)
        log = ReplayLog(folder, memory)
        before = None
        for steps, is_cut in plays:
            for _ in range(steps):
                add(memory, 1)
                log.on_step()
            if is_cut:
                memory.cut()
            log.flush()
            state, expected = log.get_state(), contents(memory)
            if before:
                log.prune(before[0])
                loaded = make_memory(size)
                ReplayLog(folder, loaded).set_state(before[0])
                assert contents(loaded) == before[1]
            memory = make_memory(size)
            log = ReplayLog(folder, memory)
            log.set_state(state)
            assert contents(memory) == expected
            before = state, expected


@pytest.mark.parametrize(
    "change",
    [
        {"added": 31},
        {"added": 29},
        {"added": -1},
        {"added": 10**15},
        {"segments": []},
        {"segments": [{"first": 0, "count": 10**12, "crc": 0}]},
        {"segments": [{"first": 0, "count": -5, "crc": 0}]},
        {"segments": [{"first": 10**15, "count": 1, "crc": 0}]},
        {"segments": [{"first": -7, "count": 1, "crc": 0}]},
    ],
)
def test_a_state_that_does_not_fit_the_steps_is_refused(tmp_path, change):
    memory = make_memory(20)
    log = ReplayLog(tmp_path, memory)
    add(memory, 30)
    log.flush()
    state = log.get_state()
    with pytest.raises(UserError, match="--restart"):
        ReplayLog(tmp_path, make_memory(20)).set_state({**state, **change})

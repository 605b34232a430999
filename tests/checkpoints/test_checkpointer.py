"""A run goes on from its checkpoints, whatever failed while they were written."""

import builtins
import errno
import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from dqn.checkpoints import folder as checkpoint
from dqn.checkpoints.checkpointer import Checkpointer
from dqn.checkpoints.folder import CheckpointFolder
from dqn.errors import NonFiniteWeights, UserError
from dqn.replay.memory import ReplayMemory
from dqn.replay.storage import Observations
from helpers.checkpointed_run import Run

# What is saved comes back


def test_only_two_generations_are_kept_and_the_steps_that_they_need(tmp_path, monkeypatch):
    monkeypatch.setattr("dqn.checkpoints.replay_log.SEGMENT_BYTES", 60)  # 4 steps
    run = Run(tmp_path)
    run.checkpointer.begin()
    for _ in range(20):
        run.play(7)
        run.checkpointer.save()
    assert len(list(tmp_path.glob("generation-*"))) == 2
    steps = sum(path.stat().st_size for path in tmp_path.glob("steps/*")) / 13
    assert 17 <= steps <= 17 + 2 * 4
    run.folder.close()
    assert Run.load(tmp_path).contents() == run.contents()


# Every write may fail


class Disk:
    """Counts what is asked of the disk, and fails at one such moment."""

    def __init__(self, monkeypatch, failing=None, error=None):
        self.count = 0
        self._failing = failing
        self._error = error
        open_, fsync, mkdir, rename = builtins.open, os.fsync, Path.mkdir, Path.rename
        disk = self

        class File(io.FileIO):
            def write(self, data):
                disk.ask(lambda: super(File, self).write(bytes(data)[: len(data) // 2]))
                return super().write(data)

        def open_file(path, mode="r", *arguments, **options):
            if mode in ("wb", "r+b"):
                self.ask()
                return File(path, {"wb": "w", "r+b": "r+"}[mode])
            return open_(path, mode, *arguments, **options)

        def asking(function):
            def ask_first(*arguments, **options):
                self.ask()
                return function(*arguments, **options)

            return ask_first

        for module in (checkpoint, "dqn.checkpoints.replay_log"):
            target = module if isinstance(module, str) else module.__name__
            monkeypatch.setattr(f"{target}.open", open_file, raising=False)
        monkeypatch.setattr(os, "fsync", asking(fsync))
        monkeypatch.setattr(Path, "mkdir", asking(mkdir))
        monkeypatch.setattr(Path, "rename", asking(rename))

    def ask(self, before_failing=lambda: None):
        self.count += 1
        if self.count == self._failing:
            before_failing()
            raise self._error


def num_moments(tmp_path):
    with pytest.MonkeyPatch.context() as monkeypatch:
        run = Run(tmp_path / "counted")
        run.checkpointer.begin()
        run.play(12)
        run.checkpointer.save()
        run.play(5)
        disk = Disk(monkeypatch)
        run.checkpointer.save()
        return disk.count


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_checkpoint_that_fails_at_any_write_leaves_the_one_before(tmp_path, error):
    moments = num_moments(tmp_path)
    assert moments >= 10
    for moment in range(1, moments + 1):
        path = tmp_path / str(moment)
        run = Run(path)
        run.checkpointer.begin()
        run.play(12)
        run.checkpointer.save()
        before = run.contents()
        run.play(5)
        with pytest.MonkeyPatch.context() as monkeypatch:
            Disk(monkeypatch, moment, error)
            if isinstance(error, OSError):
                run.checkpointer.save()
                with pytest.raises(UserError, match="No space left"):
                    run.checkpointer.close()
            else:  # as a kill would end it, here
                with pytest.raises(KeyboardInterrupt):
                    run.checkpointer.save()
        # A kill, now or after the rest of the run went well, loses nothing.
        shutil.copytree(path, tmp_path / "killed")
        killed = Run.load(tmp_path / "killed")
        assert killed.contents() in (before, run.contents())
        run.checkpointer.save()
        run.checkpointer.close()
        shutil.rmtree(tmp_path / "killed")
        shutil.copytree(path, tmp_path / "killed")
        assert Run.load(tmp_path / "killed").contents() == run.contents()
        shutil.rmtree(tmp_path / "killed")


def test_steps_that_failed_to_be_written_until_they_left_the_memory_do_no_harm(tmp_path):
    run = Run(tmp_path)
    run.checkpointer.begin()
    run.play(12)
    run.checkpointer.save()
    with pytest.MonkeyPatch.context() as monkeypatch:

        def full(*_, **__):
            raise OSError(errno.ENOSPC, "No space left")

        monkeypatch.setattr("dqn.checkpoints.replay_log.open", full, raising=False)
        run.play(35)
        run.checkpointer.save()
    run.play(3)
    run.checkpointer.save()
    run.checkpointer.close()
    run.folder.close()
    assert Run.load(tmp_path).contents() == run.contents()


# A network that diverged


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_is_never_checkpointed_and_the_one_before_stays(tmp_path, value):
    run = Run(tmp_path)
    run.checkpointer.begin()
    run.play(3)
    run.checkpointer.save()
    before = run.contents()
    run.play(2)
    run.counter.value = value
    with pytest.raises(NonFiniteWeights, match="diverged"):
        run.checkpointer.save()
    run.folder.close()
    assert Run.load(tmp_path).contents() == before


# Steps that were damaged, or changed during the run

STEP = 13  # bytes


def cut(path):
    os.truncate(path, path.stat().st_size - 1)


def flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("segment_steps", [4, 100])
@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_with_damaged_steps_that_only_the_newest_checkpoint_needs_the_one_before_goes_on(
    tmp_path, monkeypatch, damage, segment_steps, caplog
):
    monkeypatch.setattr("dqn.checkpoints.replay_log.SEGMENT_BYTES", segment_steps * STEP)
    run = Run(tmp_path)
    run.checkpointer.begin()
    run.play(8)
    run.checkpointer.save()
    before = run.contents()
    run.play(5)
    run.checkpointer.save()
    run.folder.close()
    newest = max(tmp_path.glob("steps/*"))
    if damage is Path.unlink and segment_steps == 100:  # the only one
        before = None
    damage(newest)
    if before is None:
        with pytest.raises(UserError, match=r"needs steps that are missing .* --restart"):
            Run.load(tmp_path)
        return
    loaded = Run.load(tmp_path)
    assert loaded.contents() == before
    assert "generation-000003 cannot be used: it needs steps that are missing" in caplog.text
    loaded.play(5)
    loaded.checkpointer.save()
    loaded.folder.close()
    assert Run.load(tmp_path).contents() == run.contents()


@pytest.mark.parametrize("num_logs", [1, 2])
def test_steps_of_several_actors_are_all_looked_at(tmp_path, num_logs):
    memory = ReplayMemory(
        Observations(20, shape=(3, 2)),
        history_length=2,
        batch_size=2,
        generator=np.random.default_rng(0),
        num_streams=num_logs,
    )
    folder = CheckpointFolder(tmp_path)
    checkpointer = Checkpointer(folder, memory, {}, {}, values={}, every_steps=0)
    checkpointer.begin()
    for stream in memory.streams:
        stream.add(1, 0, np.zeros((3, 2), np.uint8), False, False)
    checkpointer.save()
    state = folder.load()
    assert len(list(tmp_path.rglob("*.steps"))) == num_logs
    assert [stream["added"] for stream in state["logs"]] == [1] * num_logs
    cut(max(tmp_path.rglob("*.steps")))
    assert [stream["added"] for stream in folder.load()["logs"]] == [0] * num_logs


def move(path):
    path.rename(path.with_name("moved"))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        *(("steps/000000000000.steps", change) for change in (cut, move, Path.unlink)),
        *(("steps/000000000004.steps", change) for change in (cut, move, Path.unlink)),
        *(("steps/000000000008.steps", change) for change in (cut, move, Path.unlink)),
        *((name, move) for name in ("steps", "", "lock", "generation-000001")),
        *((name, shutil.rmtree) for name in ("steps", "")),
    ],
)
def test_what_is_missing_in_the_folder_of_a_run_is_written_again_by_the_next_checkpoint(
    tmp_path, monkeypatch, name, change
):
    monkeypatch.setattr("dqn.checkpoints.replay_log.SEGMENT_BYTES", 4 * STEP)
    run = Run(tmp_path / "run")
    run.checkpointer.begin()
    run.play(10)
    run.checkpointer.save()
    run.play(4)
    change(tmp_path / "run" / name)
    run.play(3)
    run.checkpointer.save()
    run.checkpointer.close()
    with pytest.raises(UserError, match="in use"):
        CheckpointFolder(tmp_path / "run")
    run.folder.close()
    assert Run.load(tmp_path / "run").contents() == run.contents()


def test_a_folder_that_another_run_took_in_place_of_one_that_moved_away_is_left_alone(
    tmp_path, caplog
):
    run = Run(tmp_path / "run")
    run.checkpointer.begin()
    move(tmp_path / "run")
    other = CheckpointFolder(tmp_path / "run")
    run.play(13)
    run.checkpointer.save()
    assert "in use by process" in caplog.text
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["lock"]
    other.close()
    run.checkpointer.save()
    run.checkpointer.close()
    run.folder.close()
    assert Run.load(tmp_path / "run").contents() == run.contents()


# A state of something else


@pytest.mark.parametrize(
    "state", [None, 5, [], {}, {"parts": 3}, {"parts": {"counter": None}}, {"parts": {}, "log": 1}]
)
def test_a_state_of_something_else_ends_in_one_line(tmp_path, state):
    with pytest.raises(UserError, match="does not fit"):
        Run(tmp_path).checkpointer.restore(state)

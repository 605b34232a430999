"""Each call to the file system fails once, in each way: one line, or a word in the log; no loss."""

import contextlib
import errno
import os
import shutil
import sys
from pathlib import Path

import pytest

from dqn.errors import UserError
from dqn.networks.architecture import Architecture, Convolution
from dqn.results.csv_file import CsvFile
from dqn.snapshots.file import load_snapshot
from dqn.snapshots.saver import SnapshotSaver
from dqn.snapshots.snapshot import Metadata
from helpers.checkpointed_run import Run
from helpers.networks import make_network

ERRORS = [errno.EACCES, errno.ENOSPC, errno.EIO, errno.EROFS]
EVENTS = {
    *("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"),
    *("os.listdir", "os.scandir", "os.link", "tempfile.mkstemp", "fcntl.flock"),
}


class FailingDisk:
    """Makes the call number `failing` to the file system below `folder` fail, while entered.

    Python tells an audit hook of each call but stat, write and fsync. A hook stays for ever.
    """

    current = None

    def __init__(self, folder, failing=None, number=None):
        self.count = 0
        self._folder = str(folder)
        self._failing = failing
        self._number = number

    def __enter__(self):
        FailingDisk.current = self
        return self

    def __exit__(self, *_):
        FailingDisk.current = None

    def ask(self):
        self.count += 1
        if self.count == self._failing:
            raise OSError(self._number, os.strerror(self._number))

    @classmethod
    def hear(cls, event, arguments):
        if cls.current and event in EVENTS:
            name = arguments[0]
            if event == "fcntl.flock" or (
                isinstance(name, str | Path) and str(name).startswith(cls.current._folder)
            ):
                cls.current.ask()

    @classmethod
    def fsync(cls, _descriptor):
        """In the place of os.fsync, which would take most of the time."""
        if cls.current:
            cls.current.ask()


sys.addaudithook(FailingDisk.hear)


SMALL = {
    "state_shape": (1, 36, 36),
    "convolutions": (Convolution(2, 8, 8, 4),),
    "dense_units": (4,),
}
NETWORK = make_network(**SMALL)
ARCHITECTURE = Architecture(4, **SMALL)
METADATA = Metadata("breakout", [0, 1, 3, 4], (1, 36, 36))


class Files:
    """All that a run writes into a folder, with older files in its way, once these were made."""

    def __init__(self, folder):
        self.folder = folder

    @classmethod
    def copy(cls, old, folder):
        shutil.copytree(old, folder)
        return cls(folder)

    def begin(self):
        folder = self.folder
        folder.mkdir()
        (folder / "run.csv").write_text("precious")
        (folder / "run_2.pkl").write_text("precious")
        older = Run(folder / "run.checkpoint")
        older.checkpointer.begin()
        older.play(3)
        older.checkpointer.save()
        older.folder.close()
        (folder / "run.checkpoint" / "generation-000009.part").mkdir()

    def run_anew(self):
        run = Run(self.folder / "run.checkpoint")
        try:
            saver = SnapshotSaver(self.folder / "run", NETWORK, ARCHITECTURE, METADATA, None)
            csv_file = CsvFile(self.folder / "run.csv", ("one",))
            run.checkpointer.begin()
            self._go_on(run, saver, csv_file, 1)
        finally:
            run.folder.close()

    def go_on(self):
        run = Run(self.folder / "run.checkpoint")
        try:
            saver = SnapshotSaver(self.folder / "run", NETWORK, ARCHITECTURE, METADATA, None)
            run.checkpointer.restore(run.folder.load())
            self._go_on(run, saver, None, 2)
        finally:
            run.folder.close()
        return run.contents()

    def _go_on(self, run, saver, csv_file, epoch):
        for _ in range(3):
            run.play(5)
            if csv_file:
                csv_file.write((run.counter.value,))
            run.checkpointer.save()
        saver.save(epoch, 9)
        for part in (saver, csv_file, run.checkpointer):
            if part:
                part.close()

    def check(self):
        """What was there before is there, and what is new is whole."""
        places = {path.name: path for path in self.folder.iterdir()}
        for name in ("run.csv", "run_2.pkl"):
            kept = [path for path in places.values() if path.name.startswith(name)]
            assert "precious" in [path.read_bytes().decode(errors="replace") for path in kept]
        if "run_1.pkl" in places:
            load_snapshot(places["run_1.pkl"])
        rows = (self.folder / "run.csv").read_bytes() if "run.csv" in places else b"precious"
        assert b"one\r\n5\r\n10\r\n15\r\n".startswith(rows) or rows == b"precious"
        aside = self.folder / "run.checkpoint.1"
        older = Run.load(aside if aside.exists() else self.folder / "run.checkpoint")
        assert older.counter.value == 3


@pytest.fixture(scope="module", autouse=True)
def _small_segments():
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(os, "fsync", FailingDisk.fsync)
        monkeypatch.setattr("dqn.checkpoints.replay_log.SEGMENT_BYTES", 4 * 13)
        yield


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """Two folders: one with an older run in the way, and one in which a run has been made, too."""
    folders = {way: tmp_path_factory.mktemp("old") / way for way in ("run_anew", "go_on")}
    for way, folder in folders.items():
        files = Files(folder)
        files.begin()
        if way == "go_on":
            files.run_anew()
    return folders


def num_calls(old, folder, method):
    files = Files.copy(old[method], folder)
    with FailingDisk(folder) as disk:
        getattr(files, method)()
    return disk.count


def check_new_run(old, folder, call, number):
    files = Files.copy(old["run_anew"], folder)
    with FailingDisk(folder, call, number), contextlib.suppress(UserError):
        files.run_anew()
    files.check()


def check_run_that_goes_on(old, folder, call, number):
    files = Files.copy(old["go_on"], folder)
    with FailingDisk(folder, call, number), contextlib.suppress(UserError):
        files.go_on()
    run = Run.load(folder / "run.checkpoint")
    assert run.counter.value in (15, 20, 25, 30)
    run.folder.close()
    files.check()


WAYS = {"run_anew": check_new_run, "go_on": check_run_that_goes_on}


@pytest.mark.parametrize("way", WAYS)
def test_a_call_to_the_disk_that_fails_loses_nothing(old, tmp_path, way):
    calls = num_calls(old, tmp_path / "counted", way)
    assert calls > 60
    for call in range(1, calls + 1):
        WAYS[way](old, tmp_path / str(call), call, ERRORS[call % len(ERRORS)])


@pytest.mark.slow
@pytest.mark.parametrize("number", ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize("way", WAYS)
def test_a_call_to_the_disk_that_fails_in_any_way_loses_nothing(old, tmp_path, way, number):
    for call in range(1, num_calls(old, tmp_path / "counted", way) + 1):
        WAYS[way](old, tmp_path / str(call), call, number)

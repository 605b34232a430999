"""CSV rows are on disk at once, and outlast whatever happens to the file."""

import builtins
import errno
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqn.errors import UserError
from dqn.results.csv_file import CsvFile
from helpers.changes import CHANGES, apply, read
from helpers.paths import SRC


class FullDisk:
    """Makes writing fail after `room` bytes, as a full disk does."""

    def __init__(self, monkeypatch):
        self.room = None
        self._open = builtins.open
        monkeypatch.setattr(builtins, "open", self.open)

    def open(self, *arguments, **options):
        file = self._open(*arguments, **options)
        return _LimitedFile(file, self) if "a" in arguments[1] else file


class _LimitedFile:
    def __init__(self, file, disk):
        self._file, self._disk = file, disk

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, data):
        if self._disk.room is None:
            return self._file.write(data)
        self._file.write(data[: self._disk.room])
        raise OSError(errno.ENOSPC, "No space left on device")


def rows(path):
    return read(path).decode().split("\r\n")[:-1]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_row_can_be_read_as_soon_as_it_was_written(tmp_path):
    csv_file = CsvFile(tmp_path / "a.csv", ("one", "two"))
    csv_file.write((1, "x"))
    assert (tmp_path / "a.csv").read_bytes() == b"one,two\r\n1,x\r\n"


def test_rows_that_a_full_disk_refused_are_written_later_and_none_is_torn(
    tmp_path, monkeypatch, caplog
):
    disk = FullDisk(monkeypatch)
    csv_file = CsvFile(tmp_path / "a.csv", ("one", "two"))
    csv_file.write((1, "x"))
    disk.room = 2
    csv_file.write((2, "y"))
    csv_file.write((3, "z"))
    assert "No space left on device" in caplog.text
    disk.room = None
    csv_file.write((4, "w"))
    assert rows(tmp_path / "a.csv") == ["one,two", "1,x", "2,y", "3,z", "4,w"]


def test_rows_that_cannot_be_written_until_the_end_are_said_and_come_with_the_state(
    tmp_path, monkeypatch
):
    path = tmp_path / "a.csv"
    with monkeypatch.context() as patch:
        disk = FullDisk(patch)
        csv_file = CsvFile(path, ("one",))
        disk.room = 1
        csv_file.write((11,))
        with pytest.raises(UserError, match="No space left on device"):
            csv_file.finish()
        state = csv_file.get_state()
        csv_file.close()
    assert not state["is_written"]
    CsvFile(path, ("one",), state).finish()
    assert rows(path) == ["one", "11"]


def test_its_folder_is_made(tmp_path):
    CsvFile(tmp_path / "results" / "new" / "a.csv", ("one",))
    assert (tmp_path / "results" / "new" / "a.csv").exists()


def test_a_folder_in_its_place_is_refused(tmp_path):
    with pytest.raises(UserError, match="not a file"):
        CsvFile(tmp_path, ("one",))


def test_an_older_file_without_rows_is_taken_over(tmp_path):
    CsvFile(tmp_path / "a.csv", ("one",)).close()
    CsvFile(tmp_path / "a.csv", ("one",)).write((1,))
    assert names(tmp_path) == ["a.csv"]


def test_an_older_file_with_rows_is_moved_aside(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"one\r\n1\r\n")
    CsvFile(tmp_path / "a.csv", ("one",))
    assert rows(tmp_path / "a.csv.1") == ["one", "1"]
    assert rows(tmp_path / "a.csv") == ["one"]


# Going on


def state_of(path, *values):
    """The state of a file at `path` with these rows of two values."""
    csv_file = CsvFile(path, ("one", "two"))
    for value in values:
        csv_file.write((value, value))
    csv_file.close()
    return csv_file.get_state()


def test_it_goes_on_after_the_rows_of_a_state(tmp_path):
    path = tmp_path / "a.csv"
    state = state_of(path, 1)
    with open(path, "ab") as file:
        file.write(b"3,4\r\n5,")  # forgotten, as by a kill
    other = CsvFile(path, ("one", "two"), state)
    assert rows(path) == ["one,two", "1,1"]
    other.write((5, 6))
    assert rows(path) == ["one,two", "1,1", "5,6"]
    assert names(tmp_path) == ["a.csv"]


@pytest.mark.parametrize(
    "found",
    [
        b"",
        b"mine",
        b"one,two\r\n2,2\r\n3,3\r\n",
        b"one,two\r\n1,1\r\nmine",
        b"one,two\r\n1,1\r\n2,2\n",
        b"one,two\r\n1,1\r\n2,2,2\r\n",
        b"one,two\r\n1,1\r\none,two\r\n1,1\r\n",
        b"one,two\r\n1,1\r\n\0\0",
        bytes(range(128, 228)),
        b"one,two\r\n1,",
        None,
    ],
)
def test_what_is_not_the_file_of_the_state_is_moved_aside_and_all_rows_are_written_again(
    tmp_path, found, caplog
):
    path = tmp_path / "a.csv"
    state = state_of(path, 1)
    path.unlink()
    if found is not None:
        path.write_bytes(found)
    CsvFile(path, ("one", "two"), state)
    assert rows(path) == ["one,two", "1,1"]
    assert "Rows are missing" in caplog.text
    if found and not b"one,two\r\n1,1\r\n".startswith(found):
        assert (tmp_path / "a.csv.1").read_bytes() == found
    else:
        assert names(tmp_path) == ["a.csv"]


def test_a_state_with_other_columns_is_refused(tmp_path):
    state = state_of(tmp_path / "a.csv", 1)
    with pytest.raises(ValueError, match="other columns"):
        CsvFile(tmp_path / "a.csv", ("one", "three"), state)


# What checkpoints kept before they had the rows


def test_rows_that_could_not_be_written_come_with_the_state_of_an_older_checkpoint(tmp_path):
    path = tmp_path / "a.csv"
    CsvFile(path, ("one",)).close()
    state = {"length": path.stat().st_size, "pending": "1\r\n"}
    CsvFile(path, ("one",), state).write((2,))
    assert rows(path) == ["one", "1", "2"]


def test_it_goes_on_after_the_length_of_an_older_checkpoint(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"one\r\n1\r\n2\r\n")
    CsvFile(path, ("one",), {"length": 8, "pending": ""}).write((3,))
    assert rows(path) == ["one", "1", "3"]


def test_a_file_that_lost_the_rows_of_an_older_checkpoint_is_moved_aside(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("mine")
    CsvFile(path, ("one",), {"length": 99, "pending": ""})
    assert rows(path) == ["one"]
    assert (tmp_path / "a.csv.1").read_text() == "mine"


# The file changes while it is open


def contents(folder):
    return [read(path) for path in folder.iterdir()]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*CHANGES, "row", "row", "checkpoint", "kill"]), st.integers(0, 300)
        ),
        max_size=25,
    )
)
def test_no_row_is_lost_or_torn_and_nothing_of_others_overwritten_by_any_changes(
    tmp_path_factory, events
):
    folder = tmp_path_factory.mktemp("changes")
    path = folder / "a.csv"
    csv_file = CsvFile(path, ("number", "text"))
    expected = ["number,text"]
    saved = csv_file.get_state(), list(expected)
    for event, number in [*events, ("finish", 0)]:
        before, ours = contents(folder), ("\r\n".join(expected) + "\r\n").encode()
        if event == "row":
            expected.append(f"{len(expected)},{'x' * (number % 50)}")
            csv_file.write(expected[-1].split(","))
        elif event == "checkpoint":
            saved = csv_file.get_state(), list(expected)
        elif event == "kill":
            csv_file.close()
            expected = list(saved[1])
            csv_file = CsvFile(path, ("number", "text"), saved[0])
        elif event == "finish":
            csv_file.finish()
        else:
            apply(event, path, number)
            continue
        after = contents(folder)
        for content in before:
            assert ours.startswith(content) or content in after
        if event != "checkpoint":
            assert rows(path) == expected
    csv_file.close()


@pytest.mark.parametrize("change", CHANGES)
def test_what_another_put_in_its_place_is_kept(tmp_path, change):
    path = tmp_path / "a.csv"
    csv_file = CsvFile(path, ("number", "text"))
    csv_file.write((1, "x"))
    apply(change, path)
    found = read(path) if path.exists() else b""
    csv_file.write((2, "y"))
    assert rows(path) == ["number,text", "1,x", "2,y"]
    if not b"number,text\r\n1,x\r\n2,y\r\n".startswith(found):
        assert (tmp_path / "a.csv.1").read_bytes() == found
    else:
        assert not (tmp_path / "a.csv.1").exists()


def test_a_folder_that_moved_away_is_made_again_with_all_rows(tmp_path):
    path = tmp_path / "results" / "a.csv"
    csv_file = CsvFile(path, ("one",))
    csv_file.write((1,))
    path.parent.rename(tmp_path / "moved")
    csv_file.write((2,))
    assert rows(path) == ["one", "1", "2"]
    assert rows(tmp_path / "moved" / "a.csv") == ["one", "1"]


def test_rows_wait_while_a_folder_is_in_the_files_place(tmp_path, caplog):
    path = tmp_path / "a.csv"
    csv_file = CsvFile(path, ("one",))
    path.rename(tmp_path / "moved")
    path.mkdir()
    csv_file.write((1,))
    assert "not a file" in caplog.text
    path.rmdir()
    csv_file.write((2,))
    assert rows(path) == ["one", "1", "2"]


# Two processes


def start_other(path):
    """A process that has the file open, and closes it when its input ends."""
    code = (
        "import sys, pathlib; from dqn.results.csv_file import CsvFile\n"
        "file = CsvFile(pathlib.Path(sys.argv[1]), ('one',))\n"
        "print('open', flush=True); sys.stdin.read(); file.write((7,))"
    )
    command = [sys.executable, "-c", code, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=SRC, **pipes)
    assert process.stdout.readline() == b"open\n"
    return process


def test_a_second_process_is_refused_the_same_file_and_told_who_writes_it(tmp_path):
    path = tmp_path / "a.csv"
    with start_other(path) as other:
        with pytest.raises(UserError, match=r"a\.csv is in use by .*--csv_file") as caught:
            CsvFile(path, ("one",))
        if os.path.exists("/proc/locks"):
            assert f"process {other.pid} on " in str(caught.value) or "another" in str(caught.value)
        assert rows(path) == ["one"]
        assert names(tmp_path) == ["a.csv"]
        other.stdin.close()
    assert rows(path) == ["one", "7"]
    CsvFile(path, ("one",)).close()  # the end of the process released it


def test_two_processes_whose_files_changed_places_take_nothing_from_each_other(tmp_path):
    path = tmp_path / "a.csv"
    csv_file = CsvFile(path, ("one",))
    csv_file.write((1,))
    path.rename(tmp_path / "moved")
    with start_other(path) as other:
        csv_file.write((2,))
        with pytest.raises(UserError, match="in use"):
            csv_file.finish()
        other.stdin.close()
    csv_file.finish()
    assert rows(path) == ["one", "1", "2"]
    assert rows(tmp_path / "a.csv.1") == ["one", "7"]

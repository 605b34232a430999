"""CSV rows are on disk at once, and outlast a disk that was full for a while."""

import builtins
import errno

import pytest

from dqn.csv_file import CsvFile
from dqn.errors import UserError


class FullDisk:
    """Makes writing fail after `room` bytes, as a full disk does."""

    def __init__(self, monkeypatch):
        self.room = None
        self._open = builtins.open
        monkeypatch.setattr(builtins, "open", self.open)

    def open(self, *arguments, **options):
        file = self._open(*arguments, **options)
        if self.room is None or "a" not in arguments[1]:
            return file
        return _LimitedFile(file, self.room)


class _LimitedFile:
    def __init__(self, file, room):
        self._file, self._room = file, room

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, data):
        self._file.write(data[: self._room])
        self._file.flush()
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_row_can_be_read_as_soon_as_it_was_written(tmp_path):
    csv_file = CsvFile(tmp_path / "a.csv", ("one", "two"))
    csv_file.write((1, "x"))
    assert (tmp_path / "a.csv").read_bytes() == b"one,two\r\n1,x\r\n"


def test_rows_that_a_full_disk_refused_are_written_later_and_none_is_torn(
    tmp_path, monkeypatch, caplog
):
    csv_file = CsvFile(tmp_path / "a.csv", ("one", "two"))
    csv_file.write((1, "x"))
    disk = FullDisk(monkeypatch)
    disk.room = 2
    csv_file.write((2, "y"))
    csv_file.write((3, "z"))
    assert "No space left on device" in caplog.text
    disk.room = None
    csv_file.write((4, "w"))
    assert (tmp_path / "a.csv").read_text().split() == ["one,two", "1,x", "2,y", "3,z", "4,w"]


def test_its_folder_is_made(tmp_path):
    CsvFile(tmp_path / "results" / "new" / "a.csv", ("one",))
    assert (tmp_path / "results" / "new" / "a.csv").exists()


def test_a_folder_in_its_place_is_refused(tmp_path):
    with pytest.raises(UserError, match="not a file"):
        CsvFile(tmp_path, ("one",))


def test_it_goes_on_after_the_rows_of_a_state(tmp_path):
    path = tmp_path / "a.csv"
    first = CsvFile(path, ("one", "two"))
    first.write((1, 2))
    state = first.get_state()
    first.write((3, 4))  # forgotten, as by a kill
    other = CsvFile(path, ("one", "two"), state)
    assert path.read_bytes() == b"one,two\r\n1,2\r\n"
    other.write((5, 6))
    assert path.read_bytes() == b"one,two\r\n1,2\r\n5,6\r\n"
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]


def test_rows_that_could_not_be_written_come_with_the_state(tmp_path):
    path = tmp_path / "a.csv"
    CsvFile(path, ("one",))
    state = {"length": path.stat().st_size, "pending": "1\r\n"}
    CsvFile(path, ("one",), state).write((2,))
    assert path.read_bytes() == b"one\r\n1\r\n2\r\n"


def test_a_file_that_lost_the_rows_of_a_state_is_moved_aside(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("mine")
    CsvFile(path, ("one",), {"length": 99, "pending": ""})
    assert path.read_bytes() == b"one\r\n"
    assert (tmp_path / "a.csv.1").read_text() == "mine"


def test_an_older_file_without_rows_is_taken_over(tmp_path):
    CsvFile(tmp_path / "a.csv", ("one",))
    CsvFile(tmp_path / "a.csv", ("one",)).write((1,))
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]

"""CSV files that grow row by row, and lose none whatever happens to them on the disk."""

import contextlib
import csv
import io
import logging
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dqn.errors import UserError, explain
from dqn.machine.files import is_at, lock_holder, make_writable_folder, move_aside, open_locked
from dqn.machine.state_values import take_array, take_flag, take_integer, take_text

logger = logging.getLogger(__name__)

MAX_CUT = 64 * 2**20  # bytes of rows: more than a run makes after a checkpoint


class CsvFile:
    """A CSV file at `path`, which no other process may write until it is closed.

    It is a new one, with an older one moved aside. With the `state` of an earlier one it goes on
    after the rows that it had then. The first value of a row is a number.

    Each row is on disk when `write` returns. All rows are kept in memory, too: the file has to be
    the beginning of them. Whatever else stands in its place, because somebody moved, cut, replaced
    or changed the file, is moved aside, and all rows are written again. Rows that cannot be
    written, for want of space, say, are written before the next one.

    Raises UserError if the file cannot be written, or another process writes it, and ValueError or
    LookupError if `check_state` does.
    """

    def __init__(self, path: Path, columns: Sequence[str], state: dict[str, Any] | None = None):
        self._path = path
        self._header = _text(columns)
        self._file: BinaryIO | None = None
        self._on_disk = 0  # bytes of the rows
        self._stamp: tuple[int, int] | None = None  # of the file after it was last written
        self._failure: str | None = None
        if state:
            check_state(state, columns)
        make_writable_folder(path.parent)
        self._rows = bytearray(self._restored(state) if state else self._header)
        try:
            self._open(may_cut=bool(state))
        except OSError as error:
            raise UserError(f"cannot write {path} {explain(error)}") from error
        self._save()

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps: all rows, and whether all of them are on the disk."""
        rows = np.frombuffer(bytes(self._rows), np.uint8)
        return {"rows": rows, "is_written": self._failure is None}

    @property
    def content(self) -> bytes:
        """All that the file holds, or will hold: header and rows."""
        return bytes(self._rows)

    def write(self, row: Iterable[object]) -> None:
        """Append one row."""
        self._rows += _text(row)
        self._save()

    def finish(self) -> None:
        """See that all rows are in the file; raises UserError if they cannot be written."""
        self._stamp = None
        self._save()
        if self._failure:
            raise UserError(f"{self._failure}; its last rows are missing")

    def close(self) -> None:
        """Let others write the file."""
        if self._file:
            self._file.close()
            self._file = None

    def _restored(self, state: dict[str, Any]) -> bytes:
        """The rows of a state, some of them on the disk."""
        if "rows" in state:
            rows = state["rows"].tobytes()
            self._on_disk = len(rows) if state["is_written"] else 0
            return rows
        # Older checkpoints have only the length of the rows that are in the file.
        length, pending = state["length"], state["pending"].encode()
        rows = b""
        with contextlib.suppress(OSError):
            rows = self._path.read_bytes()[:length]
        if len(rows) == length and (rows + pending).startswith(self._header):
            self._on_disk = length
            return rows + pending
        logger.warning("The rows of the run's earlier part are not in %s: a new file", self._path)
        return self._header

    def _save(self) -> None:
        try:
            self._append(self._untouched() or self._open())
            if not self._untouched():  # changed at this very moment
                self._append(self._open())
        except (OSError, UserError) as error:
            self._stamp = None
            reason = explain(error) if isinstance(error, OSError) else f"({error})"
            failure = f"cannot write to {self._path} {reason}"
            if failure != self._failure:
                logger.error("%s; its rows are kept until it can be written again", failure)
            self._failure = failure
        else:
            self._failure = None

    def _append(self, file: BinaryIO) -> None:
        while self._on_disk < len(self._rows):
            self._on_disk += file.write(self._rows[self._on_disk :])
        os.fsync(file.fileno())
        stamp = _stamp(file)
        self._stamp = stamp if stamp[0] == self._on_disk else None

    def _untouched(self) -> BinaryIO | None:
        """The file, unless somebody else changed it or what has its name, as its time tells."""
        file = self._file
        is_ours = file and is_at(file, self._path) and self._stamp == _stamp(file)
        return file if is_ours else None

    def _open(self, may_cut: bool = False) -> BinaryIO:
        """Open the file, or a new one if what it holds is not the beginning of the rows.

        A file that ends with rows that a run made after the checkpoint that it goes on with may be
        cut: it will make them again.
        """
        while True:
            file = self._file
            if file is None or not is_at(file, self._path):
                file = self._take()
            length = len(self._rows)
            limit = length + (MAX_CUT if may_cut else 1)
            file.seek(0)
            found = file.read(limit)
            may_cut = may_cut and found.startswith(self._rows) and len(found) < limit
            if may_cut and self._are_rows(found[length:]):
                file.truncate(length)
                found = found[:length]
            if self._rows.startswith(found):
                break
            move_aside(self._path)
        if len(found) < self._on_disk:
            logger.warning("Rows are missing in %s: they are written again", self._path)
        self._on_disk = len(found)
        return file

    def _take(self) -> BinaryIO:
        """Open and lock what has the file's name, or a new file."""
        self.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._path.is_file():
            move_aside(self._path)  # which refuses a folder or a pipe
        try:
            file = open_locked(self._path)
        except BlockingIOError:
            raise UserError(
                f"{self._path} is in use by {lock_holder(self._path)}: wait for it, stop it, or "
                "choose another --csv_file"
            ) from None
        except PermissionError:
            move_aside(self._path)
            file = open_locked(self._path)
        self._file = file
        return file

    def _are_rows(self, data: bytes) -> bool:
        """Whether these are rows of this file, of which the last may be torn."""
        commas = self._header.count(b",")
        row = rb"\d[^,\r\n]*(,[^,\r\n]*){%d}\r\n" % commas
        return re.fullmatch(rb"(%s)*(\d[^\r\n]*\r?)?" % row, data) is not None


def check_state(state: Any, columns: Sequence[str]) -> None:
    """Raises ValueError or LookupError if `state` is not one of a file with these columns."""
    if isinstance(state, dict) and "rows" in state:
        rows = take_array(state, "rows", np.uint8, (None,)).tobytes()
        take_flag(state, "is_written")
        if not rows.startswith(_text(columns)):
            raise ValueError("the rows of a CSV file have other columns")
    else:  # as older checkpoints have it
        take_integer(state, "length")
        take_text(state, "pending").encode()


def _stamp(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _text(row: Iterable[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue().encode()

"""CSV files that grow row by row and survive a full disk."""

import csv
import io
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dqn.errors import UserError, explain
from dqn.files import make_writable_folder, move_aside
from dqn.state_values import take_integer, take_text

logger = logging.getLogger(__name__)


class CsvFile:
    """A CSV file at `path`: a new one, with an older one moved aside.

    With the `state` of an earlier one it goes on with the same file instead, after the rows that it
    had then. Each row is on disk when `write` returns. Rows that cannot be written, for want of
    space, are kept and written before the next one. Raises UserError if the file cannot be written
    at first.
    """

    def __init__(self, path: Path, columns: Sequence[str], state: dict[str, Any] | None = None):
        self._path = path
        self._failure: str | None = None
        make_writable_folder(path.parent)
        if state and path.is_file() and path.stat().st_size >= state["length"]:
            self._length = state["length"]  # bytes of the file that are whole rows
            self._pending = state["pending"]
            self._write_pending()
            self.close()
            return
        if state:
            logger.warning("The rows of the run's earlier part are not in %s: a new file", path)
        self._length = 0
        self._pending = ""
        if not self._holds_only(columns):
            move_aside(path)
        self.write(columns)
        self.close()

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps: how much of the file is whole rows, and those still to come."""
        return {"length": self._length, "pending": self._pending}

    def write(self, row: Iterable) -> None:
        """Append one row."""
        self._pending += _text(row)
        self._write_pending()

    def close(self) -> None:
        """Raises UserError if the last rows could not be written."""
        if self._failure:
            raise UserError(self._failure)

    def _holds_only(self, columns: Sequence[str]) -> bool:
        """Whether the older file has no row: a run was killed before it could write one."""
        header = _text(columns).encode()
        try:
            return self._path.is_file() and self._path.read_bytes() == header
        except OSError:  # it may not be read: it is moved aside, whatever it holds
            return False

    def _write_pending(self) -> None:
        try:
            with open(self._path, "ab") as file:
                file.truncate(self._length)  # takes away what a failed write left behind
                file.write(self._pending.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self._failure = f"cannot write to {self._path} {explain(error)}"
            logger.error("%s; its rows are kept until it can be written again", self._failure)
        else:
            self._failure = None
            self._length += len(self._pending.encode())
            self._pending = ""


def check_state(state: Any) -> None:
    """Raises ValueError if `state` is not one of `CsvFile.get_state`."""
    take_integer(state, "length")
    take_text(state, "pending").encode()


def _text(row: Iterable) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue()

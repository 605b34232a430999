"""CSV files that grow row by row and survive a full disk."""

import csv
import io
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dqn.files import make_writable_folder, move_aside

logger = logging.getLogger(__name__)


class CsvFile:
    """A CSV file at `path`: a new one, with an older one moved aside.

    With the `state` of an earlier one it goes on with the same file instead, after the rows that it
    had then. Each row is on disk when `write` returns. Rows that cannot be written, for want of
    space, are kept and written before the next one. Raises UserError if the folder cannot be
    written.
    """

    def __init__(self, path: Path, columns: Sequence[str], state: dict[str, Any] | None = None):
        self._path = path
        make_writable_folder(path.parent)
        if state and path.is_file() and path.stat().st_size >= state["length"]:
            self._length = state["length"]  # bytes of the file that are whole rows
            self._pending = state["pending"]
            self._write_pending()
            return
        if state:
            logger.warning("The rows of the run's earlier part are not in %s: a new file", path)
        self._length = 0
        self._pending = ""
        if not self._holds_only(columns):
            move_aside(path)
        self.write(columns)

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps: how much of the file is whole rows, and those still to come."""
        return {"length": self._length, "pending": self._pending}

    def write(self, row: Iterable) -> None:
        """Append one row."""
        self._pending += _text(row)
        self._write_pending()

    def _holds_only(self, columns: Sequence[str]) -> bool:
        """Whether the older file has no row: a run was killed before it could write one."""
        header = _text(columns).encode()
        return self._path.is_file() and self._path.read_bytes() == header

    def _write_pending(self) -> None:
        try:
            with open(self._path, "ab") as file:
                file.truncate(self._length)  # takes away what a failed write left behind
                file.write(self._pending.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            logger.error(
                "Cannot write to %s (%s): its rows are kept until it can be written again",
                self._path,
                error.strerror,
            )
        else:
            self._length += len(self._pending.encode())
            self._pending = ""


def _text(row: Iterable) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue()

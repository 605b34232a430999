"""CSV files that grow row by row and survive a full disk."""

import csv
import io
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from dqn.files import make_writable_folder, move_aside

logger = logging.getLogger(__name__)


class CsvFile:
    """A new CSV file at `path`; an older one is moved aside.

    Each row is on disk when `write` returns. Rows that cannot be written, for want of space, are
    kept and written before the next one. Raises UserError if the folder cannot be written.
    """

    def __init__(self, path: Path, columns: Sequence[str]):
        self._path = path
        make_writable_folder(path.parent)
        move_aside(path)
        self._length = 0  # bytes of the file that are whole rows
        self._pending = ""
        self.write(columns)

    def write(self, row: Iterable) -> None:
        """Append one row."""
        text = io.StringIO()
        csv.writer(text).writerow(row)
        self._pending += text.getvalue()
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

"""Rows of a CSV file that may be broken, or that a run is writing at this moment."""

import csv
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from dqn.errors import UserError
from dqn.report.columns import COLUMNS

MAX_ROWS = 2_000_000  # which take half a GB of memory; a run of 200 epochs has 401, and its games
MAX_LINE = 2**20  # characters


def brief(text: str, length: int = 300) -> str:
    """Cut the middle out of a text longer than `length`, and show what cannot be printed as ?."""
    text = "".join(char if char.isprintable() else "?" for char in text)
    half = max(1, (length - 1) // 2)
    return text if len(text) <= length else f"{text[:half]}…{text[-half:]}"


class Lines:
    """The lines of a text file; `last` is the last one that was read."""

    def __init__(self, file: TextIO):
        self._file = file
        self.last = ""

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        self.last = self._file.readline(MAX_LINE)
        if not self.last:
            raise StopIteration
        if "\0" in self.last or len(self.last) == MAX_LINE:
            raise csv.Error("it is binary")
        return self.last


def read_rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield a CSV file's rows, each with the number of its line; raises UserError.

    The last number of a row that is being written at this moment may be cut: it is NaN.
    """
    is_empty = True
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = Lines(file)
            reader = csv.reader(lines, delimiter=delimiter)
            for row in filter(None, reader):
                cells = list(map(str.strip, row))
                if not is_empty and not lines.last.endswith(("\n", "\r")):
                    cells[-1] = "nan"
                is_empty = False
                yield reader.line_num, cells
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}): name a run's CSV file") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} is not a CSV file (line {reader.line_num + 1}): name the one that a run wrote "
            "into results/"
        ) from error
    if is_empty:
        raise UserError(f"{path} is empty: wait until the run has finished a phase")


def to_number(text: str, path: Path, line: int, name: str) -> float:
    """Read a number; NaN if it is too large to draw, UserError if it is none."""
    try:
        value = float(text)
    except ValueError:
        raise UserError(
            f"{path}, line {line}: {name} is {brief(text, 40)!r}, not a number"
        ) from None
    return value if abs(value) < 1e100 else math.nan


def whole_rows(
    rows: Iterator[tuple[int, list[str]]], length: int, path: Path
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows; a last one that is too short is left out, because it is being written.

    Raises UserError for any other that is not of this length, or too many.
    """
    wrong = None
    for count, (line, row) in enumerate(rows):
        if count == MAX_ROWS:
            raise UserError(f"{path} has more than {MAX_ROWS:,} rows: draw a part of it")
        if wrong:
            raise UserError(wrong)
        if len(row) != length:
            wrong = f"{path}, line {line} has {len(row)} values instead of {length}: remove it"
            is_longer = len(row) > length
        else:
            yield line, row
    if wrong and is_longer:
        raise UserError(wrong)


def read_header(rows: Iterator[tuple[int, list[str]]], skiprows: int) -> list[str]:
    """Take the header rows, and return the one that names the columns."""
    header = list(COLUMNS)
    for number, (_, row) in enumerate(itertools.islice(rows, min(skiprows, MAX_ROWS))):
        if number == 0 or ("epoch" in row and "epoch" not in header):
            header = row
    return header

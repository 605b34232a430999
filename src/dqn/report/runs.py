"""The curves of one run, or the scores of its games, from a CSV file."""

import math
from array import array
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from dqn.errors import UserError
from dqn.report.columns import (
    DEFAULT_FIELDS,
    DEFAULT_GAME_FIELDS,
    GAME_PHASES,
    OTHER_NAMES,
    PHASES,
)
from dqn.report.protocol import frames_per_step, read_flags
from dqn.report.rows import brief, read_header, read_rows, to_number, whole_rows

# What a curve can be drawn over, with the column that it is read from: of phases, and of games,
# whose numbers add up.
X_OF_PHASES = {
    "epoch": "epoch",
    "steps": "total_train_steps",
    "frames": "total_train_steps",
    "hours": "total_time",
}
X_OF_GAMES = {"epoch": "epoch", "steps": "steps", "frames": "frames", "hours": "seconds"}

Curves = dict[str, dict[str, "array[float]"]]


@dataclass
class Run:
    """The curves of one CSV file: phase → field → one value per epoch, NaN where there is none.

    If it `is_of_games`, one value per game; the field `played` is the number of steps of all games
    up to that one. `x` is what the curves are drawn over, one of X_OF_PHASES, in the field `x`;
    None: epochs, or the steps played. Of the mean of several runs, `lows` and `highs` are the ends
    of their range.
    """

    name: str
    phases: Curves
    is_of_games: bool = False
    x: str | None = None
    lows: Curves | None = None
    highs: Curves | None = None

    @property
    def field_of_x(self) -> str:
        """The field that curves are drawn over."""
        if self.x:
            return "x"
        return "played" if self.is_of_games else "epoch"


def read_run(
    path: Path,
    fields: list[str] | None,
    skiprows: int = 1,
    delimiter: str = ",",
    x: str | None = None,
    only: Collection[str] = (),
) -> Run:
    """Read `fields` of a run (None: the default ones), to be drawn over `x`.

    If phases are named in `only`, no others are read, and there may be none.
    Of `skiprows` header rows the one with `epoch` names the columns. Raises UserError for a file
    that is not the CSV of a run, lacks a field or has no complete row.
    """
    rows = read_rows(path, delimiter)
    header = read_header(rows, skiprows)
    columns = {OTHER_NAMES.get(name, name): index for index, name in enumerate(header)}
    is_of_games = "score" in columns and "average_reward" not in columns
    fields = fields or (DEFAULT_GAME_FIELDS if is_of_games else DEFAULT_FIELDS)
    of_x = [(X_OF_GAMES if is_of_games else X_OF_PHASES)[x]] if x else []
    numeric = dict.fromkeys(["epoch", *(["steps"] if is_of_games else []), *fields, *of_x])
    scale = _scale_of_x(path, x, is_of_games)
    missing = [name for name in dict.fromkeys(["epoch", "phase", *numeric]) if name not in columns]
    if missing:
        raise UserError(
            f"{path} has no column {brief(', '.join(missing))}; it has {brief(', '.join(header))}"
        )
    names: Collection[str] = only or (GAME_PHASES if is_of_games else PHASES)
    phases: dict[str, dict[str, array[float]]] = {}
    played = summed = 0.0
    for line, row in whole_rows(rows, len(header), path):
        phase = row[columns["phase"]]
        if phase not in names:
            continue
        numbers = {name: to_number(row[columns[name]], path, line, name) for name in numeric}
        if math.isnan(numbers["epoch"]):
            raise UserError(f"{path}, line {line}: epoch is not a number")
        if is_of_games:
            played += 0 if math.isnan(numbers["steps"]) else numbers["steps"]
            numbers["played"] = played
        if of_x:
            number = numbers[of_x[0]] * scale
            if is_of_games and x != "epoch":
                summed += 0 if math.isnan(number) else number
                number = summed
            numbers["x"] = number
        curves = phases.setdefault(phase, {name: array("d") for name in numbers})
        for name, value in numbers.items():
            curves[name].append(value)
    if not phases and not only:
        raise UserError(f"{path} has nothing to plot yet: no complete row of {', '.join(names)}")
    return Run(run_name(path), phases, is_of_games, x)


def _scale_of_x(path: Path, x: str | None, is_of_games: bool) -> float:
    """What a column is multiplied by."""
    if x == "hours":
        return 1 / 3600
    return frames_per_step(read_flags(path)) if x == "frames" and not is_of_games else 1


def run_name(path: Path) -> str:
    """Return the name of the run that wrote `path`."""
    return path.stem if path.suffix.lower() == ".csv" else path.name

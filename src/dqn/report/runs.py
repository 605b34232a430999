"""The curves of one run, or the scores of its games, from a CSV file."""

import math
from array import array
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
from dqn.report.rows import brief, read_header, read_rows, to_number, whole_rows


@dataclass
class Run:
    """The curves of one CSV file: phase → field → one value per epoch, NaN where there is none.

    If it `is_of_games`, one value per game; the field `played` is the number of steps of all games
    up to that one.
    """

    name: str
    phases: dict[str, dict[str, "array[float]"]]
    is_of_games: bool = False


def read_run(path: Path, fields: list[str] | None, skiprows: int = 1, delimiter: str = ",") -> Run:
    """Read `fields` of a run (None: the default ones).

    Of `skiprows` header rows the one with `epoch` names the columns. Raises UserError for a file
    that is not the CSV of a run, lacks a field or has no complete row.
    """
    rows = read_rows(path, delimiter)
    header = read_header(rows, skiprows)
    columns = {OTHER_NAMES.get(name, name): index for index, name in enumerate(header)}
    is_of_games = "score" in columns and "average_reward" not in columns
    fields = fields or (DEFAULT_GAME_FIELDS if is_of_games else DEFAULT_FIELDS)
    numeric = dict.fromkeys(["epoch", *(["steps"] if is_of_games else []), *fields])
    missing = [name for name in dict.fromkeys(["epoch", "phase", *numeric]) if name not in columns]
    if missing:
        raise UserError(
            f"{path} has no column {brief(', '.join(missing))}; it has {brief(', '.join(header))}"
        )
    names = GAME_PHASES if is_of_games else PHASES
    phases: dict[str, dict[str, array[float]]] = {}
    played = 0.0
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
        curves = phases.setdefault(phase, {name: array("d") for name in numbers})
        for name, value in numbers.items():
            curves[name].append(value)
    if not phases:
        raise UserError(f"{path} has nothing to plot yet: no complete row of {', '.join(names)}")
    return Run(run_name(path), phases, is_of_games)


def run_name(path: Path) -> str:
    """Return the name of the run that wrote `path`."""
    return path.stem if path.suffix.lower() == ".csv" else path.name

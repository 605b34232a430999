"""How a network was trained: what its run's CSV file says, and a note beside its snapshot."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dqn.errors import UserError, explain
from dqn.sharing.checksums import sha256_of

MAX_NOTE = 2**16  # bytes


@dataclass(frozen=True)
class Training:
    """How a network was trained; None where nobody knows.

    `command` repeats the training; `hours` are of clock time with its tests; `hardware`, `commit`
    and `python` are what it was trained on.
    """

    command: str | None = None
    seed: int | None = None
    steps: int | None = None
    epoch: int | None = None
    weight_updates: int | None = None
    hours: float | None = None
    hardware: str | None = None
    commit: str | None = None
    python: str | None = None


def read_note(snapshot: Path) -> dict[str, Any]:
    """What <name>.json beside a snapshot says of it, if it is about those very bytes.

    Such a note comes with the networks of snapshots/pretrained. Only texts and numbers are taken.
    """
    path = snapshot.with_suffix(".json")
    try:
        with open(path, "rb") as file:
            values = json.loads(file.read(MAX_NOTE))
        if not isinstance(values, dict) or values.get("sha256") != sha256_of(snapshot):
            return {}
    except (OSError, ValueError, RecursionError):
        return {}
    texts = {n: values.get(n) for n in ("command", "commit", "hardware", "python")}
    kept: dict[str, Any] = {n: v for n, v in texts.items() if isinstance(v, str)}
    if type(values.get("hours")) in (int, float):
        kept["hours"] = float(values["hours"])
    return kept


def find_csv(snapshot: Path, results: Path, steps: int) -> Path | None:
    """The CSV file of the run that a snapshot is of, which has trained for `steps` by then.

    It stands beside the snapshot, or in the folder `results`, under the name of either.
    """
    names = dict.fromkeys((snapshot.stem, run_of(snapshot)))
    paths = [folder / f"{name}.csv" for folder in (snapshot.parent, results) for name in names]
    return next((path for path in paths if path.is_file() and _last_step(path) >= steps), None)


def run_of(snapshot: Path) -> str:
    """The name of the run of a snapshot: that of its file without epoch or "best"."""
    name, _, end = snapshot.stem.rpartition("_")
    is_end = end == "best" or end.replace(".", "", 1).isdigit()
    return name if name and is_end else snapshot.stem


def hours_until(path: Path, steps: int) -> float | None:
    """The hours of clock time until a run had trained for `steps` steps, if it says so."""
    for row in _rows(path):
        if row.get("phase") == "train" and _number(row.get("total_train_steps")) == steps:
            seconds = _number(row.get("total_time"))
            return seconds / 3600 if seconds >= 0 else None
    return None


def check_csv(path: Path, steps: int) -> None:
    """Raises UserError if a CSV file is not that of a run that trained for `steps` steps."""
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise UserError(f"cannot read {path} {explain(error)}") from error
    last = _last_step(path)
    if last < steps:
        raise UserError(
            f"{path} ends after {max(last, 0):,.0f} training steps, and the network was trained "
            f"for {steps:,}: name the CSV file of its run"
        )


def _last_step(path: Path) -> float:
    return max((_number(row.get("total_train_steps")) for row in _rows(path)), default=-1)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with open(path, newline="", errors="replace") as file:
            return list(csv.DictReader(file))
    except (OSError, csv.Error):
        return []


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return -1.0

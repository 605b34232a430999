"""How far a run is, by the ends of its log and its CSV file."""

import csv
import math
import re
from pathlib import Path

from dqn.results.statistics import PHASE_COLUMNS
from dqn.sweeps.manifest import Run
from dqn.sweeps.process import tail
from dqn.sweeps.sweep import Sweep
from dqn.sweeps.words import values

EPOCH = re.compile(r"Epoch #(\d+)$", re.MULTILINE)
PROGRESS = re.compile(
    r"epoch (\d+) (\w+): (\d+) of (\d+) (?:steps?|games?), (\d+ steps/s)", re.MULTILINE
)
SPEED = re.compile(r"steps_per_second: (\d+)")
MOST = 16384  # bytes of a log, in which a few minutes have room
OF_CSV = 2048  # bytes, in which the last rows have room


def glimpse(sweep: Sweep, run: Run) -> str:
    """A line such as: epoch 3 of 40, train 24 %, 312 steps/s, last test 4.2."""
    log = tail(sweep.log(run), MOST)
    parts = []
    progress = _last(PROGRESS, log)
    epoch = _last(EPOCH, log)
    position = 0
    if progress and not (epoch and epoch.start() > progress.start()):
        number, phase, done, total, speed = progress.groups()
        position = int(number)
        parts = [f"{phase} {100 * int(done) // int(total)} %", speed]
    elif epoch:
        position = int(epoch[1])
        speed_before = _last(SPEED, log)
        parts = [f"{speed_before[1]} steps/s"] if speed_before else []
    if position:
        last = values(run.command).get("epochs", "")
        parts.insert(0, f"epoch {position}" + (f" of {last}" if last else ""))
    score = last_test(sweep.csv_file(run))
    if not math.isnan(score):
        parts.append(f"last test {score:,.1f}")
    return ", ".join(parts) or "starting"


def last_test(csv_file: Path) -> float:
    """The mean score of the last test in a CSV file; NaN if there is none."""
    columns = {name: place for place, name in enumerate(PHASE_COLUMNS)}
    lines = tail(csv_file, OF_CSV).split("\n")[:-1]  # what follows the last newline is cut off
    for row in reversed(list(csv.reader(lines))):
        if len(row) == len(columns) and row[columns["phase"]] == "test":
            try:
                return float(row[columns["average_reward"]])
            except ValueError:
                return math.nan
    return math.nan


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    matches = list(pattern.finditer(text))
    return matches[-1] if matches else None

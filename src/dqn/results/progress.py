"""Progress of a phase: a bar on a terminal, a log line a minute elsewhere."""

import logging
import math
import os
import sys
import time
from contextlib import ExitStack
from typing import TextIO

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from dqn.actors.events import Step
from dqn.machine.wording import counted

logger = logging.getLogger(__name__)

LOG_SECONDS = 60.0
BAR_SECONDS = 0.5

# What the bar shows, from wide terminals to narrow ones, with the fewest columns that its bar may
# have: what matters less goes first.
NUMBERS = "{left} left, {speed}, {rate}, {games}, mean {mean}"
LAYOUTS = (
    (
        "{description} {percentage}|{bar}| {done} [{elapsed}<{left}, {speed}, {rate}, {games}, "
        "mean reward {mean}]",
        10,
    ),
    ("{description} {percentage}|{bar}| " + NUMBERS, 3),
    ("{description} {percentage}, " + NUMBERS, 0),
    ("{percentage}, " + NUMBERS, 0),
    ("{percentage}, {left} left, {speed}, {games}, mean {mean}", 0),
    ("{percentage}, {left} left, mean {mean}", 0),
    ("{percentage}", 0),
)


class Progress:
    """Shows how far a phase of `total` steps (or games, if so is the `unit`) has come.

    `done` of them were made by an earlier process. A context manager; on standard error.
    """

    def __init__(self, description: str, total: int, unit: str, done: int = 0):
        self._description = description
        self._total = total
        self._unit = unit
        self._done_before = done
        self._steps = 0
        self._games = 0
        self._score_sum = 0.0
        self._bar: tqdm | None = None
        self._resources = ExitStack()

    def __enter__(self) -> "Progress":
        self._start = time.perf_counter()
        self._next_report = self._start
        if sys.stderr.isatty():
            self._resources.enter_context(logging_redirect_tqdm())
            self._bar = self._resources.enter_context(
                tqdm(
                    total=self._total,
                    initial=self._done_before,
                    leave=False,
                    dynamic_ncols=True,
                    bar_format=f"{self._description} {{percentage:3.0f}}%|{{bar}}|",
                )
            )
        else:
            self._next_report += LOG_SECONDS
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def on_step(self, step: Step) -> None:
        """Count one step of each actor that took part, and report if it is time to."""
        self._steps += len(step.actions)
        for game in step.games:
            self._games += 1
            self._score_sum += game.score
        now = time.perf_counter()
        if now >= self._next_report:
            self._report(now, step.exploration_rate)

    def _report(self, now: float, exploration_rate: float) -> None:
        here = self._games if self._unit == "game" else self._steps
        done = self._done_before + here
        seconds = now - self._start
        left = seconds * (self._total - done) / here if here else math.inf
        is_greek = can_write("ε", sys.stderr)  # an escape in its place would break the bar's line
        values = {
            "description": self._description,
            "percentage": f"{100 * done / self._total:3.0f}%",
            "done": f"{done}/{self._total}",
            "elapsed": tqdm.format_interval(seconds),
            "left": "?" if left == math.inf else tqdm.format_interval(max(left, 0)),
            "speed": f"{self._steps / seconds:.0f} steps/s",
            "rate": f"{'ε' if is_greek else 'eps'} {exploration_rate:.3f}",
            "games": counted(self._games, "game"),
            "mean": f"{self._score_sum / self._games:.1f}" if self._games else "-",
        }
        if self._bar is not None:
            self._bar.bar_format = fit(values, columns_of(sys.stderr))
            self._bar.update(done - self._bar.n)
            self._next_report = now + BAR_SECONDS
        else:
            logger.info(
                "  %s: %d of %s, %s, %s, %s, mean reward %s",
                self._description,
                done,
                counted(self._total, self._unit),
                *(values[name] for name in ("speed", "rate", "games", "mean")),
            )
            self._next_report = now + LOG_SECONDS


def fit(values: dict[str, str], columns: int) -> str:
    """The first of the layouts that has room in so many columns, with `{bar}` left in it."""
    for layout, least_bar in LAYOUTS:
        text = layout.format(**values, bar="{bar}")
        if len(text.replace("{bar}", "")) + least_bar <= columns:
            break
    return text


def columns_of(stream: TextIO) -> int:
    """The width of the terminal that a stream goes to."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:  # the terminal has gone
        return 80


def can_write(text: str, stream: TextIO) -> bool:
    """Whether the encoding of a stream has these characters."""
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True

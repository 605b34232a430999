"""Progress of a phase: a bar on a terminal, a log line a minute elsewhere."""

import logging
import sys
import time
from contextlib import ExitStack

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from dqn.agent import Step

logger = logging.getLogger(__name__)

LOG_SECONDS = 60.0
BAR_SECONDS = 0.5


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
        self._bar = None
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
                    desc=self._description,
                    unit=self._unit,
                    leave=False,
                    dynamic_ncols=True,
                    bar_format="{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} "
                    "[{elapsed}<{remaining}{postfix}]",
                )
            )
        else:
            self._next_report += LOG_SECONDS
        return self

    def __exit__(self, *_) -> None:
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
        done = self._done_before + (self._games if self._unit == "game" else self._steps)
        speed = self._steps / (now - self._start)
        mean_reward = f"{self._score_sum / self._games:.1f}" if self._games else "–"
        state = (
            f"{speed:.0f} steps/s, ε {exploration_rate:.3f}, {self._games} games, "
            f"mean reward {mean_reward}"
        )
        if self._bar is not None:
            self._bar.set_postfix_str(state, refresh=False)
            self._bar.update(done - self._bar.n)
            self._next_report = now + BAR_SECONDS
        else:
            logger.info(
                "  %s: %d of %d %ss, %s", self._description, done, self._total, self._unit, state
            )
            self._next_report = now + LOG_SECONDS

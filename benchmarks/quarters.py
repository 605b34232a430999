"""The quarters of a trainer's hour, by its own processor time on one core.

Processor time is what a clock shows where nothing else runs; beside other programs, it is fairer.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

QUARTER = 900.0  # seconds
GAMES = 30  # of a test, with FRAMES at most and ε = EPSILON: Mnih et al. 2015, Methods
FRAMES = 18_000
EPSILON = 0.05


class HourIsOver(Exception):
    """Raised in a training when its processor time is spent."""


@dataclass
class Quarters:
    """Saves a network at the end of each of `number` quarters of an hour.

    `save` is called with the quarter, from 1, and the training steps.
    """

    save: Callable[[int, int], None]
    number: int
    done: int = 0

    def __post_init__(self) -> None:
        self._start = time.process_time()
        self.steps: list[int] = []

    def after_step(self, steps: int) -> None:
        """Take note of a training step; raises HourIsOver after the last quarter."""
        if time.process_time() - self._start < QUARTER * (self.done + 1):
            return
        self.done += 1
        self.steps.append(steps)
        start = time.process_time()
        self.save(self.done, steps)
        self._start += time.process_time() - start
        if self.done == self.number:
            raise HourIsOver


def report(quarter: int, steps: int, scores: list[float]) -> None:
    """Print a quarter's test as a line of JSON."""
    print(json.dumps({"quarter": quarter, "steps": steps, "scores": scores}), flush=True)

"""The progress of a sweep: on a terminal a line for each running run, and the total."""

import logging
import shutil
import sys
import time
from contextlib import ExitStack

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from dqn.sweeps.glimpse import glimpse
from dqn.sweeps.manifest import Run
from dqn.sweeps.status import totals
from dqn.sweeps.sweep import DONE, RUNNING, WAITING, State, Sweep

logger = logging.getLogger(__name__)

REDRAW_SECONDS = 1.0
MOST_LINES = 30


class SweepProgress:
    """Shows how far the runs are, on standard error; log lines elsewhere than on a terminal."""

    def __init__(self, sweep: Sweep):
        self._sweep = sweep
        self._states = {run.name: sweep.state(run) for run in sweep.runs}
        for name, state in self._states.items():
            if state.status != DONE:
                self._states[name] = State(WAITING)
        self._running: dict[str, Run] = {}
        self._lines: list[tqdm] = []
        self._is_terminal = sys.stderr.isatty()
        self._next = 0.0
        self._resources = ExitStack()

    def __enter__(self) -> "SweepProgress":
        if self._is_terminal:
            self._resources.enter_context(logging_redirect_tqdm())
        logger.info("%s", totals(self._states))
        return self

    def __exit__(self, *_: object) -> None:
        for line in reversed(self._lines):
            line.close()
        self._resources.close()

    def begun(self, run: Run) -> None:
        """A run has begun."""
        self._running[run.name] = run
        self._states[run.name] = State(RUNNING)
        if not self._is_terminal:
            logger.info("%s: begun", run.name)

    def ended(self, run: Run, state: State) -> None:
        """A run has ended."""
        del self._running[run.name]
        self._states[run.name] = state
        why = f", {state.reason}" if state.reason else ""
        text = f"{run.name}: {state.status}{why}"
        if self._is_terminal:
            tqdm.write(text, file=sys.stderr)
        else:
            logger.info("%s (%s)", text, totals(self._states))
        self._next = 0.0

    def update(self) -> None:
        """Redraw, if it is time to."""
        if not self._is_terminal or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + REDRAW_SECONDS
        shown = list(self._running.values())[:MOST_LINES]
        texts = [f"{run.name}: {glimpse(self._sweep, run)}" for run in shown]
        texts.append(totals(self._states))
        while len(self._lines) < len(texts):
            place = len(self._lines)
            self._lines.append(tqdm(bar_format="{desc}", position=place, leave=False))
        columns = shutil.get_terminal_size().columns - 1
        for line, text in zip(self._lines, [*texts, *[""] * len(self._lines)], strict=False):
            line.set_description_str(text[:columns])

"""Runs of a sweep on this machine, as many at a time as it has room for."""

import logging
import time

from dqn.errors import UserError
from dqn.machine.interruption import Interruption
from dqn.machine.memory_limit import available_memory
from dqn.machine.wording import size
from dqn.sweeps.manifest import Run
from dqn.sweeps.needs import Slot
from dqn.sweeps.process import POLL_SECONDS, RunProcess, runs_here
from dqn.sweeps.progress import SweepProgress
from dqn.sweeps.sweep import FAILED, State, Sweep

logger = logging.getLogger(__name__)


class ThisMachine:
    """Has a place for each run at a time; those need `memory` bytes each, of those that are free.

    A process that an earlier, killed sweep left behind is waited for: it is making its checkpoint.
    """

    def __init__(self, slots: list[Slot], memory: int):
        self._free = list(slots)
        self._memory = memory

    def launch(self, sweep: Sweep, runs: list[Run]) -> int:
        budget = available_memory()
        at_once = max(1, min(len(self._free), budget // self._memory))
        if at_once < len(self._free):
            logger.info(
                "Memory has room for %d at a time: each takes about %s, and %s are free",
                *(at_once, size(self._memory), size(budget)),
            )
        self._free = self._free[:at_once]
        waiting = list(runs)
        running: list[tuple[RunProcess, Slot]] = []
        is_stopping = False
        with Interruption(None, time.monotonic()) as signals, SweepProgress(sweep) as progress:
            while running or (waiting and not is_stopping):
                if signals.status is None:
                    self._start(sweep, waiting, running, progress)
                elif not is_stopping:
                    is_stopping = True
                    logger.info("Stopping all runs, each with a checkpoint")
                    for process, _ in running:
                        process.stop()
                for process, slot in list(running):
                    if state := process.poll():
                        running.remove((process, slot))
                        self._free.append(slot)
                        progress.ended(process.run, state)
                progress.update()
                time.sleep(POLL_SECONDS)
            return signals.status or 0

    def _start(
        self,
        sweep: Sweep,
        waiting: list[Run],
        running: list[tuple[RunProcess, Slot]],
        progress: SweepProgress,
    ) -> None:
        """Start the next runs in free places."""
        for run in list(waiting):
            if not self._free:
                return
            if runs_here(sweep.state(run)):
                continue
            waiting.remove(run)
            progress.begun(run)
            try:
                process = RunProcess(sweep, run, self._free[0])
            except UserError as error:
                state = State(FAILED, since=time.time(), reason=str(error))
                sweep.set_state(run, state)
                progress.ended(run, state)
                continue
            running.append((process, self._free.pop(0)))

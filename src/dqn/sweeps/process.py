"""The process of one run: an ordinary train.sh, whose log and state are kept in the sweep."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dqn.errors import UserError, explain, one_line
from dqn.machine.interruption import SIGNALS, TIME_IS_UP
from dqn.machine.other_processes import ends_with_this_one, is_alive
from dqn.sweeps.manifest import Run
from dqn.sweeps.needs import Slot
from dqn.sweeps.sweep import DONE, FAILED, RUNNING, STOPPED, State, Sweep, this_host

logger = logging.getLogger(__name__)

TAIL = 4096  # bytes of a log, in which its last line has room
HEARTBEAT_SECONDS = 30.0
POLL_SECONDS = 0.2
IN_USE = "is in use by"  # what a run says whose checkpoint another process has
LOCKED_SECONDS = 90.0  # for which a run on another machine is waited for


class RunProcess:
    """Starts a run; it is one of `poll` and `stop`, and writes its state when it ends.

    A process of its own group, so that Ctrl-C does not reach it but through `stop`; it is stopped,
    with a checkpoint, when this process is gone. Raises UserError if it cannot be started.
    """

    def __init__(self, sweep: Sweep, run: Run, slot: Slot):
        self.run = run
        self._sweep = sweep
        log = sweep.log(run)
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with open(log, "ab") as output, _on_cores(slot.cores):
                self._process = subprocess.Popen(
                    run.command,
                    cwd=sweep.project,
                    env=_environment(sweep, slot),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=ends_with_this_one(),  # noqa: PLW1509 (it only makes a system call)
                )
        except OSError as error:
            raise UserError(f"cannot start {run.name}, or write {log} {explain(error)}") from error
        self._job = sweep.state(run).job  # by which Slurm knows it
        self._set_state(State(RUNNING, host=this_host(), pid=self._process.pid, since=time.time()))
        self._next_heartbeat = time.monotonic() + HEARTBEAT_SECONDS

    def poll(self) -> State | None:
        """How the run ended, or None while it has not."""
        status = self._process.poll()
        if status is None:
            if time.monotonic() >= self._next_heartbeat:
                self._sweep.touch(self.run)
                self._next_heartbeat = time.monotonic() + HEARTBEAT_SECONDS
            return None
        state = ended(status, self._sweep.log(self.run))
        self._set_state(state)
        return state

    def _set_state(self, state: State) -> None:
        """Write it down, if that can be done: the run goes on, and knows itself what is done."""
        try:
            self._sweep.set_state(self.run, replace(state, job=self._job))
        except UserError as error:
            logger.error("%s", error)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Have it make a checkpoint and end."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def wait(self, seconds: float) -> None:
        """Return when it has ended, or after this time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)


def run_to_its_end(sweep: Sweep, run: Run, slot: Slot) -> State:
    """Run one run in the foreground, as a cluster's job does; signals are passed on to it.

    Where an earlier process is still making its checkpoint, that is waited for.
    """
    deadline = time.monotonic() + LOCKED_SECONDS
    while True:
        state = _run_once(sweep, run, slot)
        is_locked = state.status == FAILED and IN_USE in state.reason
        if not is_locked or time.monotonic() > deadline:
            return state
        time.sleep(2)


def _run_once(sweep: Sweep, run: Run, slot: Slot) -> State:
    wait_for_earlier(sweep.state(run))
    process = RunProcess(sweep, run, slot)
    with _passing_signals_on(process):
        while (state := process.poll()) is None:
            process.wait(POLL_SECONDS)
    return state


def wait_for_earlier(state: State) -> None:
    """Return when a run's earlier process on this machine, if it is still there, has ended."""
    deadline = time.monotonic() + LOCKED_SECONDS
    while runs_here(state) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def runs_here(state: State) -> bool:
    """Whether the process of a state is alive, on this machine."""
    is_here = state.status == RUNNING and state.host == this_host()
    return is_here and is_alive(state.pid, state.since)


def ended(status: int, log: Path) -> State:
    """The state of a run that ended with this exit status, as subprocess gives it."""
    if status < 0:
        status = 128 - status
    now = time.time()
    if status == 0:
        return State(DONE, since=now, exit_status=status)
    if status == TIME_IS_UP:
        return State(STOPPED, since=now, exit_status=status, reason="its time was up")
    if status - 128 in SIGNALS:
        return State(STOPPED, since=now, exit_status=status, reason="by a signal")
    if status == 128 + signal.SIGKILL:
        reason = "it was killed, as for want of memory"
    else:
        reason = last_line(log) or f"it ended with exit status {status}"
    return State(FAILED, since=now, exit_status=status, reason=reason)


def last_line(log: Path) -> str:
    """The last line of a log, without the word error."""
    lines = [line for line in tail(log).splitlines() if line.strip()]
    return one_line(lines[-1].strip().removeprefix("error: ")) if lines else ""


def tail(path: Path, size: int = TAIL) -> str:
    """The end of a text file; empty if it cannot be read."""
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - size))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _environment(sweep: Sweep, slot: Slot) -> dict[str, str]:
    environment = {
        **os.environ,
        "PYTHON": sys.executable,
        "OMP_NUM_THREADS": str(sweep.manifest.threads),
    }
    if slot.gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = slot.gpu
    return environment


@contextlib.contextmanager
def _on_cores(cores: tuple[int, ...]) -> Iterator[None]:
    """Let what is started in this block use these cores alone; all of them if there are none."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def _passing_signals_on(process: RunProcess) -> Iterator[None]:
    """In the main thread alone: others get no signals."""
    try:
        before = {n: signal.signal(n, lambda number, _: process.stop(number)) for n in SIGNALS}
    except ValueError:
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""A sweep on disk: its manifest, and how far each of its runs is."""

import contextlib
import json
import os
import socket
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import BinaryIO

from dqn.errors import UserError, explain
from dqn.machine.files import atomic_write, lock_holder, open_locked
from dqn.sweeps import manifest, words
from dqn.sweeps.manifest import Manifest, Run

WAITING, SUBMITTED, RUNNING = "waiting", "submitted", "running"
DONE, STOPPED, FAILED = "done", "stopped", "failed"
STATUSES = (DONE, RUNNING, SUBMITTED, STOPPED, FAILED, WAITING)


@dataclass(frozen=True)
class State:
    """How far a run is.

    Of one that runs: process and host, and when it was begun, by the clock. Of one that ended: its
    exit status and the reason why it is not done. Of one that was submitted: its job. `command` is
    that which the state is of: a run that was done with other epochs is not done.
    """

    status: str = WAITING
    command: tuple[str, ...] = ()
    host: str = ""
    pid: int = 0
    since: float = 0
    exit_status: int | None = None
    reason: str = ""
    job: str = ""


@dataclass(frozen=True)
class Sweep:
    """A sweep in `folder`, of the project in `project`."""

    project: Path
    folder: Path
    manifest: Manifest

    @property
    def runs(self) -> list[Run]:
        """All runs."""
        return self.manifest.runs

    def log(self, run: Run) -> Path:
        """What the run logs."""
        return self.folder / "logs" / f"{run.name}.log"

    def csv_file(self, run: Run) -> Path:
        """Where train.sh has the run write its statistics."""
        return self.project / "results" / f"{run.name}.csv"

    def state(self, run: Run) -> State:
        """How far a run is; one that cannot be read counts as waiting."""
        try:
            values = json.loads(self._state_file(run).read_bytes())
            state = State(**{f.name: values[f.name] for f in fields(State) if f.name in values})
        except (OSError, ValueError, TypeError, AttributeError):
            return State()
        if state.status not in STATUSES or not _has_types(state):
            return State()
        if state.status == DONE and words.changed(list(state.command), run.command):
            return State()
        return state

    def set_state(self, run: Run, state: State) -> None:
        """Write it down; raises UserError."""
        path = self._state_file(run)
        values = asdict(state) | {"command": run.command}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                file.write(json.dumps(values).encode())
        except OSError as error:
            raise UserError(f"cannot write {path} {explain(error)}") from error

    def touch(self, run: Run) -> None:
        """Show that a run is alive."""
        with contextlib.suppress(OSError):
            os.utime(self._state_file(run))

    def seconds_silent(self, run: Run, now: float) -> float:
        """How long ago its state was written or touched."""
        try:
            return now - self._state_file(run).stat().st_mtime
        except OSError:
            return 0

    def left(self) -> list[Run]:
        """The runs that are not done, those that failed last."""
        states = {run.name: self.state(run).status for run in self.runs}
        left = [run for run in self.runs if states[run.name] != DONE]
        return sorted(left, key=lambda run: states[run.name] == FAILED)

    def lock(self) -> BinaryIO:
        """See that nobody else starts its runs until the file is closed; raises UserError."""
        path = self.folder / "lock"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = open_locked(path)
        except BlockingIOError:
            raise UserError(
                f"the sweep {self.folder} is in use by {lock_holder(path)}: wait for it, or look "
                "at it with --status"
            ) from None
        except OSError as error:
            raise UserError(f"cannot use {path} {explain(error)}") from error
        return file

    def _state_file(self, run: Run) -> Path:
        return self.folder / "states" / f"{run.name}.json"


def _has_types(state: State) -> bool:
    """Whether the values of a state that was read are of their types."""
    texts = (state.host, state.reason, state.job)
    numbers = (state.pid, state.exit_status or 0)
    return (
        isinstance(state.command, list)
        and all(isinstance(word, str) for word in (*state.command, *texts))
        and all(isinstance(number, int) for number in numbers)
        and isinstance(state.since, int | float)
    )


def load(project: Path, folder: Path) -> Sweep:
    """The sweep in a folder; raises UserError if there is none."""
    return Sweep(project, folder, manifest.load(folder))


def this_host() -> str:
    """The name by which states know this machine."""
    return socket.gethostname()

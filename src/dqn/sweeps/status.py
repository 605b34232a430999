"""What --status prints, and a sweep's last lines."""

import time
from collections import Counter

from dqn.machine.wording import counted, duration
from dqn.sweeps.glimpse import glimpse
from dqn.sweeps.manifest import Run
from dqn.sweeps.process import HEARTBEAT_SECONDS, runs_here
from dqn.sweeps.sweep import FAILED, RUNNING, STATUSES, STOPPED, State, Sweep, this_host

SILENT_SECONDS = 4 * HEARTBEAT_SECONDS  # after which a run on another machine counts as lost


def totals(states: dict[str, State]) -> str:
    """A line such as: 57 runs: 12 done, 2 running, 43 waiting."""
    counts = Counter(state.status for state in states.values())
    parts = [f"{counts[status]} {status}" for status in STATUSES if counts[status]]
    return f"{counted(len(states), 'run')}: {', '.join(parts)}"


def status(sweep: Sweep) -> list[str]:
    """The totals, and a line for each run that runs, was stopped or failed."""
    now = time.time()
    states = {run.name: sweep.state(run) for run in sweep.runs}
    lines = [totals(states)]
    for wanted in (RUNNING, STOPPED, FAILED):
        for run in sweep.runs:
            state = states[run.name]
            if state.status == wanted == RUNNING:
                where = "" if state.host == this_host() else f" on {state.host}"
                what = _lost(sweep, run, state, now) or glimpse(sweep, run)
                lines.append(f"{run.name}{where}: {what}")
            elif state.status == wanted:
                lines.append(f"{run.name}: {wanted}, {state.reason}")
    return lines


def _lost(sweep: Sweep, run: Run, state: State, now: float) -> str:
    """That the process of a run is gone, if so it seems; it left no other state."""
    silent = sweep.seconds_silent(run, now)
    if state.host == this_host() and not runs_here(state):
        return "its process is gone; the same command goes on with it"
    if state.host != this_host() and silent > SILENT_SECONDS:
        return f"nothing was heard of it for {duration(silent)}"
    return ""

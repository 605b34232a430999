"""Runs of a sweep on a Slurm cluster: a job array, as in jobs/slurm.sbatch, made of the manifest.

A task is stopped, with a checkpoint, before its time is up, and requeued until its run is done.
"""

import logging
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from dqn.errors import UserError, explain
from dqn.machine.files import atomic_write
from dqn.machine.wording import counted
from dqn.sweeps.manifest import Run
from dqn.sweeps.sweep import SUBMITTED, State, Sweep

logger = logging.getLogger(__name__)

DEFAULT_MAX_ARRAY = 1001  # Slurm's own
HOURS = 24
MINUTES_OF_WARNING = 5

SCRIPT = """\
#!/usr/bin/env bash
# The runs of the sweep {name}, a task of an array for each; written by sweep.sh, which submits it.
# A task whose time is up is requeued, and resumes exactly, until its run is done.
#SBATCH --job-name=dqn-{name}
#SBATCH --cpus-per-task={threads}
#SBATCH --mem={megabytes}M
#SBATCH --time={hours}:00:00
#SBATCH --signal=B:USR1@{seconds}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output={logs}

set -euo pipefail
cd -- {project}
echo "task $SLURM_ARRAY_TASK_ID, start $((${{SLURM_RESTART_COUNT:-0}} + 1)), on $(hostname)"

{python} src/sweep.py --run {folder} "$((SLURM_ARRAY_TASK_ID + {first}))" &
run=$!
# USR1, which comes before the limit, reaches this shell alone; TERM (scancel) every process.
trap 'kill -USR1 "$run"' USR1
trap 'kill -TERM "$run"' TERM
status=0
while kill -0 "$run" 2>/dev/null; do # a signal ends `wait` before the run has ended
  status=0
  wait "$run" || status=$?
done

case $status in
  75 | 138) # work is left: --max_computing_time is over, or USR1 came (128 + 10)
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
    ;;
esac
exit "$status"
"""


class Slurm:
    """Submits runs with the further `arguments` of sbatch, such as --partition=gpu --gres=gpu:1."""

    def __init__(self, arguments: str):
        try:
            self._arguments = shlex.split(arguments)
        except ValueError as error:
            raise UserError(f"--slurm_args {arguments!r}: {str(error).lower()}") from error

    def launch(self, sweep: Sweep, runs: list[Run]) -> int:
        """Submit those that no earlier job still has. Raises UserError if Slurm does not."""
        if shutil.which("sbatch") is None:
            raise UserError(
                "there is no Slurm here (no sbatch): run this on its login node, or use --on here"
            )
        queued = _queued({job for run in runs if (job := sweep.state(run).job)})
        left = [run for run in runs if sweep.state(run).job not in queued]
        if len(left) < len(runs):
            logger.info(
                "%d of the runs left are queued, or running, already", len(runs) - len(left)
            )
        places = {run.name: place for place, run in enumerate(sweep.runs)}
        most = _max_array() - 1
        chosen: dict[int, list[Run]] = {}  # number of the array's first run → its runs
        for run in left:
            chosen.setdefault(places[run.name] // most * most, []).append(run)
        for first, of_array in sorted(chosen.items()):
            tasks = sorted(places[run.name] - first for run in of_array)
            job = self._submit(sweep, self._write_script(sweep, first), tasks)
            for run in of_array:
                task = f"{job}_{places[run.name] - first}"
                sweep.set_state(run, State(SUBMITTED, since=time.time(), job=task))
            logger.info("Submitted %s as job %s", counted(len(of_array), "run"), job)
        return 0

    def _write_script(self, sweep: Sweep, first: int) -> Path:
        """The script of the array whose task 0 is the run of this number."""
        path = sweep.folder / f"job-{first}.sbatch"
        text = SCRIPT.format(
            name=sweep.manifest.name,
            threads=sweep.manifest.threads,
            megabytes=math.ceil(1.2 * sweep.manifest.memory / 2**20),
            hours=HOURS,
            seconds=60 * MINUTES_OF_WARNING,
            logs=f"{os.path.relpath(sweep.folder, sweep.project)}/logs/slurm_%A_%a.log",
            project=shlex.quote(str(sweep.project)),
            python=shlex.quote(sys.executable),
            folder=shlex.quote(str(sweep.folder)),
            first=first,
        )
        try:
            (sweep.folder / "logs").mkdir(exist_ok=True)
            with atomic_write(path) as file:
                file.write(text.encode())
        except OSError as error:
            raise UserError(f"cannot write {path} {explain(error)}") from error
        return path

    def _submit(self, sweep: Sweep, script: Path, tasks: list[int]) -> str:
        """The ID of the new job."""
        command = [
            *("sbatch", "--parsable", f"--array={ranges(tasks)}"),
            *(*self._arguments, str(script)),
        ]
        done = _run(command, sweep.project)
        if done.returncode != 0:
            reason = done.stderr.strip().splitlines()
            raise UserError(
                f"Slurm refused the job ({reason[-1] if reason else 'no reason given'}): change "
                "--slurm_args"
            )
        return done.stdout.strip().partition(";")[0]


def check_none_queued(sweep: Sweep, runs: list[Run]) -> None:
    """Raises UserError if Slurm still has some of these runs: they would run twice."""
    jobs = {job for run in runs if (job := sweep.state(run).job)}
    queued = _queued(jobs) if jobs and shutil.which("squeue") else set()
    if queued:
        numbers = ", ".join(sorted({task.partition("_")[0] for task in queued}))
        raise UserError(
            f"Slurm has {len(queued)} of the runs left, in job {numbers}: wait, scancel it, or use "
            "--on slurm"
        )


def ranges(numbers: list[int]) -> str:
    """Sorted numbers as Slurm writes them: 0-3,5."""
    texts = []
    start = 0
    for place, number in enumerate(numbers):
        if place + 1 == len(numbers) or numbers[place + 1] != number + 1:
            first = numbers[start]
            texts.append(f"{first}-{number}" if number > first else f"{number}")
            start = place + 1
    return ",".join(texts)


def _queued(tasks: set[str]) -> set[str]:
    """Those of the tasks of arrays (7_0) that Slurm has not finished."""
    jobs = sorted({task.partition("_")[0] for task in tasks})
    queued: set[str] = set()
    for job in jobs:
        listed = _run(["squeue", "--noheader", "--array", f"--jobs={job}", "--format=%i"])
        queued |= set(listed.stdout.split())  # an old job is an error, and in no queue
    return queued & tasks


def _max_array() -> int:
    """Above every number that a task of an array can have."""
    found = re.search(r"MaxArraySize\s*=\s*(\d+)", _run(["scontrol", "show", "config"]).stdout)
    return max(2, int(found[1])) if found else DEFAULT_MAX_ARRAY


def _run(command: list[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise UserError(f"cannot run {command[0]} {explain(error)}") from error

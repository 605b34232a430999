"""jobs/slurm.sbatch on a real Slurm."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from helpers.slurm import Slurm, why_not
from helpers.trainings import TINY, Clone, Trainer, wait_for

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

SCRIPT = "jobs/slurm.sbatch"


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A project whose job trains on Breakout; its flags in `job.args` may change."""
    clone = Clone(tmp_path)
    (clone.root / "job.args").touch()
    clone.edit(
        "slurm.sbatch",
        games="(breakout)",
        seeds="(1 2)",
        label="array",
        flags=f"({' '.join(TINY)} @job.args)",
    )
    return clone


def submit(slurm: Slurm, clone: Clone, tasks: str) -> str:
    # One thread each, as the runs that are compared have it
    flags = (f"--array={tasks}", "--cpus-per-task=1")
    return slurm.submit(clone.root, SCRIPT, *flags, PYTHON=sys.executable)


def log_of(clone: Clone, array: str, task: int) -> str:
    """What a task has logged since it was last started."""
    log = clone.root / "results" / f"dqn_{array}_{task}.log"
    return log.read_text().rpartition(f"run {task} (")[2] if log.exists() else ""


def warn(slurm: Slurm, array: str, tasks: Sequence[int]) -> None:
    """Send what Slurm sends five minutes before the limit, without waiting for its clock."""
    for task in tasks:
        slurm.run("scancel", "--batch", "--signal=USR1", f"{array}_{task}")


def lower_the_limit(slurm: Slurm, array: str, tasks: Sequence[int]) -> None:
    """Let Slurm send it, at its next look, every 30 s."""
    slurm.update(array, TimeLimit="5")


@pytest.mark.parametrize("end_time", [warn, pytest.param(lower_the_limit, marks=pytest.mark.slow)])
def test_an_array_stopped_by_its_limits_is_requeued_and_ends_as_if_it_had_not_been(
    slurm, clone, undisturbed, end_time
):
    tasks = (0, 1)
    (clone.root / "job.args").write_text("--max_computing_time 0")
    array = submit(slurm, clone, "0-1")
    for task in tasks:
        slurm.wait_for_state(f"{array}_{task}", "PENDING", restarts=1)
    (clone.root / "job.args").write_text("")
    trainers = []
    for task in tasks:
        slurm.start(f"{array}_{task}")
        log = partial(log_of, clone, array, task)
        trainers.append(Trainer(clone, f"array_seed{task + 1}", log))

    expected = [undisturbed(seed) for seed in (1, 2)]
    end_time(slurm, array, tasks)
    for task, trainer in zip(tasks, trainers, strict=True):
        wait_for(lambda task=task: "limit is near" in log_of(clone, array, task), "the signal")
        trainer.resume()
    for task in tasks:
        slurm.wait_for_state(f"{array}_{task}", "PENDING", restarts=2)
    for task in tasks:
        slurm.start(f"{array}_{task}", TimeLimit="60")
    for task in tasks:
        slurm.wait_for_state(f"{array}_{task}", "COMPLETED", restarts=2)
    assert [clone.rows(f"array_seed{seed}") for seed in (1, 2)] == expected
    assert "nothing is missing" in log_of(clone, array, 0)


@pytest.mark.parametrize(("task", "said"), [(0, "error: "), (2, "error: run 2 is not among 0-1")])
def test_a_job_with_an_error_of_the_user_is_not_requeued(slurm, clone, task, said):
    (clone.root / "job.args").write_text("--no_such_flag")
    array = submit(slurm, clone, str(task))
    slurm.wait_for_state(f"{array}_{task}", "FAILED")
    assert slurm.job(f"{array}_{task}")["ExitCode"] == "2:0"
    log = clone.root / "results" / f"dqn_{array}_{task}.log"
    assert log.read_text().splitlines()[-1].startswith(said)


def test_a_cancelled_job_makes_a_checkpoint_and_is_not_requeued(slurm, clone):
    array = submit(slurm, clone, "0")
    trainer = Trainer(clone, "array_seed1", lambda: log_of(clone, array, 0))
    slurm.run("scancel", f"{array}_0")
    trainer.resume()
    slurm.wait_for_state(f"{array}_0", "CANCELLED")
    wait_for(lambda: "Stopped, because a signal came" in log_of(clone, array, 0), "the checkpoint")
    assert slurm.job(f"{array}_0")["Restarts"] == "0"

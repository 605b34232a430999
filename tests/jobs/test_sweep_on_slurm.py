"""sweep.sh --on slurm, on a real Slurm."""

import sys
from pathlib import Path

import pytest

from helpers.slurm import Slurm, why_not
from helpers.trainings import TINY, Clone, Trainer

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

THREADS = ("--threads", "1")  # as the runs that are compared have it


def sweep(slurm: Slurm, clone: Clone, *arguments: str, status: int = 0) -> list[str]:
    """What sweep.sh says."""
    script = str(clone.root / "sweep.sh")
    code = 'PYTHON=$1 "${@:3}" 2>&1; [ $? = "$2" ]'
    command = ["bash", "-c", code, "sweep", sys.executable, str(status), script]
    return slurm.run(*command, *arguments, "--on", "slurm", *THREADS).splitlines()


def test_a_sweep_on_slurm_is_requeued_after_its_limit_and_ends_as_if_it_had_not_been(
    slurm, tmp_path, undisturbed
):
    clone = Clone(tmp_path)
    command = ("breakout", "--seeds", "1", "--name", "array", *TINY)
    said = sweep(slurm, clone, *command, "--slurm_args", "--job-name=mine")
    (job,) = [line.split()[-1] for line in said if "Submitted 1 run as job" in line]
    assert slurm.job(f"{job}_0")["JobName"] == "mine"
    folder = clone.root / "results" / "sweeps" / "array"

    log = folder / "logs" / "breakout_array_seed1.log"
    trainer = Trainer(clone, "array_seed1", lambda: log.read_text() if log.exists() else "")
    assert any("already" in line for line in sweep(slurm, clone, *command))
    assert "1 run: 1 running" in "".join(sweep(slurm, clone, *command, "--status"))
    expected = undisturbed(1)
    slurm.run("scancel", "--batch", "--signal=USR1", f"{job}_0")
    trainer.resume()
    slurm.wait_for_state(f"{job}_0", "PENDING", restarts=1)
    assert "nothing is missing" not in log.read_text()
    slurm.start(f"{job}_0")
    slurm.wait_for_state(f"{job}_0", "COMPLETED", restarts=1)
    assert clone.rows("array_seed1") == expected
    assert "nothing is missing" in log.read_text()
    assert any("All 1 run of this sweep are done" in line for line in sweep(slurm, clone, *command))
    assert len(list(Path(folder / "logs").glob("slurm_*"))) == 1


def test_slurm_says_why_it_refuses_a_sweep(slurm, tmp_path):
    clone = Clone(tmp_path)
    said = sweep(slurm, clone, "pong", "--slurm_args", "--partition=none", status=2)
    assert said[-1].startswith("error: Slurm refused the job (")
    assert "partition" in said[-1]

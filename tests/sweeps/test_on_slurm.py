import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqn.errors import UserError
from dqn.sweeps import on_slurm
from dqn.sweeps.create import create_launcher
from dqn.sweeps.on_slurm import Slurm, ranges
from dqn.sweeps.sweep import DONE, SUBMITTED, State
from helpers.runs import make_sweep


@given(st.sets(st.integers(0, 50), min_size=1))
def test_numbers_are_written_as_ranges_that_stand_for_them(numbers):
    expanded: list[int] = []
    for part in ranges(sorted(numbers)).split(","):
        first, _, last = part.partition("-")
        expanded += range(int(first), int(last or first) + 1)
    assert expanded == sorted(numbers)


def test_numbers_in_a_row_are_one_range():
    assert ranges([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"


def test_without_slurm_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    sweep = make_sweep(tmp_path, "a", ["pong"], [1])
    with pytest.raises(UserError, match="there is no Slurm here"):
        Slurm("").launch(sweep, sweep.runs)


def test_arguments_with_an_open_quote_are_refused():
    with pytest.raises(UserError, match="--slurm_args"):
        Slurm("--comment='a")


class FakeSlurm:
    """Takes jobs, with arrays of at most three tasks; `queued` are those that it has."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.submitted: list[list[str]] = []
        self.queued = ""
        monkeypatch.setattr(on_slurm, "_run", self.run)
        monkeypatch.setattr(on_slurm.shutil, "which", lambda name: name)

    def run(self, command, folder=None):
        output = {"squeue": self.queued, "scontrol": "MaxArraySize            = 4\n"}
        if command[0] == "sbatch":
            self.submitted.append(command)
            output["sbatch"] = f"{len(self.submitted)}\n"
        return subprocess.CompletedProcess(command, 0, output[command[0]], "")


def test_what_is_left_is_submitted_in_arrays_that_slurm_takes(tmp_path, monkeypatch):
    slurm = FakeSlurm(monkeypatch)
    sweep = make_sweep(tmp_path, "a", ["pong"], [1, 2, 3, 4, 5], threads=4, memory=2**30)
    sweep.set_state(sweep.runs[1], State(DONE))
    Slurm("--partition=gpu --gres=gpu:1").launch(sweep, sweep.left())
    arrays = [command[2] for command in slurm.submitted]
    assert arrays == ["--array=0,2", "--array=0-1"]
    assert slurm.submitted[0][3:5] == ["--partition=gpu", "--gres=gpu:1"]
    states = [sweep.state(run) for run in sweep.runs]
    assert [state.job for state in states] == ["1_0", "", "1_2", "2_0", "2_1"]
    assert {state.status for state in states} == {DONE, SUBMITTED}
    second = (sweep.folder / "job-3.sbatch").read_text()
    assert "$((SLURM_ARRAY_TASK_ID + 3))" in second
    assert "#SBATCH --cpus-per-task=4\n#SBATCH --mem=1229M\n" in second
    subprocess.run(["bash", "-n", sweep.folder / "job-3.sbatch"], check=True)

    slurm.queued = "1_0\n2_0\n2_1\n"
    with pytest.raises(UserError, match="Slurm has 3 of the runs left, in job 1, 2"):
        create_launcher("here", sweep, jobs=1, gpus=[], ray_address=None, slurm_args="")
    Slurm("").launch(sweep, sweep.left())
    assert [command[2] for command in slurm.submitted[2:]] == ["--array=2"]


def test_a_project_with_spaces_in_its_path_has_a_script_that_finds_it(tmp_path, monkeypatch):
    FakeSlurm(monkeypatch)
    name = "my dqn's"
    sweep = make_sweep(tmp_path / name, "a", ["pong"], [1])
    Slurm("").launch(sweep, sweep.left())
    script = (sweep.folder / "job-0.sbatch").read_text()
    assert f"cd -- {shlex.quote(str(tmp_path / name))}\n" in script
    assert "#SBATCH --output=results/sweeps/a/logs/slurm_%A_%a.log\n" in script

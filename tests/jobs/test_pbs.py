"""jobs/metacentrum.pbs on a stand-in for PBS."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.pbs import Job, Pbs
from helpers.trainings import TINY, Clone, Trainer, wait_for

SCRIPT = "jobs/metacentrum.pbs"


@pytest.fixture
def pbs(tmp_path: Path) -> Iterator[Pbs]:
    server = Pbs(tmp_path)
    yield server
    server.end()


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A project whose job trains on Breakout; its flags in `job.args` may change."""
    clone = Clone(tmp_path)
    (clone.root / "job.args").touch()
    clone.edit(
        "metacentrum.pbs",
        games="(breakout)",
        seeds="(1 2)",
        label="chain",
        flags=f"({' '.join(TINY)} @job.args)",
    )
    # One thread, as the runs that are compared have it
    clone.replace("metacentrum.pbs", "ncpus=2", "ncpus=1")
    clone.replace("metacentrum.pbs", "# flags+=(--replay_file ", "flags+=(--replay_file ")
    clone.replace("metacentrum.pbs", "# module add python ", f"export PYTHON='{sys.executable}' ")
    return clone


def log_of(clone: Clone, run: int) -> str:
    """What the last job of a run has logged."""
    log = clone.root / "results" / f"breakout_chain_seed{run + 1}.log"
    return log.read_text().rpartition(f"run {run} (")[2] if log.exists() else ""


def wait_in(pbs: Pbs, condition: Callable[[], object], what: str) -> None:
    """Let PBS run its jobs until `condition` is true."""

    def is_true() -> object:
        pbs.step()
        return condition()

    wait_for(is_true, what)


def wait_for_end(pbs: Pbs, *jobs: Job) -> None:
    for job in jobs:
        wait_in(pbs, lambda job=job: job.state == "F", f"job {job.id} to end")


def wait_for_idle(pbs: Pbs) -> None:
    wait_in(pbs, lambda: all(job.state in "FD" for job in pbs.jobs), "all jobs to end")


def trainer_of(pbs: Pbs, clone: Clone, job: Job) -> Trainer:
    """The trainer of a job of the first run."""

    def log() -> str:
        pbs.step()
        log = log_of(clone, 0)
        return log if f"job {job.id}," in log else ""

    return Trainer(clone, "chain_seed1", log)


def test_a_chain_goes_on_whatever_ends_its_jobs_until_all_is_done(pbs, clone, undisturbed):
    clone.replace("metacentrum.pbs", "walltime=24:00:00", "walltime=0:01:59")
    limit = clone.root / "job.args"

    # The time for computing is over, and qsub failed at first
    limit.write_text("--max_computing_time 0")
    pbs.qsub(clone.root, SCRIPT)
    pbs.refuse(True)
    wait_in(pbs, lambda: "qsub failed: trying again" in log_of(clone, 0), "qsub to fail")
    pbs.refuse(False)
    pbs.starts_jobs = False
    first = pbs.jobs[0]
    wait_for_end(pbs, first)
    assert first.status == 75
    assert "job 2.pbs goes on" in log_of(clone, 0)
    limit.write_text("")
    pbs.starts_jobs = True

    # The walltime is over
    wait_in(pbs, lambda: len(pbs.jobs) == 2, "the second job")
    second = pbs.jobs[1]
    trainer = trainer_of(pbs, clone, second)
    pbs.expire(second)
    wait_in(pbs, lambda: second.signals, "TERM")
    trainer.resume()
    wait_for_end(pbs, second)
    assert second.signals == ["SIGTERM"]

    # The job is killed outright
    third = pbs.jobs[2]
    assert third.request["depend"] == second.id
    trainer_of(pbs, clone, third)
    third.send(signal.SIGKILL)

    wait_for_idle(pbs)
    assert [job.state for job in pbs.jobs] == ["F", "F", "F", "F", "D"]
    assert pbs.jobs[3].status == 0
    assert clone.rows("chain_seed1") == undisturbed(1)
    assert not any(any(job.scratch.iterdir()) for job in (first, second, pbs.jobs[3]))


def test_each_subjob_of_an_array_goes_on_by_itself(pbs, clone, undisturbed):
    (clone.root / "job.args").write_text("--max_computing_time 0")
    pbs.qsub(clone.root, "-J", "0-1", SCRIPT)
    pbs.step()
    pbs.starts_jobs = False
    wait_for_end(pbs, *pbs.jobs)
    assert [job.status for job in pbs.jobs[:2]] == [75, 75]
    (clone.root / "job.args").write_text("")
    pbs.starts_jobs = True
    wait_for_idle(pbs)
    assert [clone.rows(f"chain_seed{seed}") for seed in (1, 2)] == [undisturbed(1), undisturbed(2)]
    # Two subjobs, a job more for each, and those that would have come next
    assert sorted(job.state for job in pbs.jobs) == ["D", "D", "F", "F", "F", "F"]


@pytest.mark.parametrize(("run", "said"), [(0, "error: "), (2, "error: run 2 is not among 0-1")])
def test_an_error_of_the_user_ends_the_chain(pbs, clone, run, said):
    (clone.root / "job.args").write_text("--no_such_flag")
    pbs.qsub(clone.root, "-v", f"RUN={run}", SCRIPT)
    wait_for_idle(pbs)
    assert pbs.jobs[0].status == 2
    assert [job.state for job in pbs.jobs[1:]] in (["D"], [])
    errors = log_of(clone, run) or (pbs.folder / f"{pbs.jobs[0].id}.out").read_text()
    assert errors.splitlines()[-1].startswith(said)


def test_deleting_the_running_job_makes_a_checkpoint_and_ends_the_chain(pbs, clone):
    pbs.qsub(clone.root, SCRIPT)
    pbs.step()
    trainer = trainer_of(pbs, clone, pbs.jobs[0])
    pbs.qdel(pbs.jobs[0].id)
    wait_in(pbs, lambda: pbs.jobs[0].signals, "TERM")
    trainer.resume()
    wait_for_idle(pbs)
    assert [job.state for job in pbs.jobs] == ["F", "D"]
    assert "Stopped, because a signal came" in log_of(clone, 0)

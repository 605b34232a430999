"""Runs on this machine, with a program of a few lines in place of train.sh."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from dqn.errors import UserError
from dqn.sweeps import on_this_machine, process
from dqn.sweeps.create import create_launcher
from dqn.sweeps.needs import Slot, jobs_at_once, slots
from dqn.sweeps.on_this_machine import ThisMachine
from dqn.sweeps.process import RunProcess, run_to_its_end
from dqn.sweeps.sweep import DONE, FAILED, RUNNING, STOPPED, State, Sweep, this_host
from helpers.runs import make_sweep
from helpers.trainings import wait_for

# Notes its start, does what its seed says, and makes a checkpoint of a file when it is stopped.
PROGRAM = """\
#!/usr/bin/env bash
echo "$2 $OMP_NUM_THREADS ${CUDA_VISIBLE_DEVICES-none}" >> starts
trap 'echo "checkpoint of $2" >> stops; kill "$!"; exit 143' TERM
touch "begun_$4"
case $4 in
  1) exit 0 ;;
  2) echo 'error: the disk is full' >&2; exit 2 ;;
  3) sleep 600 & wait ;;
  4) kill -KILL $$ ;;
  5) exit 75 ;;
  *) while [[ ! -e go_on ]]; do sleep 0.05; done ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "train.sh").write_text(PROGRAM)
    (tmp_path / "train.sh").chmod(0o755)
    return tmp_path


def launch(sweep: Sweep, places: list[Slot], memory: int = 1) -> int:
    return ThisMachine(places, memory).launch(sweep, sweep.left())


def statuses(sweep: Sweep) -> list[str]:
    return [sweep.state(run).status for run in sweep.runs]


def starts(project: Path) -> list[str]:
    path = project / "starts"
    return path.read_text().splitlines() if path.exists() else []


def test_one_failing_run_stops_no_other_and_says_why(project):
    sweep = make_sweep(project, "a", ["pong"], [2, 1, 4, 5], threads=3)
    assert launch(sweep, [Slot()]) == 0
    assert statuses(sweep) == [FAILED, DONE, FAILED, STOPPED]
    assert sweep.state(sweep.runs[0]).reason == "the disk is full"
    assert starts(project)[1] == "a_seed1 3 none"


def test_another_call_redoes_nothing_that_is_done(project):
    sweep = make_sweep(project, "a", ["pong", "breakout"], [1, 2])
    launch(sweep, [Slot()])
    launch(sweep, [Slot()])
    names = [line.split()[0] for line in starts(project)]
    assert sorted(names) == ["a_seed1"] * 2 + ["a_seed2"] * 4  # of two games
    assert statuses(sweep) == [DONE, FAILED] * 2


def test_a_signal_stops_all_runs_with_checkpoints_and_begins_no_other(project):
    sweep = make_sweep(project, "a", ["pong"], [3, 6, 7])

    def send():
        wait_for(lambda: len(list(project.glob("begun_*"))) == 2, "two runs")
        os.kill(os.getpid(), signal.SIGINT)

    sender = threading.Thread(target=send)
    sender.start()
    assert launch(sweep, [Slot(), Slot()]) == 130
    sender.join()
    stops = sorted((project / "stops").read_text().splitlines())
    assert stops == ["checkpoint of a_seed3", "checkpoint of a_seed6"]
    assert len(starts(project)) == 2
    assert statuses(sweep) == [STOPPED, STOPPED, "waiting"]


def test_each_place_has_its_gpu_and_cores(project):
    core = min(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    sweep = make_sweep(project, "a", ["pong"], [3])
    run = RunProcess(sweep, sweep.runs[0], Slot((core,), "GPU-7"))
    wait_for((project / "begun_3").exists, "the run")
    pid = sweep.state(sweep.runs[0]).pid
    assert os.sched_getaffinity(pid) == {core}
    assert os.sched_getaffinity(0) == before
    assert starts(project) == ["a_seed3 1 GPU-7"]
    run.stop()
    wait_for(run.poll, "its end")
    assert statuses(sweep) == [STOPPED]


def test_only_as_many_run_at_a_time_as_memory_has_room_for(project, monkeypatch):
    monkeypatch.setattr(on_this_machine, "available_memory", lambda: 250)
    machine = ThisMachine([Slot()] * 4, 100)
    sweep = make_sweep(project, "a", ["pong"], [6, 7, 8])
    most = []

    def look():
        wait_for(lambda: len(list(project.glob("begun_*"))) == 2, "two runs")
        time.sleep(0.5)
        most.append(len(list(project.glob("begun_*"))))
        (project / "go_on").touch()

    looker = threading.Thread(target=look)
    looker.start()
    assert machine.launch(sweep, sweep.left()) == 0
    looker.join()
    assert most == [2]
    assert statuses(sweep) == [DONE] * 3


def test_a_run_that_no_memory_has_room_for_is_refused(project):
    sweep = make_sweep(project, "a", ["pong"], [1], memory=10**18)
    with pytest.raises(UserError, match="lower --replay_size"):
        create_launcher("here", sweep, jobs=1, gpus=[], ray_address=None, slurm_args="")


def test_what_a_killed_sweep_left_behind_is_waited_for(project):
    sweep = make_sweep(project, "a", ["pong"], [1])
    (run,) = sweep.runs
    earlier = make_sweep(project, "b", ["pong"], [6])
    left = RunProcess(earlier, earlier.runs[0], Slot())
    sweep.set_state(run, earlier.state(earlier.runs[0]))

    def end():
        time.sleep(0.5)
        assert starts(project) == ["b_seed6 1 none"]
        (project / "go_on").touch()
        wait_for(left.poll, "its end")

    ender = threading.Thread(target=end)
    ender.start()
    assert launch(sweep, [Slot()]) == 0
    ender.join()
    assert statuses(sweep) == [DONE]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent")
def test_runs_are_stopped_when_the_sweep_is_killed(project):
    sweep = make_sweep(project, "a", ["pong"], [3])
    pid = os.fork()
    if pid == 0:
        RunProcess(sweep, sweep.runs[0], Slot())
        wait_for((project / "begun_3").exists, "the run")
        os._exit(0)  # as a kill does: nothing is tidied up
    os.waitpid(pid, 0)
    wait_for((project / "stops").exists, "the checkpoint")


def test_a_clusters_job_waits_where_another_process_still_has_the_run(project, monkeypatch):
    monkeypatch.setattr(process.time, "sleep", lambda _: (project / "free").touch())
    (project / "train.sh").write_text(
        "#!/bin/sh\n[ -e free ] || { echo 'error: x is in use by process 7' >&2; exit 2; }\n"
    )
    sweep = make_sweep(project, "a", ["pong"], [1])
    assert run_to_its_end(sweep, sweep.runs[0], Slot()).status == DONE


def test_a_project_without_train_sh_is_a_failure_of_the_run_alone(tmp_path):
    sweep = make_sweep(tmp_path, "a", ["pong"], [1])
    assert launch(sweep, [Slot()]) == 0
    assert statuses(sweep) == [FAILED]
    assert "cannot start pong_a_seed1" in sweep.state(sweep.runs[0]).reason


def test_a_state_of_another_machine_is_not_taken_for_a_process_here():
    state = State(RUNNING, host=f"not-{this_host()}", pid=os.getpid(), since=2e9)
    assert not process.runs_here(state)


@pytest.mark.parametrize(
    ("gpus", "share", "cores", "jobs"),
    [(0, 1, 8, 8), (2, 1, 8, 2), (2, 0.5, 8, 4), (1, 0.33, 8, 3), (4, 2, 8, 2), (2, 0, 8, 8)],
)
def test_gpus_or_cores_decide_how_many_run_at_a_time(gpus, share, cores, jobs):
    assert jobs_at_once(gpus, share, cores) == jobs


def test_cores_and_gpus_are_shared_out(monkeypatch):
    monkeypatch.setattr("dqn.sweeps.needs.usable_core_numbers", lambda: [0, 1, 4, 5])
    monkeypatch.setattr("dqn.sweeps.needs.usable_cores", lambda: 4)
    assert slots(2, 2, [], 1) == [Slot((0, 1)), Slot((4, 5))]
    assert slots(4, 1, ["a", "b"], 0.5) == [
        Slot((0,), "a"),
        Slot((1,), "b"),
        Slot((4,), "a"),
        Slot((5,), "b"),
    ]
    assert slots(2, 2, ["a", "b", "c", "d"], 2) == [Slot((0, 1), "a,b"), Slot((4, 5), "c,d")]
    assert slots(3, 2, [], 1) == [Slot()] * 3  # more threads than cores: the system shares them

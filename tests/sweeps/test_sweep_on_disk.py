"""Manifest and states: what another call of sweep.sh finds."""

import json
import os

import pytest

from dqn.errors import UserError
from dqn.sweeps import manifest
from dqn.sweeps.glimpse import glimpse, last_test
from dqn.sweeps.process import ended
from dqn.sweeps.status import status
from dqn.sweeps.sweep import DONE, FAILED, RUNNING, STOPPED, SUBMITTED, State, load, this_host
from helpers.runs import make_sweep, write_run


def test_a_manifest_is_read_back_whole(tmp_path):
    sweep = make_sweep(tmp_path, "a", ["pong"], [1, 2], grid={"n_steps": ["1", "3"]})
    assert load(tmp_path, sweep.folder).manifest == sweep.manifest


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c | {"format": "x"},
        lambda c: c | {"version": 2},
        lambda c: c | {"runs": [{}]},
        lambda c: c | {"runs": c["runs"] * 2},
        lambda c: c | {"threads": "many"},
        lambda c: c | {"grid": []},
        lambda c: c | {"runs": [c["runs"][0] | {"name": "../../x"}]},
        lambda c: c | {"runs": [c["runs"][0] | {"command": "rm"}]},
        lambda c: [c],
        lambda c: {},
    ],
)
def test_a_damaged_manifest_is_refused_with_one_line(tmp_path, change):
    folder = make_sweep(tmp_path, "a", ["pong"], [1]).folder
    content = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(change(content)))
    with pytest.raises(UserError, match="is not the manifest of a sweep"):
        manifest.load(folder)


def test_a_run_is_done_only_with_the_flags_that_it_was_done_with(tmp_path):
    before = make_sweep(tmp_path, "a", ["pong"], [1])
    before.set_state(before.runs[0], State(DONE))
    assert before.left() == []
    longer = make_sweep(tmp_path, "a", ["pong"], [1], flags=["--epochs", "9"])
    assert longer.left() == longer.runs
    timed = make_sweep(tmp_path, "a", ["pong"], [1], flags="--epochs 3 --log_level INFO".split())
    assert timed.left() == []


def test_what_failed_comes_last(tmp_path):
    sweep = make_sweep(tmp_path, "a", ["pong"], [1, 2, 3])
    sweep.set_state(sweep.runs[0], State(FAILED))
    sweep.set_state(sweep.runs[1], State(DONE))
    assert [run.seed for run in sweep.left()] == [3, 1]


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "{}", '{"status": "gone"}', "null", "\0", '{"status": "running"}'),
        '{"status": "running", "command": [], "pid": "x"}',
        '{"status": "running", "command": [], "since": []}',
        '{"status": "done", "command": [7]}',
    ],
)
def test_a_damaged_state_counts_as_none(tmp_path, content):
    sweep = make_sweep(tmp_path, "a", ["pong"], [1])
    sweep.set_state(sweep.runs[0], State(DONE))
    (sweep.folder / "states" / f"{sweep.runs[0].name}.json").write_text(content)
    assert sweep.state(sweep.runs[0]) == State()


def test_only_one_call_at_a_time_starts_runs(tmp_path):
    sweep = make_sweep(tmp_path, "a", ["pong"], [1])
    with sweep.lock(), pytest.raises(UserError, match=f"in use by process {os.getpid()}"):
        sweep.lock()
    sweep.lock().close()


@pytest.mark.parametrize(
    ("exit_status", "status", "reason"),
    [
        (0, DONE, ""),
        (75, STOPPED, "its time was up"),
        (143, STOPPED, "by a signal"),
        (-15, STOPPED, "by a signal"),
        (138, STOPPED, "by a signal"),
        (2, FAILED, "no ROM pnog"),
        (1, FAILED, "no ROM pnog"),
        (-9, FAILED, "it was killed, as for want of memory"),
    ],
)
def test_the_exit_status_says_how_a_run_ended(tmp_path, exit_status, status, reason):
    (tmp_path / "log").write_text("line\nerror: no ROM pnog\n\n")
    state = ended(exit_status, tmp_path / "log")
    assert (state.status, state.reason) == (status, reason)


def test_status_says_what_runs_and_what_failed_and_why(tmp_path):
    sweep = make_sweep(tmp_path, "a", ["pong"], [1, 2, 3, 4, 5, 6])
    runs = sweep.runs
    here = {"host": this_host(), "pid": os.getpid(), "since": 2e9}
    sweep.set_state(runs[0], State(DONE))
    sweep.set_state(runs[1], State(RUNNING, **here))
    sweep.set_state(runs[2], State(FAILED, reason="the disk is full"))
    sweep.set_state(runs[3], State(RUNNING, **(here | {"since": 0})))
    sweep.set_state(runs[4], State(SUBMITTED, job="7_4"))
    assert status(sweep) == [
        "6 runs: 1 done, 2 running, 1 submitted, 1 failed, 1 waiting",
        f"{runs[1].name}: starting",
        f"{runs[3].name}: its process is gone; the same command goes on with it",
        f"{runs[2].name}: failed, the disk is full",
    ]


def test_a_run_elsewhere_that_is_silent_is_said_to_be(tmp_path):
    sweep = make_sweep(tmp_path, "a", ["pong"], [1])
    (run,) = sweep.runs
    sweep.set_state(run, State(RUNNING, host="another"))
    assert status(sweep)[1] == f"{run.name} on another: starting"
    os.utime(sweep.folder / "states" / f"{run.name}.json", (1, 1))
    assert "nothing was heard of it for" in status(sweep)[1]
    sweep.touch(run)
    assert status(sweep)[1] == f"{run.name} on another: starting"


def test_a_glimpse_shows_epoch_speed_and_score(tmp_path):
    sweep = make_sweep(tmp_path, "a", ["pong"], [1])
    (run,) = sweep.runs
    log = sweep.log(run)
    log.parent.mkdir()
    log.write_text(
        "12:00 Epoch #2\n  epoch 2 train: 30 of 120 steps, 77 steps/s, eps 0.1, 1 game\n"
    )
    assert glimpse(sweep, run) == "epoch 2 of 3, train 25 %, 77 steps/s"
    with open(log, "a") as file:
        file.write("  last_exploration_rate: 1.0, epoch_time: 1s, steps_per_second: 88\nEpoch #3\n")
    write_run(sweep.csv_file(run), [1, -20.5])
    assert glimpse(sweep, run) == "epoch 3 of 3, 88 steps/s, last test -20.5"


def test_the_last_test_is_that_of_the_last_whole_row(tmp_path):
    path = write_run(tmp_path / "a.csv", [1, 2.5])
    text = path.read_text()
    assert last_test(path) == 2.5
    path.write_text(text + "3,test,5,1,9")
    assert last_test(path) == 2.5
    path.write_text("")
    assert str(last_test(path)) == str(last_test(tmp_path / "none")) == "nan"

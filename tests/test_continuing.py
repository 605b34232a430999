"""What a user gets who stops a run and starts it again, with the same flags or with others."""

import json
import logging
import os
import re
import shutil
import signal
import subprocess

import psutil
import pytest

import main
from dqn.checkpoints.folder import CheckpointFolder
from dqn.experiment import Experiment
from dqn.machine.interruption import TIME_IS_UP
from helpers.cores import needs_two_cores
from helpers.crashes import (
    EPOCHS,
    STOPS,
    Training,
    interrupt_while_writing,
    set_value,
    signal_after,
    stop_after,
)

PRIORITIES = "--prioritized true --n_steps 3".split()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    training = Training(tmp_path_factory.mktemp("undisturbed"))
    training.run()
    return training


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was stopped while it trained in its second epoch."""
    training = Training(tmp_path_factory.mktemp("stopped"), "--checkpoint_steps", "150")
    training.run(prepare=signal_after(650, signal.SIGTERM), status=128 + signal.SIGTERM)
    assert training.num_rows("breakout.csv") == 3
    return training


@pytest.fixture
def copy(stopped, tmp_path):
    """The stopped run, in a folder of its own."""
    shutil.copytree(stopped.folder, tmp_path / "run")
    return Training(tmp_path / "run")


def last_line(log):
    return log.splitlines()[-1]


def generations(training):
    return sorted((training.folder / "breakout.checkpoint").glob("generation-*"))


def test_a_run_ended_twice_by_its_time_limit_equals_one_that_was_not(undisturbed, tmp_path):
    training = Training(tmp_path / "run")
    for steps in (300, 600):  # in training, and in a test
        training.run(prepare=stop_after(steps), status=TIME_IS_UP)
    log = training.run("--max_computing_time", "1:00:00")
    assert "Resuming from the checkpoint" in log
    assert training.results() == undisturbed.results()


def test_a_stopped_run_with_priorities_several_steps_and_decay_equals_one_that_was_not(tmp_path):
    decay = "--learning_rate_end 0.00001 --learning_rate_decay_steps 600".split()
    flags = [*PRIORITIES, *decay, "--overlap", "true"]
    undisturbed, training = (Training(tmp_path / name, *flags) for name in ("whole", "parts"))
    undisturbed.run()
    kill = signal_after(450, signal.SIGKILL)  # between two checkpoints
    training.run("--checkpoint_steps", "40", prepare=kill, status=-signal.SIGKILL)
    training.run(prepare=stop_after(300), status=TIME_IS_UP)
    training.run()
    assert training.results() == undisturbed.results()


def test_a_run_killed_after_a_snapshot_within_an_epoch_equals_one_that_was_not(tmp_path):
    flags = [*PRIORITIES, *"--snapshot_steps 100 --checkpoint_steps 80 --epochs 2".split()]
    whole, training = Training(tmp_path / "whole", *flags), Training(tmp_path / "run", *flags)
    whole.run()
    training.run(prepare=signal_after(670, signal.SIGKILL), status=-signal.SIGKILL)
    assert (training.folder / "breakout_2.100.pkl").exists()
    assert not (training.folder / "breakout_2.pkl").exists()
    assert "Resuming from the checkpoint" in training.run()
    results = training.results()
    assert results == whole.results()
    saved = {name for name in results if name.endswith(".pkl")} - {"breakout_best.pkl"}
    names = ("1.100", "1.200", "1", "2.100", "2.200", "2")
    assert saved == {f"breakout_{name}.pkl" for name in names}


@pytest.mark.parametrize("number", STOPS)
def test_each_signal_stops_with_a_checkpoint_and_its_own_exit_status(number, tmp_path):
    training = Training(tmp_path)
    log = training.run(prepare=signal_after(420, number), status=128 + number)
    assert training.num_rows("breakout.csv") == 2  # at once, in its first test
    assert "Stopping: making a checkpoint" in log
    assert len(generations(training)) == 2


def test_a_run_that_is_done_is_left_alone_and_more_epochs_go_on(undisturbed, tmp_path):
    shutil.copytree(undisturbed.folder, tmp_path / "run")
    training = Training(tmp_path / "run")
    log = training.run()
    assert "All epochs of this run are done" in last_line(log)
    assert training.results() == undisturbed.results()
    log = training.run("--epochs", str(EPOCHS + 1), "--exploration_rate_end", "0.2")
    assert f"Using --epochs {EPOCHS + 1} instead of {EPOCHS}" in log
    assert "Using --exploration_rate_end 0.2 instead of 0.1" in log
    rows = training.results()["breakout.csv"]
    assert rows[:-2] == undisturbed.results()["breakout.csv"]
    assert [row["epoch"] for row in rows[-2:]] == [str(EPOCHS + 1)] * 2


def test_a_test_that_is_left_out_after_a_stop_in_it_leaves_nothing_behind(tmp_path):
    training = Training(tmp_path)
    stop = signal_after(450, signal.SIGTERM)
    training.run(prepare=stop, status=128 + signal.SIGTERM)
    training.run("--test_steps", "0")
    rows = [(row["phase"], row["steps"]) for row in training.rows("breakout.csv")]
    assert rows == [("random", "130"), *[("train", "270")] * EPOCHS]


def test_random_steps_that_are_left_out_after_a_stop_in_them_leave_nothing_behind(tmp_path):
    training = Training(tmp_path, "--epochs", "1")
    training.run("--max_computing_time", "0", status=75)  # after the first step
    training.run("--random_steps", "0")
    rows = [(row["phase"], row["steps"]) for row in training.rows("breakout.csv")]
    assert rows == [("train", "270"), ("test", "150")]


def test_restart_begins_anew_and_keeps_everything_aside(copy, undisturbed):
    rows = copy.results()["breakout.csv"]
    copy.run("--restart")
    results = copy.results()
    assert copy.rows_without_times("breakout.csv.1") == rows
    assert (copy.folder / "breakout.checkpoint.1").is_dir()
    assert {name: results[name] for name in undisturbed.results()} == undisturbed.results()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--optimizer", "adam"], ["--optimizer rmsprop", "adam"]),
        (["--replay_size", "500"], ["--replay_size 230", "500"]),
        (["--screen_width", "84"], ["--screen_width 44", "84"]),
        (["--history_length", "2"], ["--history_length 4", "2"]),
        (["--minimal_action_set", "false"], ["--minimal_action_set true", "not false"]),
        (["--batch_norm", "true"], ["--batch_norm false", "not true"]),
        (["--prioritized", "true"], ["--prioritized false", "not true"]),
    ],
)
def test_flags_that_a_checkpoint_does_not_fit_are_refused_with_both_values(copy, flags, words):
    before = copy.results()
    line = last_line(copy.run(*flags, status=2))
    assert line.startswith("error: ")
    assert all(word in line for word in words)
    assert copy.results() == before


def test_the_number_of_steps_may_change_when_a_run_goes_on(copy):
    assert "Using --n_steps 3 instead of 1" in copy.run("--n_steps", "3")


def test_the_checkpoint_of_another_game_is_refused(copy):
    copy.arguments[0] = "pong"
    line = last_line(copy.run(status=2))
    assert "is of 'breakout', not of 'pong'" in line


def test_a_second_process_is_refused_with_the_first_ones_host_and_pid(tmp_path):
    training = Training(tmp_path)
    training.start_and_stand_still(200)
    process = training.process
    try:
        line = last_line(training.run(status=2))
        assert f"in use by process {process.pid} on {os.uname().nodename}" in line
    finally:
        process.kill()
        process.communicate()
    training.run("--epochs", "1")  # a crash releases the lock


def test_without_checkpoints_a_run_begins_anew_each_time(tmp_path):
    training = Training(tmp_path, "--checkpoint", "false", "--epochs", "1")
    training.run()
    training.run()
    assert not (tmp_path / "breakout.checkpoint").exists()
    assert (tmp_path / "breakout.csv.1").exists()


def test_resume_takes_the_checkpoint_of_that_epoch_and_goes_on_with_its_csv(copy, undisturbed):
    """As resume.sh calls it: with the snapshot, its epoch, and a CSV file named after it."""
    flags = ["--load_weights", str(copy.folder / "breakout_1.pkl"), "--start_epoch", "1"]
    log = copy.run(*flags, "--csv_file", str(copy.folder / "breakout_1.csv"))
    assert "Resuming from the checkpoint" in log
    assert copy.results() == undisturbed.results()


def test_resume_of_another_epoch_takes_the_snapshot_and_says_what_is_missing(copy):
    flags = ["--load_weights", str(copy.folder / "breakout_1.pkl"), "--start_epoch", "2"]
    log = copy.run(*flags, "--csv_file", str(copy.folder / "breakout_1.csv"))
    assert "is of epoch 1: not used" in log
    assert "A snapshot has no replay memory" in log
    assert (copy.folder / "breakout.checkpoint.1").is_dir()
    assert [row["epoch"] for row in copy.rows("breakout_1.csv")] == ["2", "3", "3"]


# Damage


def test_a_damaged_checkpoint_is_kept_aside_and_the_one_before_it_goes_on(copy, undisturbed):
    newest = generations(copy)[-1]
    (newest / "arrays.npz").write_bytes(b"damaged")
    log = copy.run()
    assert f"{newest.name} cannot be used" in log
    assert (newest.parent / f"damaged-{newest.name}.1").is_dir()
    assert copy.results() == undisturbed.results()


def test_the_checkpoint_before_is_whole_when_files_were_half_written(copy, undisturbed):
    newest = generations(copy)[-1]
    shutil.copytree(newest, newest.with_name("generation-000099.part"))
    copy.run()
    assert not list((copy.folder / "breakout.checkpoint").glob("*.part"))
    assert copy.results() == undisturbed.results()


def change(**values):
    def damage(training):
        for generation in generations(training):
            path = generation / "state.json"
            path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return damage


def overwrite(name, content):
    def damage(training):
        for generation in generations(training):
            (generation / name).write_bytes(content)

    return damage


def forge(training):
    """A state of something else, with right checksums."""
    for generation in generations(training):
        shutil.rmtree(generation)
    folder = CheckpointFolder(training.folder / "breakout.checkpoint")
    folder.save({"parts": {"experiment": 3}})
    folder.close()


def swap(training):
    older, newer = (generation / "arrays.npz" for generation in generations(training))
    data = older.read_bytes()
    older.write_bytes(newer.read_bytes())
    newer.write_bytes(data)


def truncate_steps(training):
    for path in (training.folder / "breakout.checkpoint/steps").iterdir():
        os.truncate(path, path.stat().st_size // 2)


def change_steps(training):
    for path in (training.folder / "breakout.checkpoint/steps").iterdir():
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)


def delete_steps(training):
    shutil.rmtree(training.folder / "breakout.checkpoint/steps")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (change(version=2), "another version"),
        (change(format="a game"), "not one of this program's"),
        (change(state={}), "damaged"),
        (overwrite("state.json", b""), "damaged"),
        (overwrite("state.json", b"[" * 100_000), "too large"),
        (overwrite("state.json", b"{}"), "damaged"),
        (overwrite("arrays.npz", b""), "damaged"),
        (overwrite("arrays.npz", b"\x80\x04cos\nsystem\n."), "damaged"),
        (forge, "does not fit"),
        (swap, "of different checkpoints"),
        (truncate_steps, "damaged"),
        (change_steps, "damaged"),
        (delete_steps, "steps"),
    ],
)
def test_a_checkpoint_damaged_in_any_way_ends_in_one_line(copy, damage, words):
    before = copy.results()
    damage(copy)
    log = copy.run(status=2)
    assert words in last_line(log)
    assert "--restart" in last_line(log)
    assert "Traceback" not in log
    assert copy.results() == before


def test_a_lost_csv_file_is_written_again_whole(copy, undisturbed):
    (copy.folder / "breakout.csv").unlink()
    (copy.folder / "breakout.games.csv").unlink()
    log = copy.run()
    assert log.count("Rows are missing") == 2
    assert copy.results() == undisturbed.results()


def test_another_runs_csv_in_its_place_is_moved_aside_when_the_run_goes_on(copy, undisturbed):
    other = ["--epochs", "1", "--random_seed", "9", "--checkpoint", "false"]
    copy.run(*other, "--save_weights_prefix", str(copy.folder / "other"))
    rows = copy.rows("breakout.csv")
    copy.run()
    results = undisturbed.results()
    assert {name: copy.results()[name] for name in results} == results
    assert copy.rows("breakout.csv.2") == rows


def test_a_test_beside_a_training_is_refused_the_trainings_csv(copy):
    copy.start_and_stand_still(200)
    process = copy.process
    try:
        before = copy.results()
        flags = ["--load_weights", str(copy.folder / "breakout_1.pkl"), "--train_steps", "0"]
        line = last_line(copy.run(*flags, "--random_steps", "0", "--epochs", "1", status=2))
        assert f"breakout.csv is in use by process {process.pid} on" in line
        assert copy.results() == before
    finally:
        process.kill()
        process.communicate()


def test_two_runs_of_one_name_without_checkpoints_are_refused(tmp_path):
    training = Training(tmp_path, "--checkpoint", "false")
    training.start_and_stand_still(200)
    process = training.process
    try:
        line = last_line(training.run("--csv_file", str(tmp_path / "other.csv"), status=2))
        assert f"in use by process {process.pid} on" in line
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_fills_leaves_the_last_checkpoint_whole(undisturbed, tmp_path):
    disk, large = tmp_path / "disk", tmp_path / "large"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=13m", "tmpfs", disk])
    if mount.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        log = Training(disk).run(status=2)
        assert "No space left on device" in log
        shutil.copytree(disk, large)
    finally:
        subprocess.run(["umount", disk], check=True)
    log = Training(large).run()
    assert "Resuming from the checkpoint" in log
    assert Training(large).results() == undisturbed.results()


@pytest.fixture
def free(monkeypatch):
    """Lets the disk have so many bytes free."""
    usage = shutil.disk_usage("/")
    return lambda room: monkeypatch.setattr(
        shutil, "disk_usage", lambda _: usage._replace(free=room)
    )


def test_too_small_a_disk_is_said_before_anything_is_written(tmp_path, free, capsys, monkeypatch):
    monkeypatch.setattr("dqn.checkpoints.checkpointer.SEGMENT_BYTES", 10**5)
    steps = "--random_steps 250 --train_steps 550 --epochs 20".split()
    command = [*Training(tmp_path / "run").arguments, *steps]
    (tmp_path / "run").mkdir()
    free(12_000_000)
    for _ in range(2):
        assert main.main([*command, "--replay_size", "5000"]) == 2
        line = last_line(capsys.readouterr().err)
        assert "takes up to 19 MiB of disk, but 11 MiB are free: free some, lower" in line
        assert line.endswith("or do without it: --checkpoint false")
        assert not list((tmp_path / "run").iterdir())
    size = re.search(r"lower --replay_size to (\d+)", line)[1]
    monkeypatch.setattr(Experiment, "run", lambda *_: [])
    assert main.main([*command, "--replay_size", str(int(size) + 9)]) == 2
    assert main.main([*command, "--replay_size", size]) == 0


def test_no_smaller_replay_memory_is_advised_if_none_fits(tmp_path, free, capsys):
    free(2 * 10**6)
    assert main.main(Training(tmp_path).arguments) == 2
    assert "--replay_size" not in last_line(capsys.readouterr().err)


def test_an_older_run_is_not_moved_aside_if_there_is_no_room_for_another(copy, free):
    before = copy.results()
    free(10**6)
    assert main.main([*copy.arguments, "--restart"]) == 2
    assert copy.results() == before
    assert not (copy.folder / "breakout.checkpoint.1").exists()


def test_going_on_needs_room_only_for_what_is_not_there_yet(copy, free, capsys):
    before = copy.results()
    free(10**6)
    assert main.main(copy.arguments) == 2
    line = last_line(capsys.readouterr().err)
    assert line.endswith("MiB are free: free some")
    assert "more of disk" in line
    assert copy.results() == before
    free(7 * 10**6)  # a whole run takes more
    assert main.main(copy.arguments) == 0


def test_a_game_that_ale_does_not_restore_exactly_is_named(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    arguments = Training(tmp_path, "--epochs", "1").arguments
    assert main.main(["qbert", *arguments[1:]]) == 0
    assert "ALE does not restore qbert exactly" in caplog.text


def test_the_replay_memory_in_a_file_changes_nothing(undisturbed, tmp_path):
    training = Training(tmp_path / "run", "--replay_file", str(tmp_path / "replay"))
    training.run(prepare=signal_after(650, signal.SIGTERM), status=128 + signal.SIGTERM)
    training.run()
    assert training.results() == undisturbed.results()
    assert not (tmp_path / "replay").exists()


def test_a_replay_file_never_overwrites_one_that_exists(tmp_path):
    file = tmp_path / "mine"
    file.write_text("precious")
    line = last_line(Training(tmp_path / "run", "--replay_file", str(file)).run(status=2))
    assert "name a new file" in line
    assert file.read_text() == "precious"


def test_ctrl_c_twice_stops_at_once_and_loses_nothing_older(undisturbed, tmp_path):
    """The second one comes while the checkpoint is being written."""
    training = Training(tmp_path)
    log = training.run(prepare=interrupt_while_writing, status=130)
    assert "Traceback" not in log
    training.run()
    assert training.results() == undisturbed.results()


@needs_two_cores
def test_a_process_of_actors_that_is_killed_ends_the_run_with_a_checkpoint(tmp_path):
    training = Training(tmp_path, "--actors", "2", "--epochs", "1", "--train_steps", "1500")
    process = training.start()
    training.wait_for("breakout.csv", rows=1)
    children = psutil.Process(process.pid).children()
    (worker,) = (child for child in children if "spawn_main" in " ".join(child.cmdline()))
    worker.kill()
    log = process.communicate()[1]
    assert process.returncode == 2
    assert "the process of actor 1 ended (exit code -9)" in last_line(log)
    assert "Traceback" not in log
    assert psutil.wait_procs([worker], timeout=60)[1] == []
    log = training.run()
    assert "Resuming from the checkpoint" in log
    rows = training.rows("breakout.csv")
    assert [row["steps"] for row in rows[:2]] == ["130", "1500"]


@needs_two_cores
def test_a_process_of_actors_that_stands_still_does_not_keep_a_run_from_stopping(tmp_path):
    training = Training(tmp_path, "--actors", "2", "--epochs", "1", "--train_steps", "1500")
    impatient = set_value("dqn.actors.processes", "ANSWER_SECONDS", 1)
    process = training.start(prepare=impatient)
    training.wait_for("breakout.csv", rows=1)
    children = psutil.Process(process.pid).children()
    (worker,) = (child for child in children if "spawn_main" in " ".join(child.cmdline()))
    worker.suspend()
    process.terminate()
    log = process.communicate()[1]
    assert process.returncode == 2
    assert "the process of actor 1 did not answer for 1 s" in last_line(log)
    assert "Traceback" not in log
    assert not worker.is_running()
    log = training.run()
    assert "Resuming from the checkpoint" in log
    rows = training.rows("breakout.csv")
    assert [row["steps"] for row in rows[:2]] == ["130", "1500"]


def test_the_same_command_with_several_actors_gives_the_same_files(tmp_path):
    results = []
    for name in ("one", "other"):
        training = Training(tmp_path / name, "--actors", "4", "--overlap", "true", "--epochs", "2")
        training.run()
        results.append(training.results())
    assert results[0] == results[1]

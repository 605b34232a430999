"""What the whole program does with bad input: one line, exit status 2, nothing overwritten."""

import csv
import errno
import hashlib
import logging
import os
import pickle
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

import convert
import dqn.experiment
import dqn.networks.torch_engine.network
import dqn.snapshots.saver
import main
import plot
from dqn import origin
from dqn.errors import NonFiniteWeights
from dqn.machine import console
from dqn.replay import storage as screens
from dqn.snapshots.file import load_snapshot, save_snapshot

TINY = (
    "--backend cpu --random_steps 60 --train_steps 40 --test_steps 20 --replay_size 500 "
    "--epochs 1 --screen_width 44 --screen_height 44"
).split()


@pytest.fixture
def run(tmp_path, capsys, caplog, monkeypatch):
    """Runs the program in an empty folder; returns its last line on standard error."""
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO)

    def run(*arguments, status=2):
        try:
            got = main.main([*TINY, *map(str, arguments)])
        except SystemExit as exit_:  # argparse
            got = exit_.code
        errors = capsys.readouterr().err
        assert got == status, errors
        if status == 2:
            (line,) = [line for line in errors.splitlines() if line.startswith("error: ")]
            assert errors.endswith(line + "\n")
            assert "Traceback" not in errors
            return line
        return errors

    return run


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    path = tmp_path_factory.mktemp("snapshots") / "breakout"
    assert main.main(["breakout", *TINY, "--save_weights_prefix", str(path)]) == 0
    return path.with_name("breakout_1.pkl")


def test_no_such_rom(run):
    assert "did you mean breakout" in run("roms/brekout.bin")


def test_not_a_rom(run, tmp_path):
    (tmp_path / "breakout.bin").write_bytes(b"not a game")
    assert "MD5" in run("breakout.bin")


def test_no_such_snapshot(run):
    assert "does not exist" in run("--load_weights", "snapshots/breakout_7.pkl")


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (["pong"], "trained on 'breakout', not on 'pong'"),
        (["--screen_width", "84"], "--screen_width 44"),
        (["--history_length", "3"], "--history_length 4"),
        (["--minimal_action_set", "false"], "--minimal_action_set true"),
        (["--batch_norm", "true"], "--batch_norm false"),
    ],
)
def test_a_snapshot_of_something_else(run, snapshot, options, advice):
    assert advice in run("--load_weights", snapshot, *options)


class Hostile:
    def __reduce__(self):
        return (open, ("broken_into", "w"))


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 no pickle", pickle.dumps(Hostile()), pickle.dumps({"model": 1})],
    ids=["empty", "not a pickle", "hostile", "another pickle"],
)
def test_a_file_that_is_no_snapshot(run, tmp_path, content):
    (tmp_path / "breakout_1.pkl").write_bytes(content)
    assert "breakout_1.pkl cannot be loaded" in run("--load_weights", "breakout_1.pkl")
    assert not (tmp_path / "broken_into").exists()


def test_a_truncated_snapshot(run, snapshot, tmp_path):
    data = snapshot.read_bytes()
    (tmp_path / "breakout_1.pkl").write_bytes(data[: len(data) // 2])
    assert "cannot be loaded" in run("--load_weights", "breakout_1.pkl")


def test_a_snapshot_whose_game_cannot_be_known(run, tmp_path):
    data = pickle.dumps({"layer_params_states": []})
    (tmp_path / "mine.pkl").write_bytes(data)
    run("--load_weights", "mine.pkl")


def test_an_old_snapshot_without_a_game_in_its_name(run, tmp_path, snapshot):
    neon = load_snapshot(snapshot)
    neon.metadata = None
    save_snapshot(neon, tmp_path / "mine_1.pkl")
    assert "name the ROM too" in run("--load_weights", "mine_1.pkl")
    run("breakout", "--load_weights", "mine_1.pkl", status=0)


def test_a_snapshot_that_records_an_impossible_game(run, tmp_path, snapshot):
    strange = load_snapshot(snapshot)
    strange.metadata.game = "../breakout\nerror: two lines"
    save_snapshot(strange, tmp_path / "breakout_1.pkl")
    assert "name the ROM too" in run("--load_weights", "breakout_1.pkl")
    assert "was trained on" in run("breakout", "--load_weights", "breakout_1.pkl")


@pytest.mark.parametrize("option", ["--csv_file", "--save_weights_prefix"])
def test_a_folder_that_cannot_be_written(run, tmp_path, option):
    (tmp_path / "a_file").write_text("")
    assert "cannot write into the folder" in run("breakout", option, "a_file/breakout")


@pytest.mark.parametrize(
    "flags",
    [
        ["--save_weights_prefix", f"s/{'x' * 230}"],
        ["--csv_file", f"r/{'x' * 246}.csv"],
        ["--replay_file", "x" * 256],
        ["--play_games", 1, "--video_file", f"v/{'x' * 250}.mov"],
        ["--play_games", 1, "--record_screen_path", f"v/{'x' * 250}"],
        ["--play_games", 1, "--record_sound_filename", f"v/{'x' * 250}.wav"],
    ],
)
def test_a_name_that_will_be_too_long_is_refused_before_anything_is_made(run, tmp_path, flags):
    assert "characters of it fit" in run("breakout", *flags)
    assert not list(tmp_path.iterdir())


def test_a_name_that_fits_is_enough_for_all_files(run, tmp_path):
    line = run("breakout", "--save_weights_prefix", f"s/{'x' * 230}")
    name = "x" * int(re.search(r"(\d+) characters of it fit", line)[1])
    flags = ["breakout", "--save_weights_prefix", f"s/{name}", "--csv_file", f"r/{name}"]
    for _ in range(2):
        run(*flags, "--restart", status=0)
    assert {path.name[len(name) :] for path in (tmp_path / "s").iterdir()} == {
        *("_1.pkl", "_1.pkl.1", ".checkpoint", ".checkpoint.1")
    }


def test_an_error_of_the_system_that_nobody_foresaw_is_one_line(run, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "Input/output error", "a_file")

    monkeypatch.setattr(origin, "find_rom", fail)
    assert "cannot use a_file (Input/output error): see that the disk" in run("breakout")


def test_a_folder_in_a_snapshot_s_place_does_not_end_the_training(run, tmp_path):
    (tmp_path / "s" / "b_1.pkl").mkdir(parents=True)
    line = run("breakout", "--epochs", 1, "--save_weights_prefix", "s/b", "--csv_file", "r.csv")
    assert "cannot save s/b_1.pkl because s/b_1.pkl is not a file" in line
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 4


def test_too_little_memory(run, monkeypatch):
    monkeypatch.setattr(screens, "available_memory", lambda: 2**30)
    line = run("breakout", "--replay_size", 10**6, "--screen_width", 84, "--screen_height", 84)
    assert "6.58 GiB" in line
    assert "would fit" in line


def test_too_little_memory_for_a_minibatch(run, monkeypatch):
    monkeypatch.setattr(screens, "available_memory", lambda: 2**30)
    line = run("breakout", "--replay_size", 20_000, "--batch_size", 10_000)
    assert "the rest of the program 2.4 GiB" in line
    assert "lower --batch_size" in line


def test_memory_that_is_used_up_meanwhile(run, monkeypatch):
    def use_up(*_):
        raise MemoryError

    monkeypatch.setattr(dqn.experiment.Experiment, "run", use_up)
    assert "the memory is used up: lower --batch_size" in run("breakout")


def test_a_test_needs_no_replay_memory(run, snapshot, monkeypatch):
    monkeypatch.setattr(screens, "available_memory", lambda: 2**20)
    run("--load_weights", snapshot, "--random_steps", 0, "--train_steps", 0, status=0)


TEST = ("--random_steps", 0, "--train_steps", 0, "--csv_file", "test.csv")


def test_the_csv_of_a_test_has_the_snapshots_epoch_and_nan_for_what_was_not_measured(
    run, tmp_path, snapshot
):
    trained = load_snapshot(snapshot)
    trained.metadata.epoch = 3
    save_snapshot(trained, tmp_path / "breakout_9.pkl")
    run("--load_weights", "breakout_9.pkl", *TEST, status=0)
    (row,) = csv.DictReader((tmp_path / "test.csv").read_text().splitlines())
    assert (row["epoch"], row["phase"]) == ("3", "test")
    assert (row["meanq"], row["meancost"]) == ("nan", "nan")
    assert row["weight_updates"] == str(trained.metadata.weight_updates)
    assert plot.main(["test.csv", "--output", "test.png"]) == 0


def test_the_epoch_of_a_snapshot_without_metadata_is_in_its_name(run, tmp_path, snapshot):
    old = load_snapshot(snapshot)
    old.metadata = None
    for name, epoch in (("breakout_77.pkl", "77"), ("breakout.pkl", "1")):
        save_snapshot(old, tmp_path / name)
        run("breakout", "--load_weights", name, *TEST, status=0)
        assert (tmp_path / "test.csv").read_text().splitlines()[1].startswith(f"{epoch},test,")


def snapshots(folder):
    return {path.name for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("failing_epochs", [{1}, {1, 2}, {2}])
def test_a_full_disk_stops_no_training_and_only_the_last_save_decides(
    run, tmp_path, monkeypatch, caplog, failing_epochs
):
    def save_on_a_full_disk(snapshot, path):
        if snapshot.metadata.epoch in failing_epochs:
            raise OSError(errno.ENOSPC, "No space left on device")
        save_snapshot(snapshot, path)

    monkeypatch.setattr(dqn.snapshots.saver, "save_snapshot", save_on_a_full_disk)
    options = ("breakout", "--epochs", 2, "--save_weights_prefix", "s/b", "--csv_file", "r.csv")
    failed = 2 in failing_epochs
    line = run(*options, status=2 if failed else 0)
    if failed:
        assert "cannot save s/b_2.pkl (No space left on device)" in line
    assert "cannot save" in caplog.text
    assert snapshots(tmp_path / "s") == {f"b_{epoch}.pkl" for epoch in {1, 2} - failing_epochs}
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 6  # trained to the end


def test_a_snapshot_that_the_disk_had_no_room_for_is_saved_by_the_next_start(
    run, tmp_path, monkeypatch
):
    def save_on_a_full_disk(snapshot, path):
        raise OSError(errno.ENOSPC, "No space left on device")

    options = ("breakout", "--epochs", 1, "--save_weights_prefix", "s/b")
    with monkeypatch.context() as patch:
        patch.setattr(dqn.snapshots.saver, "save_snapshot", save_on_a_full_disk)
        run(*options, status=2)
    assert not snapshots(tmp_path / "s")
    run(*options, status=0)
    assert snapshots(tmp_path / "s") == {"b_1.pkl"}


def test_a_loss_that_is_no_number_ends_the_run_before_it_is_saved(run, tmp_path, monkeypatch):
    network = dqn.networks.torch_engine.network.TorchNetwork
    train = network.train

    def train_and_diverge(self, minibatch):
        update = train(self, minibatch)
        return update._replace(costs=[np.nan]) if self.train_iterations > 12 else update

    monkeypatch.setattr(network, "train", train_and_diverge)
    line = run("breakout", "--epochs", 3, "--save_weights_prefix", "s/b")
    assert "the loss became nan" in line
    assert "s/b_1.pkl" in line
    assert snapshots(tmp_path / "s") == {"b_1.pkl"}


def test_weights_that_are_no_numbers_are_not_saved_even_if_the_loss_was_one(
    run, tmp_path, snapshot, monkeypatch
):
    def save_nothing(snapshot_, path):
        raise NonFiniteWeights

    monkeypatch.setattr(dqn.snapshots.saver, "save_snapshot", save_nothing)
    line = run("--load_weights", snapshot, "--save_weights_prefix", "s/b")
    assert "the weights diverged in epoch 1" in line
    assert f"the last good snapshot is {snapshot}" in line


def test_an_absurd_learning_rate_is_noticed_for_real(run, tmp_path):
    options = ("--learning_rate", 1e30, "--train_steps", 400, "--save_weights_prefix", "s/b")
    line = run("breakout", *options)
    assert "lower --learning_rate" in line
    assert not snapshots(tmp_path / "s")


def test_after_an_absurd_learning_rate_a_lower_one_goes_on_with_what_was_learned_before(
    run, tmp_path
):
    files = ("--save_weights_prefix", "s/b", "--csv_file", "r.csv")
    options = ("breakout", "--checkpoint_steps", 1, *files)
    line = run(*options, "--learning_rate", 1e25)
    assert "diverged" in line
    assert "lower --learning_rate; there is no good snapshot" in line
    assert not snapshots(tmp_path / "s")
    run(*options, "--learning_rate", 1e-4, status=0)
    assert snapshots(tmp_path / "s") == {"b_1.pkl"}
    rows = list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
    assert [row["phase"] for row in rows] == ["random", "train", "test"]
    assert all(np.isfinite(float(row["meancost"])) for row in rows)


def test_weights_that_overflow_float32_are_refused(run, tmp_path, snapshot):
    absurd = load_snapshot(snapshot)
    absurd.layers[0].weights = absurd.layers[0].weights.astype(np.float64)
    absurd.layers[0].weights[0, 0] = 1e300
    save_snapshot(absurd, tmp_path / "breakout_1.pkl")
    line = run("--load_weights", "breakout_1.pkl", "--random_steps", 0, "--train_steps", 0)
    assert "too large for float32" in line


def test_ctrl_c_ends_without_a_traceback(run, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(dqn.experiment.Experiment, "run", interrupted)
    assert "Traceback" not in run("breakout", status=130)


def in_bash(redirections, *arguments, **variables):
    """Run the program as its user's shell does; returns status, output and errors."""
    command = shlex.join(map(str, [sys.executable, main.__file__, *TINY, *arguments]))
    done = subprocess.run(
        ["bash", "-c", f"{command} {redirections}"],
        env={**os.environ, **variables},
        capture_output=True,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_a_training_goes_on_without_standard_error(tmp_path, redirection):
    files = ("--save_weights_prefix", tmp_path / "b", "--csv_file", tmp_path / "b.csv")
    assert in_bash(redirection, "breakout", *files) == (0, "", "")
    assert (tmp_path / "b_1.pkl").exists()
    assert len((tmp_path / "b.csv").read_text().splitlines()) == 4


def test_the_result_of_a_test_survives_any_output(snapshot):
    test = ("--load_weights", snapshot, "--random_steps", 0, "--train_steps", 0, "--test_games", 1)
    test += ("--max_game_frames", 400, "--random_seed", 1)
    status, expected, _ = in_bash("", *test, PYTHONIOENCODING="utf-8")
    assert status == 0
    assert expected.startswith("games: 1, mean: ")
    status, output, _ = in_bash("", *test, PYTHONIOENCODING="ascii")
    assert (status, output) == (0, expected.replace("±", r"\xb1"))
    status, _, errors = in_bash(">/dev/full", *test, PYTHONIOENCODING="utf-8")
    assert status == 2
    assert errors.endswith(
        "error: cannot write to standard output (No space left on device): " + expected
    )


def logged(caplog, *begins):
    return [line for line in caplog.messages if line.startswith(begins)]


def test_a_long_run_says_how_long_it_takes_and_what_disk(run, caplog, monkeypatch):
    monkeypatch.setattr(dqn.experiment, "FORECAST_SECONDS", 0)
    options = ("breakout", "--epochs", 2, "--save_weights_prefix", "s/b", "--csv_file", "r/b.csv")
    run(*options, status=0)
    assert not logged(caplog, "At this speed")  # it is not long
    caplog.clear()
    monkeypatch.setattr(dqn.experiment, "LONG_SECONDS", 0)
    run(*options, "--restart", status=0)
    (line,) = logged(caplog, "At this speed")
    assert re.fullmatch(
        r"At this speed, 2 epochs will take about \d+ (second|minute)s?.*; "
        r"the checkpoint takes up to [\d.]+ MiB, the snapshots 2 × ([\d.]+) MiB = ([\d.]+) MiB",
        line,
    )
    snapshot = os.path.getsize("s/b_2.pkl") / 2**20
    assert abs(float(re.search(r"2 × ([\d.]+)", line)[1]) - snapshot) < 0.2
    (line,) = logged(caplog, "  time left")
    assert re.fullmatch(r"  time left: about .* for 1 epoch", line)


def test_the_forecast_counts_the_snapshots_that_are_kept(run, caplog, monkeypatch):
    monkeypatch.setattr(dqn.experiment, "FORECAST_SECONDS", 0)
    monkeypatch.setattr(dqn.experiment, "LONG_SECONDS", 0)
    options = ("--save_weights_prefix", "s/b", "--epochs", 3, "--keep_snapshots", "last:1")
    run("breakout", *options, status=0)
    (line,) = logged(caplog, "At this speed")
    assert "the snapshots 2 × " in line  # the last one and the best


def test_the_forecast_counts_the_snapshots_within_epochs(run, caplog, monkeypatch):
    monkeypatch.setattr(dqn.experiment, "FORECAST_SECONDS", 0)
    monkeypatch.setattr(dqn.experiment, "LONG_SECONDS", 0)
    options = ("--save_weights_prefix", "s/b", "--epochs", 2, "--train_steps", 40)
    run("breakout", *options, "--snapshot_steps", 15, status=0)
    (line,) = logged(caplog, "At this speed")
    assert "the snapshots 6 × " in line  # after steps 15, 30 and 40
    names = ("b_1.15", "b_1.30", "b_1", "b_2.15", "b_2.30", "b_2")
    assert all(os.path.exists(f"s/{name}.pkl") for name in names)


def test_the_test_of_a_snapshot_tells_no_time_left(run, caplog, snapshot):
    caplog.clear()
    run("--load_weights", snapshot, "--random_steps", 0, "--train_steps", 0, status=0)
    assert not logged(caplog, "  time left")


def test_a_forecast_without_a_test_of_games_says_so(run, caplog, monkeypatch):
    monkeypatch.setattr(dqn.experiment, "FORECAST_SECONDS", 0)
    monkeypatch.setattr(dqn.experiment, "LONG_SECONDS", 0)
    run("breakout", "--test_games", 1, "--max_game_frames", 200, status=0)
    (line,) = logged(caplog, "At this speed")
    assert re.fullmatch("At this speed, 1 epoch will take.* without their tests", line)


def test_the_end_of_a_run_names_the_next_commands(run, caplog, tmp_path):
    run("breakout", "--save_weights_prefix", "s/b", "--csv_file", "my r/b.csv", status=0)
    names = console.command("play.sh"), console.command("plot.sh")
    assert caplog.messages[-2:] == [
        f"Watch it play: {names[0]} s/b_1.pkl",
        f"Draw its learning curves: {names[1]} 'my r/b.csv'",
    ]


def test_a_stop_says_how_to_go_on(run, caplog):
    files = ("--save_weights_prefix", "s/b")
    run("breakout", *files, "--max_computing_time", 0, status=75)
    assert caplog.messages[-2:] == [
        "The same command resumes from it",
        "Stopped, because the time is up",
    ]


def test_more_actors_than_the_replay_memory_has_room_for(run):
    assert "use at least 540, or lower --actors" in run("breakout", "--actors", 60)


def test_several_games_cannot_be_watched(run):
    assert "one can be watched" in run("breakout", "--actors", 2, "--play_games", 1)


def test_a_replay_memory_on_a_gpu_that_is_not_there(run):
    assert "use --replay_device cpu" in run("breakout", "--replay_device", "gpu")


def test_float16_on_a_cpu_is_warned_of(run, caplog):
    flags = ("--random_steps", 0, "--train_steps", 0, "--test_steps", 1, "--datatype")
    run("breakout", *flags, "float16", status=0)
    assert "--datatype bfloat16" in caplog.text
    caplog.clear()
    run("breakout", *flags, "bfloat16", status=0)
    assert "slower" not in caplog.text


def test_epochs_without_training_and_tests_are_not_counted(run, caplog):
    run("breakout", "--train_steps", 0, "--test_steps", 0, "--epochs", 10**6, status=0)
    assert "Epoch #" not in caplog.text


def test_overlapping_needs_pytorch(run):
    assert "--engine torch" in run("breakout", "--overlap", "true", "--engine", "neon")


def test_short_lives_that_leave_nothing_to_sample(run):
    assert "raise --max_game_frames" in run("breakout", "--max_game_frames", 12)


@pytest.mark.parametrize(
    ("game", "flags", "digest"),
    [
        ("breakout", [], "99accbc1db2d7a2e"),
        ("seaquest", ["--repeat_action_probability", "0.25"], "b86c49f359609111"),
        ("pong", ["--frame_skip", "3", "--screen_width", "60"], "5f14b12db396adb2"),
    ],
)
def test_random_play_is_byte_equal_to_what_it_was_with_ales_own_averaging(
    tmp_path, game, flags, digest
):
    """The digests are of what was remembered before the emulator's frames were blended here."""
    arguments = [game, "--backend", "cpu", "--random_seed", "7", "--replay_size", "2000"]
    arguments += ["--random_steps", "700", "--train_steps", "100", "--exploration_rate_end", "1"]
    arguments += ["--test_steps", "0", "--epochs", "1", "--log_level", "ERROR", *flags]
    assert main.main([*arguments, "--save_weights_prefix", str(tmp_path / "run")]) == 0
    (steps,) = (tmp_path / "run.checkpoint" / "steps").iterdir()
    assert hashlib.sha256(steps.read_bytes()).hexdigest()[:16] == digest


def test_a_snapshot_of_another_network_is_tested_resumed_and_converted_without_its_flags(
    run, tmp_path
):
    network = "--network conv8x8s4,conv16x4s2,32 --dueling avg --biases true --activation elu"
    run("breakout", *network.split(), "--save_weights_prefix", "s/b", status=0)
    first = load_snapshot(tmp_path / "s" / "b_1.pkl")
    assert convert.main(["s/b_1.pkl", "s/b_1.safetensors"]) == 0

    test = ("--random_steps", 0, "--train_steps", 0, "--test_steps", 20)
    for name in ("s/b_1.pkl", "s/b_1.safetensors"):
        run("--load_weights", name, *test, status=0)
    line = run("--load_weights", "s/b_1.pkl", *test, "--dueling", "max")
    assert "--dueling max contradicts the snapshot s/b_1.pkl, which was trained with" in line

    resume = ("--start_epoch", 1, "--epochs", 2, "--save_weights_prefix", "s/c")
    run("--load_weights", "s/b_1.safetensors", *resume, status=0)
    last = load_snapshot(tmp_path / "s" / "c_2.pkl")
    assert last.architecture == first.architecture
    assert last.metadata.weight_updates == 2 * first.metadata.weight_updates > 0
    assert (last.layers[1].biases.values != first.layers[1].biases.values).any()

"""No flag of a run need be repeated: checkpoint, snapshots and an argument file hold them."""

import csv
import dataclasses
import logging
import shutil

import pytest

import main
from dqn.errors import UserError
from dqn.snapshots.file import load_snapshot, save_snapshot

FLAGS = (
    "breakout --screen_width 44 --screen_height 36 --history_length 3 --frame_skip 3 "
    "--random_steps 60 --train_steps 40 --test_steps 20 --replay_size 100 --batch_size 8 "
    "--learning_rate 0.001 --random_seed 1 --epochs 1"
).split()


def outputs(folder, name="x"):
    return ["--save_weights_prefix", f"{folder}/{name}", "--csv_file", f"{folder}/{name}.csv"]


def resume(folder, epoch):
    """What resume.sh passes on."""
    snapshot = f"{folder}/x_{epoch}.pkl"
    flags = ["--load_weights", snapshot, "--start_epoch", str(epoch)]
    return [*flags, "--save_weights_prefix", f"{folder}/x", "--csv_file", f"{folder}/x_{epoch}.csv"]


def phases(path):
    with open(path, newline="") as file:
        return [(row["epoch"], row["phase"], row["steps"]) for row in csv.DictReader(file)]


def epoch(number):
    return [(str(number), "train", "40"), (str(number), "test", "20")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    assert main.main([*FLAGS, *outputs(folder)]) == 0
    return folder


@pytest.fixture
def copy(trained, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


def test_a_repeated_command_needs_no_flag_but_what_changes(copy, caplog):
    assert main.main(["breakout", *outputs(copy), "--epochs", "2"]) == 0
    assert phases(copy / "x.csv") == [("0", "random", "60"), *epoch(1), *epoch(2)]
    assert load_snapshot(copy / "x_2.pkl").metadata.flags["learning_rate"] == 0.001
    assert "Flags from the checkpoint: --frame_skip 3 " in caplog.text
    assert "Using --epochs 2 instead of 1" in caplog.text
    assert caplog.text.count("Using --") == 1


def test_a_changed_flag_stays_with_the_run(copy, caplog):
    assert main.main(["breakout", *outputs(copy), "--epochs", "2", "--train_steps", "30"]) == 0
    assert "Using --train_steps 30 instead of 40" in caplog.text
    assert main.main(["breakout", *outputs(copy), "--epochs", "3"]) == 0
    assert [row for row in phases(copy / "x.csv") if row[1] == "train"] == [
        *[("1", "train", "40"), ("2", "train", "30"), ("3", "train", "30")]
    ]


def test_a_run_that_is_resumed_again_and_again_stays_in_one_csv_file(copy):
    assert main.main([*resume(copy, 1), "--epochs", "2"]) == 0
    assert main.main([*resume(copy, 2), "--epochs", "3"]) == 0
    assert main.main(["breakout", *outputs(copy), "--epochs", "4"]) == 0
    assert sorted(path.name for path in copy.glob("*.csv")) == ["x.csv", "x.games.csv"]
    rows = [("0", "random", "60"), *epoch(1), *epoch(2), *epoch(3), *epoch(4)]
    assert phases(copy / "x.csv") == rows


def test_a_snapshot_alone_brings_its_flags_along(copy, caplog):
    shutil.rmtree(copy / "x.checkpoint")
    assert main.main([*resume(copy, 1), "--epochs", "2", "--learning_rate", "0.002"]) == 0
    assert phases(copy / "x_1.csv") == [("1", "random", "60"), *epoch(2)]
    assert f"Flags from the snapshot {copy}/x_1.pkl: --frame_skip 3" in caplog.text
    assert "Using --learning_rate 0.002 instead of 0.001" in caplog.text
    assert "Using random seed 1" in caplog.text


def test_the_epoch_of_a_renamed_snapshot_is_the_one_that_it_records(copy):
    (copy / "x_1.pkl").rename(copy / "x_best.pkl")
    weights = ["--load_weights", f"{copy}/x_best.pkl", "--start_epoch", "auto"]
    assert main.main([*weights, *outputs(copy), "--epochs", "2"]) == 0
    assert phases(copy / "x.csv")[-2:] == epoch(2)


def test_a_snapshot_that_records_no_epoch_asks_for_it(copy, capsys):
    snapshot = dataclasses.replace(load_snapshot(copy / "x_1.pkl"), metadata=None)
    save_snapshot(snapshot, copy / "of_neon.pkl")
    weights = ["--load_weights", f"{copy}/of_neon.pkl", "--start_epoch", "auto"]
    assert main.main([*weights, *outputs(copy)]) == 2
    assert "--start_epoch NUMBER" in capsys.readouterr().err


@pytest.mark.parametrize("strip", ["nothing", "flags", "metadata"])
def test_a_test_takes_the_game_and_its_screens_from_the_snapshot(copy, capsys, strip):
    path = copy / "breakout_1.pkl"
    snapshot = load_snapshot(copy / "x_1.pkl")
    if strip == "flags":
        snapshot.metadata = dataclasses.replace(snapshot.metadata, flags={})
    elif strip == "metadata":
        snapshot.metadata = None
    save_snapshot(snapshot, path)
    test = "--random_steps 0 --train_steps 0 --epochs 1 --test_steps 30 --random_seed 1".split()
    frame_skip = [] if strip == "nothing" else ["--frame_skip", "3"]
    assert main.main(["--load_weights", str(path), *test, *frame_skip]) == 0
    # Its test would be of 20 steps: how a test is made is no matter of the game.
    assert capsys.readouterr().out == "games: 0, mean: nan ± nan, minimum: nan, maximum: nan\n"


def test_the_argument_file_trains_the_same_again(copy, tmp_path):
    again = tmp_path / "again"
    assert main.main(["breakout", *outputs(again), f"@{copy}/x.args"]) == 0
    assert (again / "x_1.pkl").read_bytes() == (copy / "x_1.pkl").read_bytes()
    assert (again / "x.args").read_bytes() == (copy / "x.args").read_bytes()


def test_the_argument_file_follows_the_run_and_an_edited_one_is_kept(copy):
    assert main.main(["breakout", *outputs(copy), "--epochs", "2"]) == 0
    assert not (copy / "x.args.1").exists()
    assert "--epochs 2\n" in (copy / "x.args").read_text()
    (copy / "x.args").write_text("--epochs 99  # mine\n")
    assert main.main(["breakout", *outputs(copy), "--epochs", "3"]) == 0
    assert (copy / "x.args.1").read_text() == "--epochs 99  # mine\n"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"frame_skip": 0}, "0 is below 1"),
        ({"frame_skip": "many"}, "many"),
        ({"screen_width": float("nan")}, "nan"),
        ({"optimizer": "@/etc/passwd"}, "optimizer"),
        ({"epochs": 10**15, "history_length": "-1"}, "-1 is below 1"),
    ],
)
def test_an_impossible_flag_in_a_snapshot_is_one_line(copy, capsys, flags, words):
    snapshot = load_snapshot(copy / "x_1.pkl")
    snapshot.metadata.flags.update(flags)
    save_snapshot(snapshot, copy / "x_1.pkl")
    shutil.rmtree(copy / "x.checkpoint")
    capsys.readouterr()
    assert main.main([*resume(copy, 1), "--epochs", "2"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: the snapshot ")
    assert words in error


def test_a_snapshot_neither_names_files_nor_stops_checkpoints(copy, tmp_path):
    snapshot = load_snapshot(copy / "x_1.pkl")
    theirs = {"csv_file": f"{tmp_path}/theirs.csv", "checkpoint": False, "video_file": "/x.mov"}
    snapshot.metadata.flags.update(theirs, replay_file=f"{tmp_path}/theirs")
    save_snapshot(snapshot, copy / "x_1.pkl")
    shutil.rmtree(copy / "x.checkpoint")
    assert main.main([*resume(copy, 1), "--epochs", "2"]) == 0
    assert (copy / "x.checkpoint").is_dir()
    assert not list(tmp_path.glob("theirs*"))


def test_a_flag_of_a_later_version_is_named_and_left_out(copy, caplog):
    snapshot = load_snapshot(copy / "x_1.pkl")
    snapshot.metadata.flags["telepathy"] = True
    save_snapshot(snapshot, copy / "x_1.pkl")
    shutil.rmtree(copy / "x.checkpoint")
    assert main.main([*resume(copy, 1), "--epochs", "2"]) == 0
    assert "flags that this version does not know: 'telepathy'" in caplog.text


@pytest.mark.parametrize("flags", [3, {"a": [1]}, {1: 2}, {"a": {}}])
def test_flags_that_are_no_plain_values_are_refused(trained, tmp_path, flags):
    snapshot = load_snapshot(trained / "x_1.pkl")
    snapshot.metadata.flags = flags
    with pytest.raises(UserError, match="its flags are not plain values"):
        save_snapshot(snapshot, tmp_path / "x.pkl")


def test_restart_takes_no_flag_of_the_old_run_and_moves_all_its_files_aside(copy):
    assert main.main(["breakout", *outputs(copy), "--epochs", "3"]) == 0
    assert main.main([*FLAGS, *outputs(copy), "--restart", "--train_steps", "30"]) == 0
    assert phases(copy / "x.csv")[1:] == [("1", "train", "30"), ("1", "test", "20")]
    assert sorted(path.name for path in copy.glob("*.pkl*")) == [
        *["x_1.pkl", "x_1.pkl.1", "x_2.pkl.1", "x_3.pkl.1"]
    ]
    names = ("x.csv.1", "x.games.csv.1", "x.args.1", "x.checkpoint.1")
    assert all((copy / name).exists() for name in names)


@pytest.mark.parametrize(
    "failing",
    [
        ["--display_screen", "window"],
        ["--replay_file", "/dev/null/file"],
        ["--engine", "neon", "--datatype", "bfloat16"],
        ["--load_weights", "no such file"],
    ],
)
def test_a_restart_that_fails_leaves_the_old_run_where_it_is(copy, monkeypatch, failing):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")

    def files():
        return {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}

    before = files()
    assert main.main([*FLAGS, *outputs(copy), "--restart", *failing]) == 2
    (copy / "x.checkpoint/lock").write_bytes(before[copy / "x.checkpoint/lock"])
    assert files() == before


@pytest.mark.parametrize("measured", ["bfloat16", pytest.param("float32", marks=pytest.mark.slow)])
def test_datatype_auto_is_measured_by_a_new_run_alone(tmp_path, monkeypatch, measured):
    """A stopped run, and one that begins with its snapshot, end as those that name the datatype."""

    def measure(updates, now):
        for update in updates.values():
            update()
        return {name: 1.0 if name == measured else 2.0 for name in updates}

    def must_not(*_):
        raise AssertionError("measured again")

    def train(name, *flags, status=0):
        (tmp_path / name).mkdir(exist_ok=True)
        assert main.main([*FLAGS, *outputs(tmp_path / name), *flags]) == status

    monkeypatch.setattr("dqn.networks.torch_engine.datatype.measure", measure)
    train("auto", "--datatype", "auto", "--max_computing_time", "0", status=75)
    monkeypatch.setattr("dqn.networks.torch_engine.datatype.measure", must_not)
    assert f"--datatype {measured}\n" in (tmp_path / "auto" / "x.args").read_text()
    train("auto", "--max_computing_time", "0", status=75)
    train("auto", "--datatype", "auto")
    train("named", "--datatype", measured)
    snapshots = [tmp_path / name / "x_1.pkl" for name in ("auto", "named")]
    assert snapshots[0].read_bytes() == snapshots[1].read_bytes()

    for name, datatype in (("auto", "auto"), ("named", measured)):
        begin = ["--load_weights", str(tmp_path / name / "x_1.pkl"), "--epochs", "2"]
        train(f"{name} again", *begin, "--start_epoch", "1", "--datatype", datatype)
    snapshots = [tmp_path / f"{name} again" / "x_2.pkl" for name in ("auto", "named")]
    assert snapshots[0].read_bytes() == snapshots[1].read_bytes()
    assert load_snapshot(snapshots[0]).metadata.flags["datatype"] == measured

"""Each script run for real, on a real game, from another folder and with spaces in every path."""

import csv
import os
import re
import shutil
import subprocess
import sys
from typing import NamedTuple

import av
import matplotlib.image
import pytest

from dqn.snapshots.file import load_snapshot
from helpers.forked import run_main
from helpers.paths import BEING_COMPILED, PROJECT

GAME = "--max_game_frames 400 --screen_width 44 --screen_height 44 --backend cpu".split()
TEST = [*GAME, "--test_games", "3", "--random_seed", "1"]
TINY = [*"--random_steps 150 --train_steps 200 --test_steps 250 --replay_size 1000".split(), *GAME]


class Result(NamedTuple):
    status: int
    output: str
    errors: str


class Clone:
    """A copy of the project that shares the tests' Python environment."""

    def __init__(self, folder):
        self.root = folder / "my dqn"
        self.elsewhere = folder / "some where else"
        self.elsewhere.mkdir()
        for name in ("src", "scripts", "presets"):
            shutil.copytree(PROJECT / name, self.root / name, ignore=BEING_COMPILED)
        for file in (*PROJECT.glob("*.sh"), *PROJECT.glob("requirements*.txt")):
            shutil.copy(file, self.root)

    def run(self, script, *arguments, status=0):
        """Start a script from another folder; it must end with `status`."""
        done = subprocess.run(
            [self.root / script, *map(str, arguments)],
            cwd=self.elsewhere,
            env={**os.environ, "PYTHON": sys.executable},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == status, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    def rows(self, name):
        with open(self.root / "results" / name, newline="") as file:
            return list(csv.DictReader(file))

    def files_and_times(self):
        files = [
            path
            for path in self.root.rglob("*")
            if path.is_file() and path.name != "lock" and path.suffix != ".pyc"
        ]
        return {path: path.stat().st_mtime_ns for path in files}

    def files(self, folder):
        return {path.name for path in (self.root / folder).iterdir()}


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return Clone(tmp_path_factory.mktemp("a clone"))


@pytest.fixture(scope="module")
def trained(clone):
    """The clone after two epochs of training, and what the script said."""
    result = clone.run(
        *("train.sh", "roms/breakout.bin", "tiny", *TINY, "--epochs", 2, "--random_seed", 3)
    )
    return clone, result


def without_times(rows):
    times = ("total_time", "epoch_time", "steps_per_second", "seconds")
    return [{k: v for k, v in row.items() if k not in times} for row in rows]


def test_training_leaves_a_snapshot_an_epoch_and_a_row_a_phase(trained):
    clone, result = trained
    assert clone.files("snapshots") == {
        *("breakout_tiny_1.pkl", "breakout_tiny_2.pkl", "breakout_tiny_best.pkl"),
        "breakout_tiny.checkpoint",
    }
    assert clone.files("results") == {
        *("breakout_tiny.args", "breakout_tiny.csv", "breakout_tiny.games.csv")
    }
    rows = clone.rows("breakout_tiny.csv")
    assert [(row["epoch"], row["phase"], row["steps"]) for row in rows] == [
        ("0", "random", "150"),
        *[("1", "train", "200"), ("1", "test", "250")],
        *[("2", "train", "200"), ("2", "test", "250")],
    ]
    assert [row["weight_updates"] for row in rows] == ["0", "50", "50", "100", "100"]
    assert float(rows[1]["meancost"]) > 0
    assert float(rows[2]["meanq"]) != float(rows[4]["meanq"])
    games = clone.rows("breakout_tiny.games.csv")
    for row in rows:
        scores = [
            float(game["score"])
            for game in games
            if (game["epoch"], game["phase"]) == (row["epoch"], row["phase"])
        ]
        assert len(scores) == int(row["nr_games"])
        if scores:
            assert float(row["average_reward"]) == pytest.approx(sum(scores) / len(scores))
    assert all(int(game["frames"]) <= 404 for game in games)
    assert result.output == ""


def test_the_log_of_a_training_is_plain_lines_with_the_originals_summary(trained):
    _, result = trained
    lines = [line.split(" ", 2)[2] for line in result.errors.splitlines()]
    assert " Training for 200 steps" in lines
    assert any(re.match(r"  num_games: \d+, average_reward: [-\d.]+", line) for line in lines)
    assert any("Using the ROM of breakout that ale-py carries" in line for line in lines)
    assert any(line.startswith("Using the CPU with ") for line in lines)
    assert "\r" not in result.errors


def test_the_same_command_and_seed_give_the_same_bytes(trained, tmp_path):
    clone, _ = trained
    again = [
        *("roms/breakout.bin", *TINY, "--epochs", 2, "--random_seed", 3),
        *("--save_weights_prefix", tmp_path / "s", "--csv_file", tmp_path / "r.csv"),
    ]
    log = tmp_path / "log"
    assert run_main(again, log, cwd=tmp_path) == 0, log.read_text()
    for epoch in (1, 2):
        one = clone.root / "snapshots" / f"breakout_tiny_{epoch}.pkl"
        assert one.read_bytes() == (tmp_path / f"s_{epoch}.pkl").read_bytes()
    for name, ours in (("breakout_tiny.csv", "r.csv"), ("breakout_tiny.games.csv", "r.games.csv")):
        with open(tmp_path / ours, newline="") as file:
            assert without_times(csv.DictReader(file)) == without_times(clone.rows(name))


def test_resuming_goes_on_with_the_next_epoch_the_weights_and_epsilon(trained):
    clone, _ = trained
    snapshot = clone.root / "snapshots" / "breakout_tiny_1.pkl"
    result = clone.run("resume.sh", snapshot, *TINY, "--epochs", 2, "--random_seed", 4)
    rows = clone.rows("breakout_tiny_1.csv")
    assert [(row["epoch"], row["phase"]) for row in rows] == [
        ("1", "random"),
        ("2", "train"),
        ("2", "test"),
    ]
    # ε = 1 − 0.9 · steps / 1,000,000: it waits while the memory is filled, then goes on falling
    rates = [float(row["last_exploration_rate"]) for row in rows]
    assert rates == pytest.approx([1 - 0.9e-6 * 200, 1 - 0.9e-6 * 399, 0.05])
    assert [row["weight_updates"] for row in rows] == ["50", "100", "100"]
    assert [row["total_train_steps"] for row in rows] == ["200", "400", "400"]
    assert [row["replay_memory_count"] for row in rows] == ["150", "350", "350"]
    # the first run's snapshot of this epoch is still there
    assert "Moved the older" in result.errors
    assert clone.files("snapshots") >= {"breakout_tiny_2.pkl", "breakout_tiny_2.pkl.1"}
    metadata = load_snapshot(clone.root / "snapshots" / "breakout_tiny_2.pkl").metadata
    assert (metadata.game, metadata.epoch) == ("breakout", 2)
    assert (metadata.train_steps, metadata.weight_updates) == (400, 100)


@pytest.fixture(scope="module")
def tested(trained):
    """What test.sh said of the first snapshot."""
    clone, _ = trained
    snapshot = clone.root / "snapshots" / "breakout_tiny_1.pkl"
    options = [*TEST, "--csv_file", clone.root / "results" / "tests.csv"]
    return clone.run("test.sh", snapshot, *options)


def test_testing_prints_the_games_and_their_scores_alone(trained, tested):
    clone, _ = trained
    number = r"(-?\d+(?:\.\d+)?)"
    match = re.fullmatch(
        rf"games: 3, mean: {number} ± {number}, minimum: {number}, maximum: {number}\n",
        tested.output,
    )
    assert match, tested.output
    mean, _, minimum, maximum = map(float, match.groups())
    (row,) = clone.rows("tests.csv")
    assert float(row["average_reward"]) == pytest.approx(mean, abs=0.005)
    assert (float(row["min_game_reward"]), float(row["max_game_reward"])) == (minimum, maximum)
    assert len(clone.rows("tests.games.csv")) == 3


def test_a_converted_snapshot_plays_the_same_games(trained, tested, tmp_path):
    clone, _ = trained
    snapshot = clone.root / "snapshots" / "breakout_tiny_1.pkl"
    converted = tmp_path / "without pickles.safetensors"
    clone.run("convert.sh", snapshot, converted)
    assert clone.run("test.sh", converted, *TEST).output == tested.output


def test_recording_makes_a_film_with_sound_and_its_frames(trained):
    clone, _ = trained
    snapshot = clone.root / "snapshots" / "breakout_tiny_1.pkl"
    videos = clone.root / "videos"
    older = [videos / "breakout_tiny_1.mov", videos / "breakout_tiny" / "000000.png"]
    for path in older:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("older")
    result = clone.run("record.sh", snapshot, *GAME, "--random_seed", 1)
    assert re.fullmatch(r"games: 1, mean: .*\n", result.output)
    names = ("breakout_tiny_1.mov", "breakout_tiny")
    assert clone.files("videos") == {*names, *(f"{name}.1" for name in names)}
    assert result.errors.count("Moved the older") == 2
    assert (videos / "breakout_tiny_1.mov.1").read_text() == "older"
    assert (videos / "breakout_tiny.1" / "000000.png").read_text() == "older"
    frames = clone.files("videos/breakout_tiny")
    assert {"000000.png", f"{len(frames) - 1:06}.png"} <= frames
    with av.open(str(clone.root / "videos" / "breakout_tiny_1.mov")) as file:
        assert [stream.type for stream in file.streams] == ["video", "audio"]
        assert file.streams.video[0].frames == len(frames)
        assert file.duration / av.time_base == pytest.approx(len(frames) / 60, abs=0.05)


def test_the_best_snapshot_is_recorded_under_its_name(trained):
    clone, _ = trained
    clone.run("record.sh", clone.root / "snapshots" / "breakout_tiny_best.pkl", *GAME)
    assert {"breakout_tiny_best.mov", "breakout_tiny_best"} <= clone.files("videos")
    with av.open(str(clone.root / "videos" / "breakout_tiny_best.mov")) as file:
        assert re.search("snapshot: breakout_tiny_best.pkl, epoch: [12],", file.metadata["comment"])


def test_looking_inside_makes_a_page_beside_the_results(trained):
    clone, _ = trained
    snapshot = clone.root / "snapshots" / "breakout_tiny_1.pkl"
    result = clone.run("nvis.sh", snapshot, *GAME, "--random_seed", 1)
    page = clone.root / "results" / "breakout_tiny.html"
    assert result.output.strip().strip("'").endswith("my dqn/results/breakout_tiny.html")
    text = page.read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.count("aria-label='Enlarge Layer") + text.count("card dead") == 12


def test_plotting_makes_a_picture_beside_the_csv(trained):
    clone, _ = trained
    clone.run("plot.sh", clone.root / "results" / "breakout_tiny.csv")
    picture = matplotlib.image.imread(clone.root / "results" / "breakout_tiny.png")
    assert picture.shape[:2] == (720, 1280)


def test_a_second_run_of_the_same_name_loses_nothing_of_the_first(clone):
    """The first one, of `./train.sh pong`, had these files."""
    first = [clone.root / "results" / name for name in ("pong.csv", "pong.games.csv")]
    first.append(clone.root / "snapshots" / "pong_1.pkl")
    for path in first:
        path.parent.mkdir(exist_ok=True)
        path.write_text("the first")
    clone.run("train.sh", "roms/PONG.BIN", *TINY, "--epochs", 1, "--test_steps", 0, "--restart")
    for path in first:
        assert path.with_name(f"{path.name}.1").read_text() == "the first"
        assert path.read_bytes() != b"the first"


def test_an_error_is_one_last_line_and_nothing_is_overwritten(trained):
    clone, _ = trained
    before = clone.files_and_times()
    snapshot = clone.root / "snapshots" / "breakout_tiny_1.pkl"
    result = clone.run("test.sh", snapshot, "--screen_width", "84", status=2)
    assert result.errors.splitlines()[-1].startswith("error: the snapshot ")
    assert "--screen_height 44 --screen_width 44" in result.errors
    result = clone.run("train.sh", "breakout", "tiny", "--screen_width", "84", status=2)
    assert "goes on has --screen_width 44, not 84" in result.errors.splitlines()[-1]
    assert clone.files_and_times() == before

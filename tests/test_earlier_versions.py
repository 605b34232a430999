"""What earlier versions of this program left behind goes on and is read as before.

`data/earlier_run` was made by the version of 2026-11-23 with FLAGS: `breakout.*` is a run that was
stopped in its second epoch, `expected` is what the same run left that nobody stopped. All its
actions are random, so that rounding, which other processors do otherwise, cannot change the games.
"""

import csv
import shutil

import numpy as np
import pytest

import main
from dqn.snapshots.file import load_snapshot
from helpers.paths import DATA

EARLIER = DATA / "earlier_run"
FLAGS = (
    "breakout --screen_width 36 --screen_height 36 --random_steps 80 --train_steps 240 "
    "--test_steps 60 --replay_size 150 --batch_size 8 --target_steps 50 --epochs 2 "
    "--random_seed 5 --exploration_rate_end 1 --exploration_rate_test 1 "
    "--repeat_action_probability 0.1 --backend cpu --learning_rate 0.001"
).split()
TIMES = ("total_time", "epoch_time", "steps_per_second", "seconds")
ROUNDED = ("meanq", "meancost")


def rows(path):
    with open(path, newline="") as file:
        return [
            {
                name: pytest.approx(float(value), rel=1e-3) if name in ROUNDED else value
                for name, value in row.items()
                if name not in TIMES
            }
            for row in csv.DictReader(file)
        ]


def plain_rows(path):
    with open(path, newline="") as file:
        return [
            {name: float(v) if name in ROUNDED else v for name, v in row.items()}
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("flags", [FLAGS, ["breakout"]], ids=["same flags", "no flags"])
def test_an_earlier_checkpoint_goes_on_to_the_same_end(tmp_path, flags):
    shutil.copytree(EARLIER, tmp_path / "run")
    folder = tmp_path / "run"
    files = ["--save_weights_prefix", f"{folder}/breakout", "--csv_file", f"{folder}/breakout.csv"]
    assert main.main([*flags, *files]) == 0
    for name in ("breakout.csv", "breakout.games.csv"):
        for row, expected in zip(
            plain_rows(folder / name), rows(EARLIER / "expected" / name), strict=True
        ):
            assert {column: row[column] for column in expected} == expected
    ended = load_snapshot(folder / "breakout_2.pkl")
    expected = load_snapshot(EARLIER / "expected" / "breakout_2.pkl")
    assert ended.metadata.train_steps == expected.metadata.train_steps
    for ours, theirs in zip(ended.layers, expected.layers, strict=True):
        np.testing.assert_allclose(ours.weights, theirs.weights, rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(ours.states[0], theirs.states[0], rtol=1e-3, atol=1e-9)


def test_an_earlier_snapshot_is_tested_with_its_own_screens(capsys):
    path = EARLIER / "expected" / "breakout_2.pkl"
    test = "--random_steps 0 --train_steps 0 --epochs 1 --test_games 1 --max_game_frames 500"
    assert main.main(["--load_weights", str(path), *test.split()]) == 0
    assert capsys.readouterr().out.startswith("games: 1, ")

"""What plot.sh draws over, how seeds become one curve, and smoothing."""

import math

import numpy as np
import pytest

import plot
from dqn.errors import UserError
from dqn.report.curves import figure, running_mean
from dqn.report.runs import read_run
from dqn.report.seeds import means_of_seeds
from helpers.paths import DATA
from helpers.runs import FLAGS, write_run

BREAKOUT = DATA / "simple_dqn_breakout.csv"  # 200 epochs of simple_dqn
GAMES = "epoch,phase,score,steps,frames,seconds\n"


def lines(*paths, fields=("average_reward",), smooth=0, group=False, **options):
    """The curves of a picture's first panel."""
    runs = [read_run(path, list(fields), **options) for path in paths]
    picture = figure(means_of_seeds(runs) if group else runs, list(fields), smooth=smooth)
    return picture.axes[0]


@pytest.mark.parametrize(
    ("x", "title", "last"),
    [
        ("epoch", "Epoch", 200),
        ("steps", "Training steps", 50_000_000),
        ("frames", "Frames in training", 200_000_000),
        ("hours", "Hours", 252_438.6 / 3600),
    ],
)
def test_curves_are_drawn_over_what_is_asked_for(x, title, last):
    axes = lines(BREAKOUT, x=x)
    test = axes.lines[-1]
    assert axes.get_xlabel() == title
    assert test.get_xdata()[-1] == pytest.approx(last, rel=1e-3)
    assert len(test.get_xdata()) == 200
    low, high = axes.get_xlim()
    assert low <= test.get_xdata()[0]
    assert test.get_xdata()[-1] <= high <= 1.05 * last


def test_frames_follow_the_runs_own_frame_skip(tmp_path):
    flags = FLAGS.replace("frame_skip 4", "frame_skip 2")
    path = write_run(tmp_path / "a.csv", [1, 2], flags, steps=1000)
    assert list(lines(path, x="frames").lines[-1].get_xdata()) == [2000, 4000]


@pytest.mark.parametrize(
    ("x", "title", "places"),
    [
        (None, "Steps played", [10, 30, 60]),
        ("steps", "Steps played", [10, 30, 60]),
        ("frames", "Frames played", [40, 120, 240]),
        ("hours", "Hours", [1, 3, 6]),
        ("epoch", "Epoch", [1, 1, 2]),
    ],
)
def test_games_are_drawn_over_what_was_played_so_far(tmp_path, x, title, places):
    path = tmp_path / "a.games.csv"
    path.write_text(GAMES + "1,train,1,10,40,3600\n1,train,2,20,80,7200\n2,train,3,30,120,10800\n")
    axes = lines(path, fields=["score"], x=x)
    assert list(axes.lines[0].get_xdata()) == places
    assert axes.get_xlabel() == title


def test_seeds_become_their_mean_and_range(tmp_path):
    paths = [
        write_run(tmp_path / "pong_seed1.csv", [1, 5, 9]),
        write_run(tmp_path / "pong_seed2.csv", [3, 6]),
        write_run(tmp_path / "breakout_seed1.csv", [7]),
    ]
    pong, breakout = means_of_seeds([read_run(path, ["average_reward"]) for path in paths])
    assert (pong.name, breakout.name) == ("pong (2 seeds)", "breakout_seed1")
    assert list(pong.phases["test"]["epoch"]) == [1, 2]  # which both have
    assert list(pong.phases["test"]["average_reward"]) == [2, 5.5]
    assert list(pong.lows["test"]["average_reward"]) == [1, 5]
    assert list(pong.highs["test"]["average_reward"]) == [3, 6]

    axes = lines(*paths[:2], group=True)
    assert list(axes.lines[-1].get_ydata()) == [2, 5.5]
    band = axes.collections[-1].get_paths()[0].vertices
    assert {tuple(point) for point in band} >= {(1, 1), (2, 5), (1, 3), (2, 6)}


def test_an_epoch_without_a_game_in_one_seed_has_neither_mean_nor_range(tmp_path):
    paths = [
        write_run(tmp_path / "pong_seed1.csv", [1, math.nan]),
        write_run(tmp_path / "pong_seed2.csv", [3, 6]),
    ]
    (pong,) = means_of_seeds([read_run(path, ["average_reward"]) for path in paths])
    for curves in (pong.phases, pong.lows, pong.highs):
        assert math.isnan(curves["test"]["average_reward"][1])


def test_games_have_no_common_steps_to_be_grouped_by(tmp_path):
    path = tmp_path / "a_seed1.games.csv"
    path.write_text(GAMES + "1,train,1,10,40,1\n")
    with pytest.raises(UserError, match="--group_seeds is for runs"):
        means_of_seeds([read_run(path, None)])


def test_a_smooth_line_is_the_running_mean_with_the_curve_behind_it(tmp_path):
    path = write_run(tmp_path / "a.csv", [0, 10, 20, 0])
    axes = lines(path, smooth=2)
    behind, smooth = axes.lines[-2:]
    assert list(behind.get_ydata()) == [0, 10, 20, 0]
    assert list(smooth.get_ydata()) == [0, 5, 15, 10]
    assert behind.get_zorder() < smooth.get_zorder()
    np.testing.assert_array_equal(running_mean(behind.get_ydata(), 4), [0, 5, 10, 7.5])


def test_watching_draws_whenever_the_run_has_grown_until_ctrl_c(tmp_path, monkeypatch, capsys):
    path = tmp_path / "a.csv"
    picture = tmp_path / "a.png"
    seen = []

    def sleep(_seconds):
        seen.append(picture.exists() and picture.read_bytes())
        match len(seen):
            case 1:
                write_run(path, [1])
            case 3:
                write_run(path, [1, 5])
            case 5:
                raise KeyboardInterrupt

    monkeypatch.setattr(plot.time, "sleep", sleep)
    assert plot.main([str(path), "--watch", "--fields", "average_reward", "--dpi", "20"]) == 0
    missing, first, unchanged, second, _ = seen
    assert missing is False
    assert first == unchanged != second
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("Waiting: cannot read")
    assert said[1] == f"Wrote {picture}; Ctrl-C ends this"
    assert len(said) == 2


@pytest.mark.parametrize("flags", [["--smooth", "-1"], ["--smooth", "1000001"], ["--x", "days"]])
def test_impossible_flags_take_one_line(flags, capsys):
    assert plot.main([str(BREAKOUT), *flags]) == 2
    assert capsys.readouterr().err.count("\n") == 1

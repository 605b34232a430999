"""Whole games recorded by the program: as many, as long and as they are in a test."""

import csv
import logging
import signal
import sys
import time
from pathlib import Path

import pytest

import main
from helpers.crashes import forbid
from helpers.forked import Program, run_main

av = pytest.importorskip("av")

SCREENS = (
    "--backend cpu --screen_width 44 --screen_height 44 --random_starts 4 --max_game_frames 48"
).split()


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    path = tmp_path_factory.mktemp("snapshots") / "breakout"
    steps = "--random_steps 60 --train_steps 40 --test_steps 0 --replay_size 500 --epochs 1".split()
    arguments = ["breakout", *SCREENS, *steps, "--checkpoint", "false"]
    assert main.main([*arguments, "--save_weights_prefix", str(path)]) == 0
    return path.with_name("breakout_1.pkl")


@pytest.fixture
def run(tmp_path, snapshot, monkeypatch, capsys):
    """Plays games with the snapshot in an empty folder; returns what is printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, status=0):
        flags = ["--load_weights", str(snapshot), *SCREENS, "--random_seed", "5"]
        try:
            got = main.main([*flags, *arguments])
        except SystemExit as exit_:  # argparse
            got = exit_.code
        printed = capsys.readouterr()
        assert got == status, printed.err
        return printed.err.splitlines()[-1] if status else printed.out

    return run


def games(path):
    with open(path, newline="") as file:
        return [
            {**row, "phase": None, "epoch": None, "seconds": None} for row in csv.DictReader(file)
        ]


def num_pictures(path):
    with av.open(str(path)) as file:
        return sum(1 for _ in file.decode(video=0))


def comment(path):
    with av.open(str(path)) as file:
        return file.metadata["comment"].rstrip()


def test_the_recorded_game_is_that_of_a_test_with_the_same_seed(run):
    tested = run(
        "--random_steps=0", "--train_steps=0", "--epochs=1", "--test_games=1", "--csv_file=t.csv"
    )
    played = run(
        "--play_games=1", "--csv_file=p.csv", "--video_file=a.mov", "--record_screen_path=a"
    )
    assert played == tested
    assert played.startswith("games: 1, mean: ")
    (game,) = games("p.games.csv")
    assert [game] == games("t.games.csv")
    # a random start has frames, too, and what follows the game is not in its film
    assert num_pictures("a.mov") == len(list(Path("a").iterdir())) == int(game["frames"])
    scores = f"score: {float(game['score']):g}, steps: {game['steps']}"
    assert comment("a.mov") == f"{scores}, snapshot: breakout_1.pkl, epoch: 1, seed: 5"


def test_the_same_seed_gives_the_same_file(run):
    run("--play_games=1", "--video_file=a.mov", "--record_sound_filename=a.wav")
    run("--play_games=1", "--video_file=1/a.mov", "--record_sound_filename=1/a.wav")
    for name in "a.mov", "a.wav":
        assert Path(name).read_bytes() == Path("1", name).read_bytes()


@pytest.mark.parametrize(
    ("flags", "played", "recorded"),
    [
        (["--play_games=2"], 2, 2),
        (["--record_games=2"], 2, 2),
        (["--play_games=1", "--record_games=2"], 2, 2),
        (["--play_games=2", "--record_games=1"], 2, 1),
    ],
)
def test_several_games_go_into_one_file(run, flags, played, recorded):
    assert run(*flags, "--video_file=a.mp4", "--csv_file=p.csv").startswith(f"games: {played}, ")
    expected = games("p.games.csv")
    assert len(expected) == played
    frames = [int(game["frames"]) for game in expected]
    assert num_pictures("a.mp4") == sum(frames[:recorded])


def test_recording_without_sound(run):
    run("--play_games=1", "--video_file=a.mov", "--sound=false")
    with av.open("a.mov") as file:
        assert [stream.type for stream in file.streams] == ["video"]


def test_games_are_played_without_being_recorded(run, tmp_path):
    assert run("--play_games=2").startswith("games: 2, mean: ")
    assert list(tmp_path.iterdir()) == []


def test_playing_takes_the_place_of_training_and_testing(tmp_path, monkeypatch, caplog, capsys):
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO)
    assert main.main(["breakout", *SCREENS, "--play_games", "1", "--csv_file", "p.csv"]) == 0
    with open("p.csv", newline="") as file:
        assert [(row["epoch"], row["phase"]) for row in csv.DictReader(file)] == [("0", "play")]
    assert "Epoch" not in caplog.text
    assert "Playing for 1 game" in caplog.text


@pytest.mark.parametrize(
    ("flags", "advice"),
    [
        (["--play_games=1", "--video_file=a.avi"], "neither with .mov nor with .mp4"),
        (["--video_file=a.mov"], "add --record_games 1"),
        (["--record_games=1"], "needs a file to record in"),
        (["--record_games=1", "--video_file="], "needs a file to record in"),
        (
            ["--play_games=1", "--record_sound_filename=a.wav", "--sound=false"],
            "needs --sound true",
        ),
        (["--play_games=1", "--video_file=a_file/a.mov"], "cannot write into the folder"),
        (["--play_games=1", "--record_screen_path=a_file"], "cannot write into the folder"),
        (["--play_games=1", "--video_file=a_folder.mov"], "choose another name"),
    ],
)
def test_what_cannot_be_recorded_takes_one_line(run, flags, advice):
    Path("a_file").write_text("")
    Path("a_folder.mov").mkdir()
    line = run(*flags, status=2)
    assert line.startswith("error: ")
    assert advice in line
    assert {path.name for path in Path().iterdir()} == {"a_file", "a_folder.mov"}


def test_without_pyav_a_line_says_so(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    assert "pip install av" in run("--play_games=1", "--video_file=a.mov", status=2)


def test_a_pyav_that_would_write_damaged_files_is_refused(run, monkeypatch):
    monkeypatch.setitem(av.library_versions, "libavformat", (62, 3, 100))
    line = run("--play_games=1", "--video_file=a.mov", status=2)
    assert "pip install --upgrade av" in line
    assert list(Path().iterdir()) == []


def test_a_pyav_without_x264_is_refused(run, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", {"aac"})
    assert "no encoder of H.264" in run("--play_games=1", "--video_file=a.mov", status=2)


def test_without_recording_pyav_is_not_needed(snapshot, tmp_path):
    flags, log = ["--load_weights", snapshot, *SCREENS, "--play_games=1"], tmp_path / "log"
    assert run_main(flags, log, prepare=forbid("av")) == 0, log.read_text()


def test_a_stop_in_the_middle_of_a_game_leaves_a_complete_file(tmp_path, snapshot):
    flags = [*SCREENS, "--max_game_frames=0", "--play_games=9", "--video_file=a.mov"]
    flags += ["--load_weights", snapshot, "--record_screen_path=a"]
    process = Program(flags, cwd=tmp_path)
    while not (tmp_path / "a" / "000100.png").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 128 + signal.SIGINT
    assert "Stopped, because a signal came" in errors
    assert "Traceback" not in errors
    assert comment(tmp_path / "a.mov") != "unfinished recording"
    assert num_pictures(tmp_path / "a.mov") == len(list((tmp_path / "a").iterdir()))

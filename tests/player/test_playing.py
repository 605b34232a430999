"""The whole program with somebody who watches: play.sh, and --display_screen in training."""

import csv
import signal
import subprocess
import sys

import pytest

from helpers import forked
from helpers.paths import MAIN
from helpers.terminals import Terminal
from helpers.watched import wait_for

PLAY = ["--play_games", 1, "--display_screen"]


class Program:
    """src/main.py on the virtual screen."""

    def __init__(self, screen, *arguments):
        self._screen = screen
        self._process = forked.Program(arguments, env=screen.environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()

    def end(self, *, signal_number=None, keys=()):
        """Wait for the end; returns the exit status, the output and the errors.

        The `keys` are pressed until then: a window that has just been opened may miss one.
        """

        def has_ended():
            if keys:
                self._screen.press(*keys)
            return self._process.poll() is not None

        if signal_number:
            self._process.send_signal(signal_number)
        wait_for(has_ended, "the end")
        output, errors = self._process.communicate()
        return self._process.returncode, output, errors


def play(screen, *arguments):
    """A game in a window."""
    return Program(screen, *arguments, "--play_games", 1, "--display_screen", "auto")


@pytest.mark.parametrize("key", ["q", "Escape"])
def test_quitting_the_window_prints_the_score(screen, key):
    with play(screen, "breakout") as program:
        screen.window()
        status, output, errors = program.end(keys=[key])
    assert (status, output) == (0, "score of the unfinished game: 0\n")
    assert "Traceback" not in errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_the_window(screen, number):
    with play(screen, "breakout") as program:
        screen.window()
        status, output, errors = program.end(signal_number=number)
    assert (status, output) == (128 + number, "")
    assert errors.endswith("Stopped, because a signal came\n")


def test_the_network_plays_in_the_window_as_in_a_test(screen, snapshot, tmp_path):
    def game(*arguments):
        """The output, and score, steps and frames of one game."""
        keys = []
        name = tmp_path / "scores.csv"
        options = ("--load_weights", snapshot, "--random_seed", 5, "--max_game_frames", 1500)
        with Program(screen, *options, "--csv_file", name, *arguments) as program:
            if "--play_games" in arguments:
                screen.window()
                keys = ["s", "o", "h"]
            status, output, _ = program.end(keys=keys)
        assert status == 0
        with open(name.with_suffix(".games.csv"), newline="") as file:
            (row,) = csv.DictReader(file)
        return output, [row[column] for column in ("score", "steps", "frames")]

    test = "--random_steps 0 --train_steps 0 --epochs 1 --test_games 1".split()
    assert game(*test) == game("--play_games", 1, "--display_screen", "window")


def test_a_person_without_a_network_needs_no_torch(screen, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('there is no torch')")
    environment = {**screen.environment, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, MAIN, *PLAY, "window", "breakout"]
    command += ["--max_game_frames", 200]  # more than no-ops
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("games: 1, mean: 0.00")


def test_training_goes_on_when_its_window_is_closed(screen, tmp_path):
    options = "--random_steps 1000 --train_steps 200 --test_steps 100 --epochs 1".split()
    options += "--replay_size 500 --screen_width 44 --screen_height 44".split()
    name = tmp_path / "breakout.csv"
    with Program(
        *(screen, "breakout", *options, "--csv_file", name, "--display_screen", "true")
    ) as program:
        screen.window()
        wait_for(lambda: screen.press("q") or not screen.has_window(), "the window's end")
        status, _, errors = program.end()
    assert status == 0, errors
    assert len(name.read_text().splitlines()) == 4


def test_a_test_can_be_watched(screen, snapshot):
    options = "--random_steps 0 --train_steps 0 --epochs 1 --test_steps 1000".split()
    command = ("--load_weights", snapshot, *options, "--display_screen", "window")
    with Program(screen, *command) as program:
        screen.window()
        status, output, errors = program.end()
    assert status == 0, errors
    assert output.startswith("games: ")


def test_watching_and_recording_at_once(screen, snapshot, tmp_path):
    av = pytest.importorskip("av")
    file = tmp_path / "both.mp4"
    options = ("--load_weights", snapshot, "--video_file", file, "--max_game_frames", 200)
    with play(screen, *options) as program:
        screen.window()
        status, _, errors = program.end(keys=["s"])
    assert status == 0, errors
    with av.open(str(file)) as video:
        assert video.streams.video[0].frames == 200


def test_auto_takes_the_window_even_from_a_terminal(screen):
    command = [*PLAY, "auto", "breakout"]
    with Terminal(command, environment=screen.environment, is_program=True) as terminal:
        screen.window()
        terminal.wait_for(lambda: screen.press("q") or terminal.process.poll() == 0)
        assert b"\x1b[?1049h" not in terminal.received


@pytest.mark.parametrize("variables", [{}, {"DISPLAY": ":4711"}], ids=["none", "broken"])
def test_auto_takes_the_terminal_where_there_is_no_display(variables):
    environment = {"TERM": "xterm-256color", **variables}
    command = [*PLAY, "auto", "breakout"]
    with Terminal(command, environment=environment, is_program=True) as terminal:
        terminal.wait_for_text("you play")
        terminal.type(b"q")
        assert terminal.end() == 0
        terminal.assert_restored()


@pytest.mark.parametrize(
    ("display", "variables", "error"),
    [
        ("auto", {}, "neither a display nor a terminal"),
        ("auto", {"DISPLAY": ":4711"}, "no window can be opened"),
        ("window", {}, "no window can be opened"),
        ("window", {"SDL_VIDEODRIVER": "dummy"}, "no window can be opened (there is no display)"),
        ("terminal", {"TERM": "xterm"}, "there is no terminal"),
        ("sideways", {}, "'sideways' is none of auto, window"),
    ],
)
def test_a_display_that_cannot_be_had_is_a_clear_error(screen, display, variables, error):
    unwanted = ("DISPLAY", "SDL_VIDEODRIVER")
    kept = {name: value for name, value in screen.environment.items() if name not in unwanted}
    command = [*PLAY, display, "breakout"]
    program = forked.Program(command, env={**kept, **variables}, start_new_session=True)
    output, errors = program.communicate()
    assert program.returncode == 2
    assert error in errors.splitlines()[-1]
    assert "Traceback" not in errors
    assert output == ""

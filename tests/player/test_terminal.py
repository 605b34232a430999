"""The game in a text terminal: a real one, by pyte, with keys that are typed."""

import itertools
import shlex
import shutil
import signal
import subprocess
import sys

import pytest

from dqn.errors import UserError
from dqn.player import cells
from dqn.player.terminal import number_of_colours
from helpers.paths import MAIN
from helpers.terminals import TRUE_COLOUR, Terminal, play
from helpers.watched import wait_for

COLOURS_256 = {"TERM": "screen-256color"}
PLAIN = {"TERM": "vt220"}


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        (TRUE_COLOUR, cells.TRUE_COLOUR),
        ({"TERM": "xterm", "COLORTERM": "24bit"}, cells.TRUE_COLOUR),
        (COLOURS_256, cells.COLOURS_256),
        ({"TERM": "xterm-kitty"}, cells.COLOURS_256),
        (PLAIN, cells.PLAIN),
        ({"TERM": "linux", "COLORTERM": ""}, cells.PLAIN),
    ],
)
def test_the_number_of_colours_follows_from_the_environment(environment, colours):
    assert number_of_colours(environment) == colours


@pytest.mark.parametrize("environment", [{}, {"TERM": "dumb"}])
def test_a_terminal_that_cannot_place_characters_is_refused(environment):
    with pytest.raises(UserError, match="use another one, or --display_screen window"):
        number_of_colours({**environment, "COLORTERM": "truecolor"})


@pytest.mark.parametrize(
    ("environment", "has", "lacks"),
    [
        (TRUE_COLOUR, [b"\x1b[48;2;200;72;72m", "▀".encode()], [b"8;5;"]),
        (COLOURS_256, [b"\x1b[48;5;167m", "▀".encode()], [b"8;2;"]),
        (PLAIN, [b"#"], [b"8;2;", b"8;5;", "▀".encode()]),
    ],
    ids=["24 bit", "256", "plain"],
)
def test_the_game_in_the_colours_that_there_are(environment, has, lacks):
    with play("breakout", environment=environment) as terminal:
        terminal.wait_for_text("lives 5")
        for part in has:
            terminal.wait_for(lambda part=part: part in terminal.received, part)
        for part in lacks:
            assert part not in terminal.received
        assert environment != PLAIN or terminal.received.isascii()


def test_the_picture_is_four_wide_to_three_high():
    with play("pong", rows=31, columns=132) as terminal:
        terminal.wait_for_text("you play")
        row = terminal.screen.buffer[15]  # across the field
        terminal.wait_for(lambda: row[66].data == "▀")
        picture = [column for column in range(132) if row[column].data == "▀"]
        assert picture == list(range(26, 106))  # 80 columns to 30 rows, which are 60 pixels


def test_keys_pressed_within_a_quarter_of_a_second_combine():
    with play("space_invaders") as terminal:
        terminal.wait_for_text("you play")
        terminal.type(b"o")
        terminal.wait_for_text("▶ no-op")
        for keys, action in (
            (b"\x1b[C ", "right fire"),
            (b"\x1b[D", "left"),
            (b"\x1bOC", "right"),  # as some terminals send it
            (b" ", "fire"),
        ):
            terminal.wait_for_text(f"▶ {action} ", typing=keys)
            terminal.wait_for_text("▶ no-op")


def test_taking_over_playing_and_giving_back(snapshot):
    with play("--load_weights", snapshot) as terminal:
        terminal.wait_for_text("the network plays")
        terminal.type(b"o")
        terminal.wait_for_text("Q-values")
        terminal.type(b"m")
        terminal.wait_for_text("you play")
        terminal.wait_for_text("▶ no-op")
        terminal.wait_for_text("▶ left", typing=b"\x1b[D")
        terminal.wait_for_text("▶ no-op")
        terminal.type(b"m")
        terminal.wait_for_text("the network plays")
        terminal.type(b"q")
        assert terminal.end() == 0


@pytest.mark.parametrize("kind", ["rgb", "ram"])
def test_what_is_observed_is_shown_below_the_actions(kind):
    with play("breakout", "--observation", kind) as terminal:
        terminal.wait_for_text("you play")
        terminal.type(b"o")
        terminal.wait_for_text("▶ no-op")
        buffer = terminal.screen.buffer

        def colours():
            panel = [buffer[row][column] for row in range(38) for column in range(99, 132)]
            return {cell.fg for cell in panel if cell.data == "▀"}

        terminal.wait_for(lambda: len(colours()) > 4, "the state")
        is_gray = all(colour[:2] == colour[2:4] == colour[4:] for colour in colours())
        assert is_gray == (kind == "ram")
        terminal.type(b"q")
        assert terminal.end() == 0


def test_q_values_over_time_stand_below_the_picture(snapshot):
    with play("--load_weights", snapshot) as terminal:
        terminal.wait_for_text("the network plays")
        terminal.type(b"v")
        terminal.wait_for_text("Q-values")
        assert "Q-values" in terminal.lines[31]

        def has_lines():
            rows = (terminal.screen.buffer[row] for row in range(32, 39))
            return len({row[column].fg for row in rows for column in range(132)}) > 10

        terminal.wait_for(has_lines, "lines of several colours")
        terminal.type(b"q")
        assert terminal.end() == 0


def test_every_other_key():
    with play("breakout") as terminal:
        terminal.wait_for_text(" 1× ")
        for key, text in (
            *((b"-", "0.5×"), (b"+", "1×"), (b"=", "2×"), (b"-", "1×")),
            *((b"p", "paused"), (b"h", "Left  A  S"), (b"m", "no network")),
            *((b"[", "volume 40 %"), (b"]", "volume 50 %"), (b"o", "actions")),
        ):
            terminal.type(key)
            terminal.wait_for_text(f" {text}")
        terminal.type(b"nxf\x1b[5~\x1bxph")
        terminal.wait_for(lambda: "paused" not in terminal.text)
        terminal.wait_for(lambda: "Left  A  S" not in terminal.text)
        assert terminal.process.poll() is None


def test_letters_move_the_joystick_while_a_person_plays():
    with play("breakout") as terminal:
        terminal.wait_for_text("you play")
        terminal.type(b"o")
        terminal.wait_for_text("▶ no-op")
        for key, action in ((b"a", "left"), (b"D", "right"), (b"s", "left"), (b"w", "right")):
            terminal.wait_for_text(f"▶ {action} ", typing=key)
            terminal.wait_for_text("▶ no-op")
        assert " 1× " in terminal.text


SHORT = ("--random_starts", 0, "--max_game_frames", 100)


@pytest.mark.parametrize("enter", [b"\r", b"\n"])
def test_enter_plays_again_and_q_ends_after_a_game(enter):
    with play("breakout", "--play_games", "auto", *SHORT) as terminal:
        terminal.wait_for_text("game over, score 0")
        terminal.wait_for_text("Enter: play again")
        terminal.type(enter)
        terminal.wait_for(lambda: "game over" not in terminal.text)
        terminal.wait_for_text("game over, score 0")
        terminal.type(b"q")
        assert terminal.end() == 0
        terminal.assert_restored()
        assert terminal.output.rstrip().splitlines()[-1].startswith("games: 2, mean: 0.00")


@pytest.mark.parametrize("when", ["you play", "game over"])
def test_without_its_terminal_the_program_ends_even_if_it_was_told_to_go_on(when):
    command = [sys.executable, MAIN, "breakout", "--play_games", "auto", *SHORT]
    script = f"trap '' HUP; exec {shlex.join(map(str, command))} --display_screen terminal"
    with Terminal(["sh", "-c", script]) as terminal:
        terminal.wait_for_text(when)
        terminal.close()
        wait_for(lambda: terminal.process.poll() is not None, "the end")


@pytest.mark.parametrize("key", [b"q", b"\x1b", b"\x1b\x1b"])
def test_quitting_restores_the_terminal_and_prints_the_score(key):
    with play("breakout") as terminal:
        terminal.wait_for_text("you play")
        terminal.type(key)
        assert terminal.end() == 0
        terminal.assert_restored()
        assert terminal.output.rstrip().endswith("score of the unfinished game: 0")


@pytest.mark.parametrize("is_paused", [False, True])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_restores_the_terminal(number, is_paused):
    with play("breakout") as terminal:
        terminal.wait_for_text("you play")
        if is_paused:
            terminal.type(b"p")
            terminal.wait_for_text("paused")
        terminal.process.send_signal(number)
        assert terminal.end() == 128 + number
        terminal.assert_restored()


@pytest.mark.parametrize("is_paused", [False, True])
def test_a_terminal_that_goes_away_ends_the_game(is_paused):
    with play("breakout") as terminal:
        terminal.wait_for_text("you play")
        if is_paused:
            terminal.type(b"p")
            terminal.wait_for_text("paused")
        terminal.hang_up()
        assert terminal.process.wait() == 128 + signal.SIGHUP


@pytest.mark.parametrize(("key", "status"), [(b"\x03", 130), (b"\x1c", -signal.SIGQUIT)])
def test_the_keys_that_end_any_program_restore_the_terminal(key, status):
    with play("breakout") as terminal:
        terminal.wait_for_text("you play")
        terminal.type(key)
        assert terminal.end() == status
        terminal.assert_restored()


def test_an_error_restores_the_terminal():
    program = (
        f"import sys; sys.path.insert(0, {str(MAIN.parent)!r}); import main\n"
        "def fail(self, step): raise RuntimeError('a defect')\n"
        "from dqn.player.player import Player\nPlayer.on_step = fail\n"
        "sys.exit(main.main(sys.argv[1:]))"
    )
    arguments = ["breakout", "--play_games", "1", "--display_screen", "terminal"]
    with Terminal([sys.executable, "-c", program, *arguments]) as terminal:
        assert terminal.end() == 1
        terminal.assert_restored()
        assert "RuntimeError: a defect" in terminal.output


def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back():
    command = [sys.executable, MAIN, "breakout", "--play_games", 1, "--display_screen", "terminal"]
    script = f"{shlex.join(map(str, command))}; echo stopped; read; fg; echo status $?"
    with Terminal(["bash", "-m", "-c", script]) as terminal:
        terminal.wait_for_text("you play")
        terminal.type(b"\x1a")
        terminal.wait_for(lambda: b"stopped" in terminal.received)
        terminal.assert_restored()
        entered = terminal.received.count(b"you play")
        terminal.type(b"\n")
        terminal.wait_for(lambda: terminal.received.count(b"you play") > entered)
        terminal.type(b"q")
        terminal.wait_for(lambda: b"status 0" in terminal.received)
        terminal.assert_restored()


def test_another_size_of_the_terminal_is_taken():
    with play("breakout") as terminal:
        terminal.wait_for(lambda: "you play" in terminal.lines[39])
        for rows, columns in ((20, 60), (50, 100), (5, 20), (2, 10)):
            terminal.resize(rows, columns)
            terminal.wait_for(
                lambda rows=rows: terminal.lines[rows - 1].startswith(" you play"), (rows, columns)
            )
        terminal.type(b"ho")
        for rows, columns in ((1, 1), (1, 40), (40, 1), (30, 80)):
            terminal.resize(rows, columns)
        terminal.wait_for(lambda: terminal.lines[29].startswith(" you play"))


def test_log_lines_wait_until_the_picture_is_gone():
    with play("breakout") as terminal:
        terminal.wait_for_text("you play")
        assert "Playing for 1 game" not in terminal.text
        terminal.type(b"q")
        terminal.end()
        assert "Playing for 1 game" in terminal.output


def test_a_picture_that_changes_little_takes_few_bytes():
    with play("breakout") as terminal:
        terminal.wait_for_text("you play")
        terminal.type(b"p")
        terminal.wait_for_text("paused")
        terminal.type(b"n")
        received = len(terminal.received)
        steps = itertools.count()
        terminal.wait_for(lambda: next(steps) > 20)
        assert len(terminal.received) - received < 20_000  # a whole picture takes some 100,000


def test_without_a_terminal_there_is_a_clear_error():
    done = subprocess.run(
        [sys.executable, MAIN, "breakout", "--play_games", "1", "--display_screen", "terminal"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: there is no terminal to show the game")
    assert "Traceback" not in done.stderr


def test_training_in_a_terminal_goes_on_when_its_picture_is_closed(tmp_path):
    arguments = "--random_steps 300 --train_steps 200 --test_steps 100 --epochs 1 --replay_size 500"
    size = "--screen_width 44 --screen_height 44 --display_screen terminal"
    csv_file = tmp_path / "breakout.csv"
    command = ["breakout", "--csv_file", csv_file, *arguments.split(), *size.split()]
    with Terminal(command, is_program=True) as terminal:
        terminal.wait_for(lambda: "score" in terminal.lines[-1])
        assert terminal.lines[-1].startswith(" training")
        terminal.type(b"q")
        assert terminal.end() == 0
        terminal.assert_restored()
        assert "All done" in terminal.output
    assert len(csv_file.read_text().splitlines()) == 4


@pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed")
def test_play_sh_in_tmux(tmp_path):
    def tmux(*arguments):
        command = ["tmux", "-L", tmp_path.name, "-f", "/dev/null", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True).stdout

    def shows(text):
        return wait_for(lambda: text in tmux("capture-pane", "-p"), text)

    script = MAIN.parent.parent / "play.sh"
    program = shlex.join(
        ["env", "-u", "DISPLAY", f"PYTHON={sys.executable}", str(script), "roms/breakout.bin"]
    )
    tmux("new-session", "-d", "-x", 100, "-y", 36, f"{program}; echo status $?; sleep 100")
    try:
        shows("you play")
        assert "▀▀▀▀" in tmux("capture-pane", "-p")
        tmux("send-keys", "o")
        shows("▶ no-op")
        for _ in range(100):
            tmux("send-keys", "Left")
            if "▶ left" in tmux("capture-pane", "-p"):
                break
        shows("▶ left")
        tmux("send-keys", "q")
        shows("status 0")
    finally:
        tmux("kill-server")

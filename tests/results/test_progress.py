"""A bar on a terminal, a line a minute in a log."""

import fcntl
import logging
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqn.actors.events import FinishedGame, Step
from dqn.results import progress
from dqn.results.progress import Progress
from helpers.paths import SRC


def step(*scores, exploration_rate=0.25):
    return Step([0], exploration_rate, [FinishedGame(score, 1, 4) for score in scores], [])


def test_a_log_gets_a_plain_line_a_minute(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    now = 0.0
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now)
    with Progress("epoch 1 train", 1000, "step") as shown:
        for i in range(250):
            now = i + 1.0
            shown.on_step(step(*([i] if i % 100 == 0 else [])))
    assert caplog.messages == [
        f"  epoch 1 train: {n} of 1000 steps, 1 steps/s, ε 0.250, {games}, mean reward {mean}"
        for n, games, mean in (
            (60, "1 game", "0.0"),
            (120, "2 games", "50.0"),
            (180, "2 games", "50.0"),
            (240, "3 games", "100.0"),
        )
    ]


def test_games_are_counted_where_games_are_what_is_waited_for(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(progress, "LOG_SECONDS", 0)
    with Progress("epoch 1 test", 30, "game") as shown:
        shown.on_step(step(4))
        shown.on_step(step())
    assert "epoch 1 test: 1 of 30 games, " in caplog.text


def values(**changed):
    return {
        "description": "epoch 12 train",
        "percentage": " 45%",
        "done": "112500/250000",
        "elapsed": "12:34",
        "left": "20:50",
        "speed": "734 steps/s",
        "rate": "ε 0.950",
        "games": "1234 games",
        "mean": "1.2",
    } | changed


NEEDED = ("percentage", "left", "speed", "rate", "games", "mean")


@given(
    epoch=st.integers(1, 200),
    speed=st.integers(0, 9999),
    games=st.integers(0, 9999),
    mean=st.floats(-9999, 99999),
    left=st.integers(0, 99 * 3600),
)
def test_eighty_columns_have_all_that_matters(epoch, speed, games, mean, left):
    shown = values(
        description=f"epoch {epoch} train",
        speed=f"{speed} steps/s",
        games=f"{games} games",
        mean=f"{mean:.1f}",
        left=f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}",
    )
    text = progress.fit(shown, 80).replace("{bar}", "")
    assert len(text) <= 80
    assert all(shown[name] in text for name in NEEDED)


@given(st.integers(30, 300))
def test_no_line_is_wider_than_its_terminal_and_a_wider_one_shows_no_less(columns):
    text = progress.fit(values(), columns).replace("{bar}", "")
    assert len(text) <= columns
    shown = {name for name, value in values().items() if value in text}
    assert {"percentage", "left", "mean"} <= shown
    wider = progress.fit(values(), columns + 1)
    assert shown <= {name for name, value in values().items() if value in wider}


def test_a_typical_line_of_eighty_columns_has_a_bar():
    assert "{bar}" in progress.fit(values(), 80)


@pytest.mark.parametrize("columns", [80, 150])
def test_a_terminal_gets_one_bar_that_goes_when_the_phase_ends(columns):
    program = """
import sys, time
sys.path[:0] = sys.argv[1:]
from dqn.results import progress
from dqn.actors.events import FinishedGame, Step
progress.BAR_SECONDS = 0.0
with progress.Progress("epoch 3 train", 40, "step") as shown:
    for i in range(40):
        shown.on_step(Step([0], 0.5, [FinishedGame(7, 1, 4)], []))
        time.sleep(0.02)
"""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", program, SRC],
        stderr=follower,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(follower)
    screen = b""
    while True:
        try:
            data = os.read(leader, 4096)
        except OSError:  # Linux says so at the end
            break
        if not data:
            break
        screen += data
    assert process.wait() == 0
    frames = screen.decode().split("\r")
    mean = "mean reward 7.0" if columns == 150 else "mean 7.0"
    assert any(
        "epoch 3 train" in frame and "steps/s, ε 0.500" in frame and mean in frame
        for frame in frames
    )
    assert max(len(frame.replace("\x1b[A", "")) for frame in frames) <= columns
    assert "\n" not in screen.decode()
    assert frames[-1].strip() == ""  # wiped


def test_a_terminal_that_goes_away_ends_no_training(tmp_path):
    program = """
import sys, time
sys.path[:0] = sys.argv[1:2]
from dqn.machine import console
with console.starting(__name__):
    import logging
    from dqn.results import progress
    from dqn.actors.events import Step
def main(arguments):
    logging.basicConfig(level="INFO")
    progress.BAR_SECONDS = 0.0
    with progress.Progress("epoch 3 train", 40, "step") as shown:
        for i in range(40):
            shown.on_step(Step([0], 0.5, [], []))
            logging.info("step %d", i)
            if i == 20:
                sys.stdin.readline()
    open(arguments[1], "w").close()
    return 0
console.run(main)
"""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", program, SRC, tmp_path / "done"],
        stdin=subprocess.PIPE,
        stderr=follower,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(follower)
    os.read(leader, 1)
    os.close(leader)
    process.communicate(b"\n")
    assert process.returncode == 0
    assert (tmp_path / "done").exists()

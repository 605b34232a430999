"""A bar on a terminal, a line a minute in a log."""

import fcntl
import logging
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

from dqn import progress
from dqn.actors import Game
from dqn.agent import Step
from dqn.progress import Progress

SRC = Path(__file__).parent.parent / "src"


def step(*scores, exploration_rate=0.25):
    return Step([0], exploration_rate, [Game(score, 1, 4) for score in scores], [])


def test_a_log_gets_a_plain_line_a_minute(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    now = 0.0
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now)
    with Progress("epoch 1 train", 1000, "step") as shown:
        for i in range(250):
            now = i + 1.0
            shown.on_step(step(*([i] if i % 100 == 0 else [])))
    assert caplog.messages == [
        f"  epoch 1 train: {n} of 1000 steps, 1 steps/s, ε 0.250, {games} games, mean reward {mean}"
        for n, games, mean in (
            (60, 1, "0.0"),
            (120, 2, "50.0"),
            (180, 2, "50.0"),
            (240, 3, "100.0"),
        )
    ]


def test_games_are_counted_where_games_are_what_is_waited_for(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(progress, "LOG_SECONDS", 0)
    with Progress("epoch 1 test", 30, "game") as shown:
        shown.on_step(step(4))
        shown.on_step(step())
    assert "epoch 1 test: 1 of 30 games, " in caplog.text


def test_a_terminal_gets_one_bar_that_goes_when_the_phase_ends():
    program = """
import sys, time
sys.path[:0] = sys.argv[1:]
from dqn import progress
from dqn.actors import Game
from dqn.agent import Step
progress.BAR_SECONDS = 0.0
with progress.Progress("epoch 3 train", 40, "step") as shown:
    for i in range(40):
        shown.on_step(Step([0], 0.5, [Game(7, 1, 4)], []))
        time.sleep(0.02)
"""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("4H", 24, 150, 0, 0))
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
    assert any(
        "epoch 3 train" in frame and "steps/s, ε 0.500" in frame and "mean reward 7.0" in frame
        for frame in frames
    )
    assert "\n" not in screen.decode()
    assert frames[-1].strip() == ""  # wiped

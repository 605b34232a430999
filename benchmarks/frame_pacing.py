"""How well the window keeps 60 frames a second while a network plays: src/main.py itself, watched.

    python benchmarks/frame_pacing.py [--seconds 60] [--overlay] [--display_screen terminal]

It needs a display (or a terminal), such as that of `xvfb-run`. A Markdown table goes to standard
output.
"""

import argparse
import contextlib
import os
import platform
import sys
import tempfile
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from dqn.machine.hardware import cpu_model

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as play.sh does; read when PyTorch is loaded

import checkout  # noqa: F401 (it comes before dqn)
import main as program
from dqn.assembly import watching
from dqn.environments.environment import Frame
from dqn.machine.cores import usable_cores
from dqn.networks.architecture import Architecture
from dqn.networks.create import create_network
from dqn.networks.settings import Compute, Optimization, Targets
from dqn.player.player import Player
from dqn.snapshots.file import save_snapshot
from dqn.snapshots.snapshot import Metadata, Snapshot

LATE = 0.008  # seconds
PACKAGES = ("pygame-ce", "torch", "numpy", "opencv-python-headless", "ale-py")


class TimedPlayer(Player):
    """Notes when frames were shown, and quits after `seconds`."""

    seconds: float
    overlay: bool
    frames = 0
    times: list[float] = []  # noqa: RUF012 there is one player
    delays: list[float] = []  # noqa: RUF012

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **settings)
        self._shows_insight = self.overlay

    def _on_frame(self, frame: Frame) -> None:
        TimedPlayer.frames += not self.has_quit
        super()._on_frame(frame)
        self.has_quit |= len(self.times) > 1 and self.times[-1] - self.times[0] > self.seconds

    def _show(self) -> None:
        super()._show()
        self.times.append(time.perf_counter())
        self.delays.append(-self._pace.seconds_left)


def make_snapshot(folder: Path) -> Path:
    """A snapshot of a network with random weights: to play takes it as long as any other."""
    actions = [0, 1, 3, 4]  # Breakout's
    architecture = Architecture(len(actions))
    network = create_network(
        architecture,
        Optimization(),
        Targets(),
        Compute(backend="cpu"),
        np.random.default_rng(0),
    )
    metadata = Metadata("breakout", actions, architecture.state_shape)
    path = folder / "breakout_0.pkl"
    save_snapshot(Snapshot(network.get_layers(), architecture, metadata), path)
    return path


def table() -> str:
    """The figures in Markdown."""
    times, delays = np.array(TimedPlayer.times), np.array(TimedPlayer.delays)
    left_out = TimedPlayer.frames - len(times)
    late = left_out + (delays > LATE).sum()
    rows = {
        "frames": f"{TimedPlayer.frames}",
        "frames a second": f"{(len(times) - 1) / (times[-1] - times[0]):.2f}",
        "shown more than 8 ms late, or not at all": f"{late} ({late / TimedPlayer.frames:.2%})",
        "not shown at all": f"{left_out}",
        "delay until it was shown, median": f"{1000 * np.median(delays):.1f} ms",
        "delay, 99th percentile": f"{1000 * np.quantile(delays, 0.99):.1f} ms",
        "longest time between two pictures": f"{1000 * np.diff(times).max():.1f} ms",
    }
    return "\n".join(
        ["| what | figure |", "|---|---|"]
        + [f"| {name} | {figure} |" for name, figure in rows.items()]
    )


def main() -> None:
    """Play, then print where and how it was measured, and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--seconds", type=float, default=60, help="How long.")
    parser.add_argument("--overlay", action="store_true", help="With the overlay that o shows.")
    parser.add_argument("--display_screen", default="window", help="As in src/main.py.")
    args = parser.parse_args()

    load = os.getloadavg()[0]
    TimedPlayer.seconds, TimedPlayer.overlay = args.seconds, args.overlay
    with tempfile.TemporaryDirectory() as folder:
        command = ["--load_weights", str(make_snapshot(Path(folder))), "--backend", "cpu"]
        command += ["--play_games", "1000", "--display_screen", args.display_screen]
        with (
            contextlib.redirect_stdout(sys.stderr),
            patch.object(watching, "Player", TimedPlayer),
        ):
            if program.main(command):
                sys.exit(1)
    print(
        f"{date.today()}, {cpu_model()}, {usable_cores()} cores, {platform.system()}, load average "
        f"{load:.1f} before; Python {platform.python_version()}, "
        + ", ".join(f"{package} {version(package)}" for package in PACKAGES)
        + f".\nBreakout, {args.display_screen}{', with the overlay' * args.overlay}.\n\n{table()}"
    )


if __name__ == "__main__":
    main()

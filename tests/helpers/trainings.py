"""What the tests of the cluster jobs share: a project to submit from, and tiny runs on Breakout."""

import csv
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from helpers.forked import run_main
from helpers.paths import BEING_COMPILED, PROJECT

TINY = [
    *"--epochs 3 --random_steps 150 --train_steps 400 --test_steps 200 --replay_size 1000".split(),
    *"--screen_width 44 --screen_height 44 --backend cpu".split(),
]
TIMES = ("total_time", "epoch_time", "steps_per_second", "seconds")
PATIENCE = 600  # seconds that a busy machine may take for one thing


def wait_for(condition: Callable[[], object], what: str, poll: float = 0.1) -> None:
    """Return as soon as `condition` is true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(poll)


class Clone:
    """A copy of the project in a folder with spaces in its name."""

    def __init__(self, folder: Path):
        self.root = folder / "my dqn"
        for name in ("src", "scripts", "jobs"):
            shutil.copytree(PROJECT / name, self.root / name, ignore=BEING_COMPILED)
        for file in (*PROJECT.glob("*.sh"), *PROJECT.glob("requirements*.txt")):
            shutil.copy(file, self.root)
        for name in ("results", "snapshots"):
            (self.root / name).mkdir()

    def edit(self, job: str, **lines: str) -> None:
        """Change the settings at the top of a job, as a user does: `games="(breakout)"`."""
        path = self.root / "jobs" / job
        text = path.read_text()
        for name, value in lines.items():
            text, count = re.subn(rf"^{name}=\S.*$", f"{name}={value}", text, flags=re.MULTILINE)
            assert count == 1, f"{name} is set {count} times in {path}"
        path.write_text(text)

    def replace(self, job: str, old: str, new: str) -> None:
        path = self.root / "jobs" / job
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))

    def train(self, label: str, *flags: str) -> None:
        """An undisturbed run of Breakout, as train.sh begins it."""
        name = f"breakout_{label}"
        files = ["--save_weights_prefix", self.root / "snapshots" / name]
        files += ["--csv_file", self.root / "results" / f"{name}.csv"]
        log = self.root / "results" / f"{name}.log"
        assert run_main(["breakout", *files, *flags], log) == 0, log.read_text()

    def rows(self, label: str) -> list[dict[str, str]]:
        """All that a run wrote of its phases and games, but for times."""
        rows = []
        for ending in ("csv", "games.csv"):
            path = self.root / "results" / f"breakout_{label}.{ending}"
            if path.exists():
                with open(path, newline="") as file:
                    rows += csv.DictReader(file)
        return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]

    def checkpoint(self, label: str) -> Path:
        return self.root / "snapshots" / f"breakout_{label}.checkpoint"


class Trainer:
    """The process of a run that has begun to train, stopped as by Ctrl-Z until `resume`.

    So a test may take its time, and the run is not over before it is to be ended. `log` gives what
    the run has logged since it was last started.
    """

    def __init__(self, clone: Clone, label: str, log: Callable[[], str]):
        wait_for(lambda: " Training for " in log(), f"{label} to train")
        words = (clone.checkpoint(label) / "lock").read_text().split()
        assert words[0] == "process", words
        self._pid = int(words[1])
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

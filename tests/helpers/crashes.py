"""Real trainings that are killed, started again, and compared with one that nobody touched."""

import csv
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from helpers.forked import run_main
from helpers.paths import MAIN

EPOCHS = 3
# The replay memory is overwritten several times; the periods do not divide one another.
FLAGS = (
    f"breakout --epochs {EPOCHS} --random_steps 250 --train_steps 550 --test_steps 200 "
    "--replay_size 450 --screen_width 44 --screen_height 44 --backend cpu --target_steps 130 "
    "--random_seed 3 --repeat_action_probability 0.1 --batch_size 8"
).split()
TIMES = ("total_time", "epoch_time", "steps_per_second", "seconds")
# What Python itself says of a process that waits for its first orders when this one is killed
ORPHAN = re.compile(
    r'Traceback \(most recent call last\):\n  File "<string>", line 1, in <module>\n'
    r"(?:  .*\n)*?.*in spawn_main\n(?:  .*\n)*EOFError: Ran out of input\n"
)
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP)


class Training:
    """A run whose files are in `folder`."""

    def __init__(self, folder: Path, *flags: str, base: Sequence[str] = FLAGS):
        self.folder = folder
        prefix = folder / "breakout"
        files = ["--save_weights_prefix", str(prefix), "--csv_file", f"{prefix}.csv"]
        self.command = [sys.executable, str(MAIN), *base, *files, *flags]

    def run(self, *flags: str, status: int = 0) -> str:
        """Run it to its end, which must have this exit status; returns its log."""
        log = self.folder.with_name(f"{self.folder.name}.log")
        ended_with = run_main([*self.command[2:], *flags], log)
        assert ended_with == status, log.read_text()
        return log.read_text()

    def start(self, *flags: str, **options) -> subprocess.Popen:
        command = [*self.command, *flags]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)
        return self.process

    def wait_for(self, name: str, rows: int) -> None:
        """Wait until a CSV file has that many rows, which `process` writes."""
        while self.num_rows(name) < rows:
            assert self.process.poll() is None, self.process.communicate()[1]
            time.sleep(0.02)

    def num_rows(self, name: str) -> int:
        return len(self.rows(name)) if (self.folder / name).exists() else 0

    def rows(self, name: str) -> list[dict[str, str]]:
        with open(self.folder / name, newline="") as file:
            return list(csv.DictReader(file))

    def rows_without_times(self, name: str) -> list[dict[str, str]]:
        return [
            {column: value for column, value in row.items() if column not in TIMES}
            for row in self.rows(name)
        ]

    def interrupt(self, number: int, seconds: float, **options) -> int:
        """Start it and send it a signal after `seconds`; returns its exit status."""
        process = self.start(**options)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        errors = process.communicate()[1]
        if number == signal.SIGKILL:
            errors = ORPHAN.sub("", errors)
        assert "Traceback" not in errors, errors
        return process.returncode

    def results(self) -> dict[str, object]:
        """What must not depend on interruptions: each snapshot's bytes, each row but its times."""
        results: dict[str, object] = {}
        for path in sorted(self.folder.glob("breakout*")):
            if path.suffix == ".csv":
                results[path.name] = self.rows_without_times(path.name)
            elif path.is_file() and path.suffix != ".args":  # flags may differ without effect
                results[path.name] = path.read_bytes()
        return results


def kill_until_done(training: Training, kills: int, chance: random.Random) -> int:
    """Interrupt a training up to `kills` times at random moments, let it end; returns how often."""
    done = 0
    while done < kills:
        number = chance.choice([signal.SIGKILL, signal.SIGKILL, *STOPS])
        options = {}
        if chance.random() < 0.2:  # a disk that takes no file above some size, for this start
            options["preexec_fn"] = limit_files(chance.randrange(10_000, 4_000_000))
        status = training.interrupt(number, chance.uniform(0.3, 5), **options)
        if status == 0:
            break
        # A signal that comes before the run has begun has its usual effect; 2: the disk was full.
        assert status in (-number, 128 + number, 130, 2), status
        done += 1
    training.run()
    return done


def limit_files(size: int):
    def limit() -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    return limit

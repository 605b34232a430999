"""Real trainings that are killed, started again, and compared with one that nobody touched."""

import csv
import importlib
import itertools
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import psutil

from dqn.machine.interruption import TIME_IS_UP, Interruption
from helpers.forked import Program, run_main

EPOCHS = 3
# The replay memory is overwritten several times; the periods do not divide one another.
FLAGS = (
    f"breakout --epochs {EPOCHS} --random_steps 130 --train_steps 270 --test_steps 150 "
    "--replay_size 230 --screen_width 44 --screen_height 44 --backend cpu --target_steps 70 "
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
        self.arguments = [*base, *files, *flags]

    def run(self, *flags: str, status: int = 0, **options) -> str:
        """Run it to its end, which must have this exit status; returns its log."""
        log = self.folder.with_name(f"{self.folder.name}.log")
        ended_with = run_main([*self.arguments, *flags], log, **options)
        assert ended_with == status, log.read_text()
        return log.read_text()

    def start(self, *flags: str, **options) -> Program:
        self.process = Program([*self.arguments, *flags], **options)
        return self.process

    def wait_for(self, name: str, rows: int) -> None:
        """Wait until a CSV file has that many rows, which `process` writes."""
        while self.num_rows(name) < rows:
            assert self.process.poll() is None, self.process.communicate()[1]
            time.sleep(0.02)

    def start_and_stand_still(self, steps: int, *flags: str) -> None:
        """Start it, and return when it has been stopped, as by Ctrl-Z, after so many steps."""
        process = self.start(*flags, prepare=signal_after(steps, signal.SIGSTOP))
        while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
            assert process.poll() is None, process.communicate()[1]
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


def kill_until_done(
    training: Training, kills: int, chance: random.Random, seconds: float = 1.5
) -> int:
    """Interrupt a training up to `kills` times at random moments, let it end; returns how often.

    Each interruption comes within `seconds` of a start.
    """
    done = 0
    while done < kills:
        number = chance.choice([signal.SIGKILL, signal.SIGKILL, *STOPS])
        options = {}
        if chance.random() < 0.2:  # a disk that takes no file above some size, for this start
            options["prepare"] = limit_files(chance.randrange(10_000, 4_000_000))
        status = training.interrupt(number, chance.uniform(0, seconds), **options)
        if status == 0:
            break
        # A signal that comes before the run has begun has its usual effect; 2: the disk was full.
        assert status in (-number, 128 + number, 130, 2), status
        done += 1
    training.run()
    return done


# What a process does before it begins (`prepare`)


def limit_files(size: int) -> Callable[[], None]:
    """Let no file grow larger, as on a disk that is full."""
    return partial(_limit_files, size)


def _limit_files(size: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


def stop_after(steps: int) -> Callable[[], None]:
    """Let the time for computing be up after so many steps."""
    return partial(_stop_after, steps)


def _stop_after(steps: int) -> None:
    left = iter([None] * steps)
    Interruption.status = property(lambda _: next(left, TIME_IS_UP))


def signal_after(steps: int, number: signal.Signals) -> Callable[[], None]:
    """Let the process get a signal after so many steps."""
    return partial(_signal_after, steps, number)


def _signal_after(steps: int, number: signal.Signals) -> None:
    status, asked = Interruption.status, itertools.count(1)

    def signal_and_tell(interruption: Interruption) -> int | None:
        if next(asked) == steps:
            os.kill(os.getpid(), number)
        return status.fget(interruption)

    Interruption.status = property(signal_and_tell)


def set_value(module: str, name: str, value: object) -> Callable[[], None]:
    """Change a value of a module."""
    return partial(_set_value, module, name, value)


def _set_value(module: str, name: str, value: object) -> None:
    vars(importlib.import_module(module))[name] = value


def forbid(module: str) -> Callable[[], None]:
    """Let the process fail if it has imported a package, or does so."""
    return partial(_forbid, module)


def _forbid(module: str) -> None:
    assert module not in sys.modules
    sys.modules[module] = None


def interrupt_while_writing() -> None:
    """Press Ctrl-C before the third file of checkpoints is written, and after the fourth."""
    from dqn.checkpoints import folder

    write, count = folder._write, 0

    def write_and_interrupt(*arguments):
        nonlocal count
        count += 1
        if count == 3:
            os.kill(os.getpid(), signal.SIGINT)
        write(*arguments)
        if count == 4:
            os.kill(os.getpid(), signal.SIGINT)

    folder._write = write_and_interrupt

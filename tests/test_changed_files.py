"""Real trainings whose files change under them lose no row and tear none."""

import contextlib
import random
import signal
import subprocess
import time

import psutil
import pytest

from helpers.changes import CHANGES, apply, give_up_capabilities, read
from helpers.crashes import EPOCHS, ORPHAN, Training

FILES = ("breakout.csv", "breakout.games.csv")
STEPS = "breakout.checkpoint/steps"


class Disturbed:
    """A training in `folder` that stands still while its files change."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder = folder
        self.training = Training(folder, "--checkpoint_steps", "80")
        self.log = folder / "log"
        self.kept: set[bytes] = set()  # what somebody wrote into the files
        self.start()

    def start(self):
        self.process = self.training.start(stderr=self.log, prepare=give_up_capabilities)

    def stop(self):
        """Whether the run could be stopped before its last test began."""
        self.process.send_signal(signal.SIGSTOP)
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended
            process = psutil.Process(self.process.pid)
            while process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
                time.sleep(0.001)
        last_epoch = self.log.read_text().partition(f"Epoch #{EPOCHS}")[2]
        return "Testing for" not in last_epoch and self.process.poll() is None

    def has_begun(self):
        """Whether it has read the checkpoint that it goes on with, if any."""
        return any(f"{word} for" in self.log.read_text() for word in ("Training", "Testing"))

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def wait(self):
        """Let it end well."""
        assert self.process.wait() == 0, self.log.read_text()
        for path in self.folder.glob("*.csv"):
            path.chmod(0o644)
        assert "Traceback" not in ORPHAN.sub("", self.log.read_text())

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.rename(self.folder / f"log{len(list(self.folder.iterdir()))}")
        self.start()

    def change(self, change, name, number):
        path = self.folder / name
        mine = b"mine %d\n" % number
        before = self.found()
        apply(change, path, number, mine)
        after = self.found()
        # What it took away itself, it wanted to
        self.kept = {text for text in self.kept if text in after or text not in before} | (
            {mine} if mine in after else set()
        )

    def found(self):
        """All that is in CSV files, also those that were moved."""
        return b"".join(read(path) for path in self.folder.iterdir() if path.is_file())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    training = Training(tmp_path_factory.mktemp("undisturbed"))
    training.run()
    return training.results()


def check_changes(folder, undisturbed, rounds, seed):
    chance = random.Random(seed)
    done = 0
    while done < rounds:
        run = Disturbed(folder / str(done))
        has_steps = True  # without them, a kill would need --restart
        while done < rounds:
            try:
                run.process.wait(chance.uniform(0, 0.3))
                break
            except subprocess.TimeoutExpired:
                pass
            if not run.stop():
                run.go_on()
                break
            if has_steps and chance.random() < 0.15:
                run.kill()
                continue
            for name in chance.choices(FILES, k=chance.randint(1, 2)):
                run.change(chance.choice(CHANGES), name, chance.randrange(10**6))
            if run.has_begun() and (run.folder / STEPS).exists() and chance.random() < 0.2:
                apply("move", chance.choice([*(run.folder / STEPS).iterdir(), run.folder / STEPS]))
                has_steps = False
            run.go_on()
            done += (run.folder / FILES[0]).exists()
        run.wait()
        results = run.training.results()
        assert {name: results[name] for name in undisturbed} == undisturbed
        found = run.found()
        assert all(text in found for text in run.kept)


def test_ten_changes_at_random_moments_lose_nothing(undisturbed, tmp_path):
    check_changes(tmp_path, undisturbed, 10, seed=1)


@pytest.mark.slow
def test_a_hundred_changes_at_random_moments_lose_nothing(undisturbed, tmp_path):
    check_changes(tmp_path, undisturbed, 100, seed=2)

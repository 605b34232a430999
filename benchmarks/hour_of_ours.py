"""What this trainer learns in an hour of one core.

    python benchmarks/hour_of_ours.py breakout [--quarters 4] [--seed 1] [flags of src/main.py]

prints one line of JSON for each quarter of an hour, with the scores of its test.
"""

import argparse
import contextlib
import csv
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from checkout import SRC
from dqn.actors.events import Step
from dqn.agent import Agent
from main import main as run_program
from quarters import EPSILON, FRAMES, GAMES, HourIsOver, Quarters, report

SNAPSHOT_STEPS = 2500  # how far apart the networks are that a quarter can end with


def main() -> None:
    """Train, then test the newest network of each quarter."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("game", help="The game, as the file of its ROM is called.")
    parser.add_argument("--quarters", type=int, default=4, help="Quarters of an hour.")
    parser.add_argument("--seed", type=int, default=1)
    args, flags = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"quarter{i + 1}.pkl" for i in range(args.quarters)]
        steps = train(args.game, args.seed, flags, Path(folder), files)
        for quarter, (file, taken) in enumerate(zip(files, steps, strict=True), 1):
            report(quarter, taken, scores_of(file, args.seed))


def train(game: str, seed: int, flags: list[str], folder: Path, files: list[Path]) -> list[int]:
    """Save the network of each quarter in `files`; returns the training steps until then."""

    def save(quarter: int, _: int) -> None:
        newest = max(folder.glob("run_*.pkl"), key=lambda path: path.stat().st_mtime_ns)
        shutil.copyfile(newest, files[quarter - 1])

    def train_and_count(agent: Agent, num_steps: int, done: int = 0) -> Iterator[Step]:
        for number, step in enumerate(train_alone(agent, num_steps, done), 1):
            quarters.after_step(number)
            yield step

    train_alone = Agent.train
    words = [game, *flags, "--backend", "cpu", "--random_seed", str(seed), "--actors", "1"]
    words += ["--epochs", "1", "--train_steps", "100000000", "--test_games", "0"]
    words += ["--save_weights_prefix", str(folder / "run"), "--snapshot_steps", str(SNAPSHOT_STEPS)]
    words += ["--keep_snapshots", "last:1", "--checkpoint", "false"]
    quarters = Quarters(save, len(files))
    with contextlib.suppress(HourIsOver), patch.object(Agent, "train", train_and_count):
        sys.exit(run_program(words))
    return quarters.steps


def scores_of(snapshot: Path, seed: int) -> list[float]:
    """Scores of whole games."""
    games = snapshot.with_suffix(".games.csv")
    words = [sys.executable, str(SRC / "main.py"), "--load_weights", str(snapshot)]
    words += ["--random_steps", "0", "--train_steps", "0", "--epochs", "1", "--actors", "1"]
    words += ["--test_games", str(GAMES), "--max_game_frames", str(FRAMES)]
    words += ["--exploration_rate_test", str(EPSILON), "--random_seed", str(1000 + seed)]
    words += ["--csv_file", str(snapshot.with_suffix(".csv"))]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    with open(games, newline="") as file:
        return [float(row["score"]) for row in csv.DictReader(file)]


if __name__ == "__main__":
    main()

"""The speed of this checkout beside that of another one: did a change make anything slower?

    git worktree add /tmp/before COMMIT && python benchmarks/two_trees.py /tmp/before [--rounds 7]

Random play, training and testing of Breakout. Both checkouts run at the same time, one on each of
two cores, and change cores each round: a machine that slows down or is shared slows both alike. A
Markdown table goes to standard output.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from checkout import PROJECT

PHASES = ("random", "train", "test")


def main() -> None:
    """Measure both at once and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("other", type=Path, help="Folder of the other checkout.")
    parser.add_argument("--rounds", type=int, default=7, help="Runs of each.")
    parser.add_argument("--steps", type=int, default=2000, help="Steps of training in a run.")
    args, flags = parser.parse_known_args()
    ratios: dict[str, list[float]] = {phase: [] for phase in PHASES}
    for number in range(args.rounds):
        ours, others = measure_both([(PROJECT, flags), (args.other, flags)], args.steps, number)
        for phase in PHASES:
            ratios[phase].append(ours[phase] / others[phase])
        line = ", ".join(f"{phase} {ratios[phase][-1]:.2f}" for phase in PHASES)
        print(f"round {number + 1} of {args.rounds}: {line}", file=sys.stderr)
    print("| phase | speed of this checkout ÷ the other's: median | rounds |\n|---|---|---|")
    for phase, values in ratios.items():
        rounds = " ".join(f"{value:.2f}" for value in sorted(values))
        print(f"| {phase} | {statistics.median(values):.3f} | {rounds} |")


def measure_both(
    programs: list[tuple[Path, list[str]]], steps: int, number: int
) -> list[dict[str, float]]:
    """Steps per second of each phase of two programs at once, each on its core.

    A program is a checkout with flags. They change cores with the `number` of the measurement.
    """
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        sys.exit("error: this takes two cores")
    with tempfile.TemporaryDirectory() as folder:
        runs = []
        for i, (tree, flags) in enumerate(programs):
            csv_file = Path(folder) / f"{i}.csv"
            core = cores[(i + number) % 2]
            words = ["taskset", "--cpu-list", str(core), *command(tree, csv_file, steps, flags)]
            runs.append((csv_file, subprocess.Popen(words)))
        return [speeds(csv_file, process) for csv_file, process in runs]


def command(tree: Path, csv_file: Path, steps: int, flags: list[str]) -> list[str]:
    """What runs the program in `tree`."""
    words = [sys.executable, str(tree / "src" / "main.py"), "breakout", "--backend", "cpu"]
    words += ["--random_steps", str(4 * steps), "--train_steps", str(steps), "--epochs", "1"]
    words += ["--test_steps", str(3 * steps), "--replay_size", "10000", "--random_seed", "1"]
    # Nearly all moves are predicted, as in most of a training.
    words += ["--exploration_rate_start", "0.1", "--log_level", "ERROR"]
    return [*words, "--csv_file", str(csv_file), *flags]


def speeds(csv_file: Path, process: subprocess.Popen[bytes]) -> dict[str, float]:
    """Steps per second of each phase of a run, once it is done."""
    if process.wait():
        sys.exit(f"error: exit status {process.returncode}")
    with open(csv_file, newline="") as file:
        return {row["phase"]: float(row["steps_per_second"]) for row in csv.DictReader(file)}


if __name__ == "__main__":
    main()

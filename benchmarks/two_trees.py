"""The speed of this checkout beside that of another one: did a change make anything slower?

    git worktree add /tmp/before COMMIT && python benchmarks/two_trees.py /tmp/before [--rounds 7]

Random play, training and testing of Breakout, one run of each checkout in turns, so that a machine
that slows down or is shared slows both. A Markdown table goes to standard output.
"""

import argparse
import csv
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from checkout import PROJECT

PHASES = ("random", "train", "test")


def main() -> None:
    """Measure both in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("other", type=Path, help="Folder of the other checkout.")
    parser.add_argument("--rounds", type=int, default=7, help="Runs of each.")
    parser.add_argument("--steps", type=int, default=2000, help="Steps of training in a run.")
    args, flags = parser.parse_known_args()
    ratios: dict[str, list[float]] = {phase: [] for phase in PHASES}
    for number in range(args.rounds):
        order = [args.other, PROJECT] if number % 2 else [PROJECT, args.other]
        speeds = {tree: measure(tree, args.steps, flags) for tree in order}
        for phase in PHASES:
            ratios[phase].append(speeds[PROJECT][phase] / speeds[args.other][phase])
        line = ", ".join(f"{phase} {ratios[phase][-1]:.2f}" for phase in PHASES)
        print(f"round {number + 1} of {args.rounds}: {line}", file=sys.stderr)
    print("| phase | speed of this checkout ÷ the other's: median | rounds |\n|---|---|---|")
    for phase, values in ratios.items():
        rounds = " ".join(f"{value:.2f}" for value in sorted(values))
        print(f"| {phase} | {statistics.median(values):.3f} | {rounds} |")


def measure(tree: Path, steps: int, flags: list[str]) -> dict[str, float]:
    """Steps per second of each phase of a run of the program in `tree`, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        csv_file = Path(folder) / "run.csv"
        command = [sys.executable, str(tree / "src" / "main.py"), "breakout", "--backend", "cpu"]
        command += ["--random_steps", str(2 * steps), "--train_steps", str(steps), "--epochs", "1"]
        command += ["--test_steps", str(steps), "--replay_size", "10000", "--random_seed", "1"]
        # Nearly all moves are predicted, as in most of a training.
        command += ["--exploration_rate_start", "0.1", "--csv_file", str(csv_file), *flags]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        with open(csv_file, newline="") as file:
            return {row["phase"]: float(row["steps_per_second"]) for row in csv.DictReader(file)}


if __name__ == "__main__":
    main()

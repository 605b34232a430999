"""How fast src/main.py trains, side by side with Stable-Baselines3: Breakout, CPU, same threads.

    python benchmarks/training_speed.py [--rounds 5] [further flags of src/main.py]

The two take turns, each time in a process of their own, so that a machine that slows down or is
shared slows both. A Markdown table goes to standard output, progress to standard error.
"""

import argparse
import csv
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
from datetime import date
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
MAIN = FOLDER.parent / "src" / "main.py"
PEER = FOLDER / "peer_stable_baselines3.py"
PACKAGES = ("torch", "numpy", "ale-py", "stable-baselines3", "gymnasium")


def measure_trainer(steps: int, warmup: int, threads: int, seed: int, flags: list[str]) -> float:
    """Training speed of src/main.py in agent steps per second; `warmup` steps are random."""
    with tempfile.TemporaryDirectory() as folder:
        csv_file = Path(folder) / "speed.csv"
        command = [sys.executable, str(MAIN), "roms/breakout.bin", "--backend", "cpu"]
        command += ["--random_steps", str(warmup), "--train_steps", str(steps)]
        command += ["--test_steps", "0", "--epochs", "1"]
        command += ["--exploration_rate_start", "0.1", "--exploration_rate_end", "0.1"]
        command += ["--csv_file", str(csv_file), "--random_seed", str(seed), *flags]
        run(command, threads)
        return read_train_speed(csv_file)


def read_train_speed(csv_file: Path) -> float:
    """Steps per second in the one `train` row of a trainer's CSV file."""
    with open(csv_file, newline="") as file:
        (row,) = (row for row in csv.DictReader(file) if row["phase"] == "train")
    return float(row["steps_per_second"])


def measure_peer(steps: int, warmup: int, threads: int, seed: int) -> float:
    """Training speed of Stable-Baselines3 in agent steps per second."""
    command = [sys.executable, str(PEER), "--steps", str(steps), "--warmup", str(warmup)]
    command += ["--threads", str(threads), "--seed", str(seed)]
    return json.loads(run(command, threads))["steps_per_second"]


def run(command: list[str], threads: int) -> str:
    """Standard output of `command`; if it fails, its log and the end of this program."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stderr}error: exit status {done.returncode} from {shlex.join(command)}")
    return done.stdout


def usable_cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def use_cores(number: int) -> None:
    """Keep this process, and those that it starts, on `number` cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:number])


def cpu_model() -> str:
    """The processor's name; family and model tell apart those that a cloud gives one name."""
    try:
        first_core = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(map(str.strip, line.split(":", 1)) for line in first_core.splitlines())
    if "model name" not in fields:
        return platform.machine()
    return "{model name} (family {cpu family}, model {model})".format(**fields)


def table(ours: list[float], theirs: list[float]) -> str:
    """Steps per second of each round, their medians and the ratios, in Markdown."""
    lines = [
        "| round | src/main.py, steps/s | Stable-Baselines3, steps/s | ratio |",
        "|---|---|---|---|",
    ]
    rounds = [(str(i), *speeds) for i, speeds in enumerate(zip(ours, theirs, strict=True), 1)]
    rounds.append(("**median**", statistics.median(ours), statistics.median(theirs)))
    for name, our, their in rounds:
        lines.append(f"| {name} | {our:.1f} | {their:.1f} | {our / their:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Let the two take turns, then print where and how it was measured, and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=5, help="Turns of each.")
    parser.add_argument("--steps", type=int, default=5000, help="Training steps timed in a turn.")
    parser.add_argument("--warmup", type=int, default=1000, help="Steps before them, not timed.")
    parser.add_argument("--threads", type=int, default=usable_cores(), help="Threads of each.")
    parser.add_argument("--seed", type=int, default=1, help="Of the first round; then one more.")
    args, flags = parser.parse_known_args()

    cores = usable_cores()
    use_cores(args.threads)
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"warning: the machine is busy (load average {load:.1f})", file=sys.stderr)
    ours, theirs = [], []
    for seed in range(args.seed, args.seed + args.rounds):
        turn = (args.steps, args.warmup, args.threads, seed)
        ours.append(measure_trainer(*turn, flags))
        print(f"seed {seed}: src/main.py {ours[-1]:.1f} steps/s", file=sys.stderr)
        theirs.append(measure_peer(*turn))
        print(f"seed {seed}: Stable-Baselines3 {theirs[-1]:.1f} steps/s", file=sys.stderr)

    print(
        f"{date.today()}, {cpu_model()}, threads: {args.threads} of {cores} cores, "
        f"{platform.system()}, load average {load:.1f} before; Python {platform.python_version()}, "
        + ", ".join(f"{package} {version(package)}" for package in PACKAGES)
        + f".\nBreakout, {args.steps} training steps after {args.warmup} others, ε = 0.1, "
        f"flags of src/main.py: {shlex.join(flags) or 'none'}.\n\n{table(ours, theirs)}"
    )


if __name__ == "__main__":
    main()

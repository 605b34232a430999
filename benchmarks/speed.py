"""The speed of every part and of the whole, beside Stable-Baselines3: Breakout, default settings.

    python benchmarks/speed.py [--rounds 5] [--actors 1 2] [--backend auto] [flags of src/main.py]

Everything takes turns, the whole loops each time in a process of their own, so that a machine that
slows down or is shared slows all of them. A ratio is the median of the rounds' ratios. Markdown
tables go to standard output, progress to standard error.
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
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path

from checkout import SRC
from dqn.machine.cores import usable_cores
from dqn.machine.hardware import cpu_model

FOLDER = Path(__file__).resolve().parent
MAIN = [str(SRC / "main.py")]
ALES_AVERAGING = [str(FOLDER / "ales_averaging.py")]
PARTS = [str(FOLDER / "parts.py")]
PEER = [str(FOLDER / "peer_stable_baselines3.py")]
Measure = Callable[[int], float]  # steps per second of a run with this seed
PACKAGES = ("torch", "numpy", "ale-py", "stable-baselines3", "gymnasium")
# ε = 0.1 from the beginning: nearly all moves are predicted, as in most of a training
TRAIN = "--exploration_rate_start 0.1 --exploration_rate_end 0.1 --random_steps 500 --test_steps 0"
RANDOM = "--train_steps 0 --test_steps 0"
TEST = "--random_steps 0 --train_steps 0"
PEERS_ID = "BreakoutNoFrameskip-v4"
GYM = "--environment gym --frame_pooling max --fire_on_start true --interpolation area"


def main() -> None:
    """Measure all in turns and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=5, help="Turns of everything.")
    parser.add_argument("--steps", type=int, default=3000, help="Training steps in a turn.")
    parser.add_argument("--cores", type=int, default=usable_cores(), help="Cores to use.")
    parser.add_argument("--actors", type=int, nargs="+", help="Numbers of actors to try.")
    parser.add_argument("--backend", default="cpu", help="As of src/main.py; the peer's is cpu.")
    parser.add_argument(
        "--only", nargs="+", default=[], help="Only the lines that contain one of these texts."
    )
    args, flags = parser.parse_known_args()
    actors = args.actors or sorted({1, 2, args.cores})
    use_cores(args.cores)
    if os.getloadavg()[0] > 0.5:
        print(f"warning: the machine is busy (load {os.getloadavg()[0]:.1f})", file=sys.stderr)

    loops = {
        name: measure
        for name, measure in make_loops(args.steps, args.backend, actors, flags).items()
        if not args.only or any(text in name for text in args.only)
    }
    speeds: dict[str, list[float]] = {name: [] for name in loops}
    parts: list[dict[str, float]] = []
    for round_ in range(args.rounds):
        for name, measure in loops.items():
            speeds[name].append(measure(round_ + 1))
            print(f"round {round_ + 1}: {name}: {speeds[name][-1]:.1f} steps/s", file=sys.stderr)
        if not args.only:
            parts.append(json.loads(run([*PARTS, "--backend", args.backend])))
    print(describe_machine(args.cores))
    if parts:
        print(table_of_parts(parts))
    print(table_of_loops(speeds))


def make_loops(steps: int, backend: str, actors: list[int], flags: list[str]) -> dict[str, Measure]:
    """What is measured, by its name: functions of a seed that return steps per second."""

    def loop(
        phase: str, settings: str, program: list[str] = MAIN, game: str = "roms/breakout.bin"
    ) -> Measure:
        words = [game, *settings.split(), *flags]
        return lambda seed: measure_loop(program, phase, seed, backend, words)

    def train(settings: str, game: str = "roms/breakout.bin") -> Measure:
        return loop("train", f"{TRAIN} --train_steps {steps} {settings}", game=game)

    def play_randomly(settings: str, program: list[str] = MAIN) -> Measure:
        return loop("random", f"{RANDOM} --random_steps {10 * steps} {settings}", program)

    # What is compared stands near its peer, so that a busy minute slows both.
    several = [n for n in actors if n > 1]
    return {
        "training": train("--actors 1"),
        "training, Stable-Baselines3": lambda seed: measure_peer(steps, seed),
        # The peer's own environment, its frames pooled as there
        f"training on {PEERS_ID}": train(f"--actors 1 {GYM}", game=PEERS_ID),
        "training, bfloat16": train("--actors 1 --datatype bfloat16"),
        "training, --overlap": train("--actors 1 --overlap true"),
        **{f"training, {n} actors": train(f"--actors {n}") for n in several},
        "random play with ALE's own averaging": play_randomly("--actors 1", ALES_AVERAGING),
        "random play": play_randomly("--actors 1"),
        **{f"random play, {n} actors": play_randomly(f"--actors {n}") for n in several},
        "testing": loop("test", f"{TEST} --test_steps {3 * steps} --actors 1"),
    }


def measure_loop(
    program: list[str], phase: str, seed: int, backend: str, settings: list[str]
) -> float:
    """Speed of one phase, in its second epoch if it has any, in agent steps (4 frames) per second.

    Like the peer's, it is measured when everything is warm: the first update takes 0.4 s.
    """
    with tempfile.TemporaryDirectory() as folder:
        csv_file = Path(folder) / "speed.csv"
        command = [*program, "--epochs", "2", "--backend", backend]
        run([*command, "--random_seed", str(seed), "--csv_file", str(csv_file), *settings])
        with open(csv_file, newline="") as file:
            speeds = [
                row["steps_per_second"] for row in csv.DictReader(file) if row["phase"] == phase
            ]
    return float(speeds[-1])


def measure_peer(steps: int, seed: int) -> float:
    """Training speed of Stable-Baselines3 in agent steps per second."""
    command = [*PEER, "--steps", str(steps), "--warmup", "500", "--threads", str(usable_cores())]
    return json.loads(run([*command, "--seed", str(seed)]))["steps_per_second"]


def run(command: list[str]) -> str:
    """Standard output of a Python program; if it fails, its log and the end of this one."""
    command = [sys.executable, *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stderr}error: exit status {done.returncode} from {shlex.join(command)}")
    return done.stdout


def table_of_parts(rounds: list[dict[str, float]]) -> str:
    """Median milliseconds of each part, in Markdown."""
    lines = ["| part | ms |", "|---|---|"]
    for name in rounds[0]:
        lines.append(f"| {name} | {statistics.median(r[name] for r in rounds):.3f} |")
    return "\n".join(lines) + "\n"


def table_of_loops(speeds: dict[str, list[float]]) -> str:
    """Median, least and greatest speed, and the median ratio to another loop in the same round."""
    lines = ["| loop | steps/s, median | least to greatest | ratio |", "|---|---|---|---|"]
    for name, values in speeds.items():
        ratio = ""
        peer = compared_with(name)
        if peer in speeds and peer != name:
            ratios = [a / b for a, b in zip(values, speeds[peer], strict=True)]
            ratio = f"{statistics.median(ratios):.2f} × {peer}"
        spread = f"{min(values):.0f} to {max(values):.0f}"
        lines.append(f"| {name} | {statistics.median(values):.0f} | {spread} | {ratio} |")
    return "\n".join(lines)


def compared_with(name: str) -> str:
    """The loop that another one is compared with."""
    if name.startswith("training"):
        return "training, Stable-Baselines3"
    if name == "random play":
        return "random play with ALE's own averaging"
    return "random play"


def describe_machine(cores: int) -> str:
    """Where and with what it was measured."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{date.today()}, {cpu_model()}{gpu_model()}, {cores} cores, "
        f"Python {platform.python_version()}, {packages}\n"
    )


def gpu_model() -> str:
    """The GPU's name after a comma; nothing where there is none."""
    code = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    name = run(["-c", code]).strip()
    return f", {name}" if name else ""


def use_cores(number: int) -> None:
    """Keep this process, and those that it starts, on `number` cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:number])


if __name__ == "__main__":
    main()

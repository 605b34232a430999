"""The memory that a training takes with a full replay memory, and whether it grows.

    python benchmarks/memory.py [--random_steps 1000000] [flags of src/main.py]

Fills the replay memory by random play, then trains; a Markdown table of the proportional set size
(PSS) of all its processes, over time, goes to standard output. It takes some minutes.
"""

import argparse
import subprocess
import sys
import time

import psutil

from checkout import SRC

MAIN = SRC / "main.py"
SECONDS = 2


def main() -> None:
    """Run the training, measure it until it ends, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--random_steps", type=int, default=1_000_000)
    parser.add_argument("--train_steps", type=int, default=3_000)
    args, flags = parser.parse_known_args()
    command = [sys.executable, str(MAIN), "roms/breakout.bin", "--epochs", "1"]
    command += ["--random_steps", str(args.random_steps), "--train_steps", str(args.train_steps)]
    command += ["--test_steps", "0", "--replay_size", str(args.random_steps), *flags]
    process = subprocess.Popen(command)
    sizes = []
    while process.poll() is None:
        sizes.append(proportional_set_size(process.pid))
        time.sleep(SECONDS)
    if process.returncode:
        sys.exit(process.returncode)
    print("| part of the run | PSS of all processes, GiB |\n|---|---|")
    for eighth in range(1, 9):
        print(f"| {eighth}/8 | {sizes[eighth * (len(sizes) - 1) // 8] / 2**30:.2f} |")
    print(f"| greatest | {max(sizes) / 2**30:.2f} |")


def proportional_set_size(pid: int) -> int:
    """Bytes of a process and of those that it began; shared ones count in proportion."""
    size = 0
    try:
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            size += process.memory_full_info().pss
    except psutil.NoSuchProcess:
        pass  # it has just ended
    return size


if __name__ == "__main__":
    main()

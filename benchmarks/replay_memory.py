"""How long a minibatch takes to be sampled, and a step to be added, in memory or in a file.

    python benchmarks/replay_memory.py [--replay_size 1000000] [--replay_file FILE]

The memory is filled with random screens first. Medians of 500 go to standard output.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import checkout  # noqa: F401 (it comes before dqn)
from dqn.replay.memory import ReplayMemory
from dqn.replay.storage import Observations, ObservationsInFile, Storage


def main() -> None:
    """Fill the memory, measure and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replay_size", type=int, default=1_000_000)
    parser.add_argument("--replay_file", type=Path)
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    store: Storage
    if arguments.replay_file:
        store = ObservationsInFile(
            arguments.replay_size, shape=(84, 84), file=arguments.replay_file
        )
    else:
        store = Observations(arguments.replay_size, shape=(84, 84))
    memory = ReplayMemory(store, history_length=4, batch_size=32, generator=generator)
    stream = memory.streams[0]
    screens = generator.integers(0, 256, (1000, 84, 84), np.uint8)
    for step in range(arguments.replay_size):
        stream.add(0, 0, screens[step % 1000], False, False)
    samples = [seconds(memory.sample) for _ in range(500)]
    adds = [seconds(lambda: stream.add(0, 0, screens[0], False, False)) for _ in range(500)]
    print(f"minibatch: {1000 * statistics.median(samples):.2f} ms, mean ", end="")
    print(f"{1000 * statistics.mean(samples):.2f} ms; add: {1e6 * statistics.median(adds):.0f} µs")


def seconds(function: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

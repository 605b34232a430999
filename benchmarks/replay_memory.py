"""How long a minibatch takes to be sampled, and a step to be added, in memory or in a file.

    python benchmarks/replay_memory.py [--replay_size 1000000] [--replay_file FILE]
                                       [--prioritized] [--n_steps N] [--screen PIXELS]

The memory is filled with random screens first. Medians of 500 go to standard output. With
--prioritized, four steps are added before each minibatch, and the errors in it are set.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

import checkout  # noqa: F401 (it comes before dqn)
from dqn.replay.create import create_sampler
from dqn.replay.memory import ReplayMemory
from dqn.replay.returns import NStepReturns, OneStepReturns
from dqn.replay.settings import PrioritySettings
from dqn.replay.storage import Observations, ObservationsInFile, Storage


def main() -> None:
    """Fill the memory, measure and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replay_size", type=int, default=1_000_000)
    parser.add_argument("--replay_file", type=Path)
    parser.add_argument("--prioritized", action="store_true")
    parser.add_argument("--n_steps", type=int, default=1)
    parser.add_argument("--screen", type=int, default=84, help="Width and height.")
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    shape = (arguments.screen, arguments.screen)
    store: Storage
    if arguments.replay_file:
        store = ObservationsInFile(arguments.replay_size, shape=shape, file=arguments.replay_file)
    else:
        store = Observations(arguments.replay_size, shape=shape)
    memory = ReplayMemory(
        store,
        history_length=4,
        batch_size=32,
        generator=generator,
        returns=OneStepReturns() if arguments.n_steps == 1 else NStepReturns(arguments.n_steps),
        make_sampler=create_sampler(
            PrioritySettings() if arguments.prioritized else None,
            planned_minibatches=1_000_000,
            num_minibatches=0,
        ),
    )
    stream = memory.streams[0]
    screens = generator.integers(0, 256, (1000, *shape), np.uint8)
    for step in range(arguments.replay_size):
        stream.add(0, 0, screens[step % 1000], step % 500 == 0, step % 500 == 0)
    if arguments.prioritized:
        measure_prioritized(memory, screens[0], generator)
        return
    samples = [seconds(memory.sample) for _ in range(500)]
    adds = [seconds(lambda: stream.add(0, 0, screens[0], False, False)) for _ in range(500)]
    print(f"minibatch: {1000 * statistics.median(samples):.2f} ms, mean ", end="")
    print(f"{1000 * statistics.mean(samples):.2f} ms; add: {1e6 * statistics.median(adds):.0f} µs")


def measure_prioritized(
    memory: ReplayMemory, screen: np.ndarray, generator: np.random.Generator
) -> None:
    """Print what a minibatch costs, as it follows its errors in a training."""
    samples, settings = [], []
    memory.sample()  # which gives priorities to all entries at once
    for _ in range(2000):  # as many priorities as change the tree's shape a little
        memory.set_errors(memory.sample().keys, generator.exponential(1, 32))
    for _ in range(500):
        for _ in range(4):
            memory.streams[0].add(0, 0, screen, False, False)
        start = time.perf_counter()
        keys = memory.sample().keys
        samples.append(time.perf_counter() - start)
        errors = generator.exponential(1, 32).astype(np.float32)
        settings.append(seconds(partial(memory.set_errors, keys, errors)))
    both = [sum(pair) for pair in zip(samples, settings, strict=True)]
    print(f"prioritized minibatch: {1000 * statistics.median(both):.2f} ms, of which ", end="")
    print(f"drawing {1000 * statistics.median(samples):.2f} ms, ", end="")
    print(f"setting errors {1000 * statistics.median(settings):.2f} ms")


def seconds(function: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

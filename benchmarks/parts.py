"""How long each part of a step takes: medians in milliseconds, one line of JSON.

python benchmarks/parts.py [--backend cpu]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np

from ales_averaging import AlesAveraging
from checkout import PROJECT
from dqn.actors.actor import Actor
from dqn.environments.atari import AleEnvironment
from dqn.environments.roms import find_rom
from dqn.environments.settings import GameSettings, ObservationSettings
from dqn.networks.architecture import Architecture
from dqn.networks.create import create_network
from dqn.networks.settings import Compute, Optimization, Targets
from dqn.replay.create import create_storage
from dqn.replay.memory import ReplayMemory
from dqn.replay.settings import ReplaySettings
from dqn.replay.storage import OTHER_MEMORY

REPEATS = 300
OBSERVATIONS = {
    "average": ObservationSettings(),
    "max": ObservationSettings(pooling="max"),
    "one frame": ObservationSettings(pooling="none"),
    "max, resized by area": ObservationSettings(pooling="max", interpolation="area"),
    "red, green and blue": ObservationSettings(kind="rgb"),
    "red, green and blue, 160×210": ObservationSettings(kind="rgb", width=160, height=210),
    "RAM": ObservationSettings(kind="ram"),
}


def main() -> None:
    """Measure all parts and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", default="cpu")
    arguments = parser.parse_args()
    figures = {
        "emulator: act and screen": emulator(AleEnvironment),
        "emulator with ALE's own averaging": emulator(AlesAveraging),
    }
    for what, settings in OBSERVATIONS.items():
        figures[f"observation: {what}"] = observation(settings)
    for datatype in ("float32", "bfloat16"):
        figures.update(network(arguments.backend, datatype))
    print(json.dumps(figures))


def emulator(environment: type[AleEnvironment]) -> float:
    """Milliseconds of a step of a game."""
    rom, name = find_rom("breakout", PROJECT / "roms")
    generator = np.random.default_rng(0)
    game = environment(
        rom, name, GameSettings(), ObservationSettings(), life_loss_is_terminal=True, seed=1
    )
    actor = Actor(game, state_shape=(4, 84, 84), random_starts=30, generator=generator)
    actor.start()
    return median(lambda: actor.act(int(generator.integers(4))), 10 * REPEATS)


def observation(settings: ObservationSettings) -> float:
    """Milliseconds of an observation, without the emulation and what looks at each frame."""
    rom, name = find_rom("breakout", PROJECT / "roms")
    game = AleEnvironment(rom, name, GameSettings(), settings, life_loss_is_terminal=True, seed=1)
    game.restart()
    times = []
    for step in range(10 * REPEATS):
        game.act(step % 4)
        start = time.perf_counter()
        game.observe()
        times.append(time.perf_counter() - start)
        if game.is_game_over():
            game.restart()
    return 1000 * statistics.median(times)


def network(backend: str, datatype: str) -> dict[str, float]:
    """Sampling, prediction and update, as they follow one another in a training.

    A GPU is waited for, but in "updates in a row", each of which follows the one before at once.
    """
    generator = np.random.default_rng(0)
    compute = Compute(backend=backend, datatype=datatype)
    network = create_network(
        Architecture(num_actions=4), Optimization(), Targets(), compute, generator
    )
    storage = create_storage(
        ReplaySettings(size=20_000),
        shape=(84, 84),
        network_device=network.device,
        other_memory=OTHER_MEMORY,
    )
    memory = ReplayMemory(
        storage,
        history_length=4,
        batch_size=32,
        generator=generator,
    )
    screens = generator.integers(0, 256, (1000, 84, 84), np.uint8)
    for step in range(20_000):
        memory.streams[0].add(step % 4, step % 2, screens[step % 1000], step % 500 == 0, False)
    counts = {"one state": 1, "16 states": 16, "64 states": 64}
    few = {of: np.stack([screens[i : i + 4] for i in range(n)]) for of, n in counts.items()}
    times: dict[str, list[float]] = {"sampling of 32": [], "update of 32": []}
    times |= {f"prediction of {of}": [] for of in few}
    for _ in range(REPEATS):
        start = time.perf_counter()
        minibatch = memory.sample()
        sampled = time.perf_counter()
        network.train(minibatch)
        network.late_costs()
        trained = time.perf_counter()
        times["sampling of 32"].append(sampled - start)
        times["update of 32"].append(trained - sampled)
        for of, states in few.items():
            start = time.perf_counter()
            network.predict(states)
            times[f"prediction of {of}"].append(time.perf_counter() - start)
    start = time.perf_counter()
    for _ in range(REPEATS):
        network.train(memory.sample())
    network.late_costs()
    times["updates in a row, each"] = [(time.perf_counter() - start) / REPEATS]
    return {f"{name}, {datatype}": 1000 * statistics.median(t) for name, t in times.items()}


def median(function: Callable[[], object], repeats: int) -> float:
    """Milliseconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    main()

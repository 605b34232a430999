"""What checkpoints cost: the pauses of training, the time of a stop, the size on the disk.

    python benchmarks/checkpoints.py [--replay_size 1000000] [--folder FOLDER]

A replay memory is filled with random screens as fast as it can be, beside a network, its optimizer
and two games; each step goes to the disk as in a run. Then checkpoints are made and loaded again. A
Markdown table goes to standard output.
"""

import argparse
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from checkout import PROJECT
from dqn.actors.actor import Actor
from dqn.checkpoints.checkpointer import Checkpointer, Part
from dqn.checkpoints.folder import CheckpointFolder
from dqn.environments.create import create_environment
from dqn.environments.roms import find_rom
from dqn.environments.settings import GameSettings, ObservationSettings
from dqn.networks.architecture import Architecture
from dqn.networks.create import create_network
from dqn.networks.settings import Compute, Optimization, Targets
from dqn.replay.memory import ReplayMemory
from dqn.replay.storage import Observations


def main() -> None:
    """Measure, then print the machine and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replay_size", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where to write (default: a temporary one)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        rows = measure(Path(folder), arguments.replay_size)
    print(
        f"{date.today()}, {platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}; replay memory of {arguments.replay_size:,} steps\n"
    )
    print("| what | figure |\n|---|---|")
    for name, figure in rows.items():
        print(f"| {name} | {figure} |")


def measure(path: Path, size: int) -> dict[str, str]:
    """The figures, by their names."""
    run = Run(path / "run", size)
    run.checkpointer.check_room(size // 4, 2 * size)
    run.checkpointer.begin()
    pauses = run.fill(size)
    rows = {
        "steps per second while the memory was filled": f"{size / sum(pauses):,.0f}",
        "longest pause between two steps": f"{1000 * max(pauses):.0f} ms",
        "pauses of more than 0.1 s": f"{sum(pause > 0.1 for pause in pauses)}",
    }
    pauses = run.fill(300)  # what a stop still has to write, and a little more
    before = bytes_written()
    rows["checkpoint with a full memory"] = f"{1000 * seconds(run.checkpointer.save):.0f} ms"
    rows["written by it"] = f"{(bytes_written() - before) / 1e6:.0f} MB"
    run.fill(size // 4)
    rows["checkpoint a quarter of the memory later"] = (
        f"{1000 * seconds(run.checkpointer.save):.0f} ms"
    )
    disk = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    rows["size of the folder with both generations"] = f"{disk / 2**30:.2f} GiB"
    run.folder.close()
    expected = run.stream.read(run.stream.added - 1000, run.stream.added).tobytes()
    added = run.stream.added
    del run
    other = Run(path / "run", size)
    rows["loading"] = f"{seconds(other.load):.1f} s"
    assert other.stream.added == added
    assert other.stream.read(added - 1000, added).tobytes() == expected
    return rows


class Run:
    """The parts of a run that checkpoints are made of."""

    def __init__(self, path: Path, size: int):
        rom, name = find_rom("breakout", PROJECT / "roms")
        generator = np.random.default_rng(0)
        self.memory = ReplayMemory(
            Observations(size, shape=(84, 84)),
            history_length=4,
            batch_size=32,
            generator=generator,
        )
        self.stream = self.memory.streams[0]
        self.network = create_network(
            Architecture(num_actions=4),
            Optimization(),
            Targets(),
            Compute(backend="cpu"),
            generator,
        )
        parts: dict[str, Part] = {"network": self.network}
        for actor in ("train_actor", "test_actor"):
            game = create_environment(
                *(rom, name, GameSettings(), ObservationSettings()),
                life_loss_is_terminal=True,
                seed=0,
            )
            parts[actor] = started = Actor(
                game, state_shape=(4, 84, 84), random_starts=30, generator=generator
            )
            started.start()
        self.folder = CheckpointFolder(path)
        generators = {"memory": generator}
        self.checkpointer = Checkpointer(
            self.folder, self.memory, parts, generators, values={}, every_steps=0
        )
        self._screens = generator.integers(0, 256, (1000, 84, 84), np.uint8)

    def load(self) -> None:
        """Go on from the checkpoint."""
        state = self.folder.load()
        assert state is not None
        self.checkpointer.restore(state)

    def fill(self, steps: int) -> list[float]:
        """Add steps; returns the seconds that each took."""
        times = []
        for step in range(steps):
            start = time.perf_counter()
            self.stream.add(step % 4, 0, self._screens[step % 1000], False, False)
            self.checkpointer.on_step()
            times.append(time.perf_counter() - start)
        return times


def seconds(function: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def bytes_written() -> int:
    """Bytes that this process has handed to the disk, in blocks of 512."""
    return 512 * resource.getrusage(resource.RUSAGE_SELF).ru_oublock


if __name__ == "__main__":
    main()

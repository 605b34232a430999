"""The smallest run that has checkpoints."""

import numpy as np

from dqn.checkpoints.checkpointer import Checkpointer
from dqn.checkpoints.folder import CheckpointFolder
from dqn.replay.memory import ReplayMemory
from dqn.replay.storage import Observations


class Counter:
    """A part of a program whose state is a number and an array."""

    def __init__(self, value=0):
        self.value = value

    def get_state(self):
        return {"value": self.value, "array": np.full(5, self.value, np.float32)}

    def set_state(self, state):
        assert (state["array"] == state["value"]).all()
        self.value = state["value"]


class Run:
    """A counter and a replay memory of ten steps, and their checkpoints in `path`."""

    def __init__(self, path):
        self.folder = CheckpointFolder(path)
        self.counter = Counter()
        self.generator = np.random.default_rng(0)
        self.memory = ReplayMemory(
            Observations(10, shape=(3, 2)),
            history_length=2,
            batch_size=2,
            generator=self.generator,
        )
        self.checkpointer = Checkpointer(
            self.folder,
            self.memory,
            {"counter": self.counter},
            {"memory": self.generator},
            values={},
            every_steps=0,
        )

    def play(self, steps):
        for _ in range(steps):
            self.counter.value += 1
            screen = np.full((3, 2), self.counter.value, np.uint8)
            self.memory.streams[0].add(1, self.generator.random(), screen, False, False)
            self.checkpointer.on_step()

    def contents(self):
        memory = self.memory.streams[0]
        entries = memory.read(memory.added - len(memory), memory.added).tobytes()
        return self.counter.value, memory.added, entries, self.generator.bit_generator.state

    @classmethod
    def load(cls, path):
        run = cls(path)
        run.checkpointer.restore(run.folder.load())
        return run

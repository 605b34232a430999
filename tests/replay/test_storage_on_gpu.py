"""Screens on the device that learns: they are the same as in the machine's memory."""

import numpy as np
import pytest
import torch

from dqn.replay.memory import ReplayMemory
from dqn.replay.storage import Observations
from dqn.replay.storage_on_gpu import DeviceObservations, fits
from helpers.engines import SMALL
from helpers.networks import cost_of_update, make_network

SIZE = {"shape": (52, 40)}
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def make_memories(size, device, num_streams=1):
    stores = (
        Observations(size, **SIZE),
        DeviceObservations(size, **SIZE, device=torch.device(device)),
    )
    return [
        ReplayMemory(
            observations,
            history_length=4,
            batch_size=8,
            generator=np.random.default_rng(0),
            num_streams=num_streams,
        )
        for observations in stores
    ]


def fill(memories, steps):
    chance = np.random.default_rng(1)
    for i in range(steps):
        observation = chance.integers(0, 256, (52, 40), np.uint8)
        for memory in memories:
            memory.streams[i % len(memory.streams)].add(
                1, 0.5, observation, i % 17 == 0, i % 17 == 0
            )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("size", "steps"), [(600, 500), (30, 500)])
def test_the_network_learns_the_same_from_them(device, size, steps):
    memories = make_memories(size, device, num_streams=2)
    fill(memories, steps)
    backends = ("cpu", "gpu" if device == "cuda" else "cpu")
    networks = [make_network(**SMALL, backend=backend) for backend in backends]
    for _ in range(9):  # some before a GPU has recorded the update, and some after
        here, there = (memory.sample() for memory in memories)
        np.testing.assert_array_equal(here.states_on_host(), there.states_on_host())
        costs = [cost_of_update(*pair) for pair in zip(networks, (here, there), strict=True)]
        assert costs[0] == pytest.approx(costs[1], rel=1e-6 if device == "cpu" else 1e-4)


@pytest.mark.parametrize("device", DEVICES)
def test_a_checkpoint_reads_and_restores_them(device):
    here, there = make_memories(30, device)
    fill([here, there], 50)
    here, there = here.streams[0], there.streams[0]
    entries = there.read(there.added - 30, there.added)
    assert entries.tobytes() == here.read(here.added - 30, here.added).tobytes()
    there.restore(there.added - 30, entries)
    assert there.read(there.added - 30, there.added).tobytes() == entries.tobytes()


def test_a_cpu_has_no_memory_of_its_own():
    assert not fits(10, (84, 84), torch.device("cpu"))
    assert not fits(10, (52, 40), torch.device(make_network().device))

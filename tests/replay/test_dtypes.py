"""Vectors keep their dtype, to the last bit, all the way through the replay memory."""

import numpy as np
import pytest
import torch

from dqn.checkpoints.replay_log import ReplayLog
from dqn.networks.architecture import STATE_DTYPES, Architecture
from dqn.networks.torch_engine.input import create_input
from dqn.replay.memory import ReplayMemory
from dqn.replay.storage import Observations, ObservationsInFile
from dqn.replay.storage_on_gpu import DeviceObservations

# Whose tensors PyTorch can index on every device
OF_DEVICES = [dtype for dtype in STATE_DTYPES if not dtype.startswith("uint") or dtype == "uint8"]


def numbers(dtype, *shape):
    """Any bytes, but for booleans, which are 0 and 1."""
    bytes_ = np.random.default_rng(0).bytes(int(np.prod(shape)) * np.dtype(dtype).itemsize)
    if dtype == "bool":
        return (np.frombuffer(bytes_, np.uint8) % 2).astype(bool).reshape(shape)
    return np.frombuffer(bytes_, dtype).reshape(shape)


def make_memory(storage):
    generator = np.random.default_rng(0)
    return ReplayMemory(storage, history_length=2, batch_size=4, generator=generator)


@pytest.mark.parametrize("kind", ["memory", "file"])
@pytest.mark.parametrize("dtype", STATE_DTYPES)
def test_what_is_kept_is_gathered_bit_by_bit(dtype, kind, tmp_path):
    options = {"file": tmp_path / "replay"} if kind == "file" else {}
    make = ObservationsInFile if kind == "file" else Observations
    storage = make(20, shape=(3,), dtype=dtype, **options)
    written = numbers(dtype, 20, 3)
    storage.write(0, written[0])
    storage.write(np.arange(1, 20), written[1:])
    windows = np.array([[0, 1], [7, 8], [18, 19]])
    for read in (storage.gather(windows), storage.read(windows)):
        assert read.dtype == storage.dtype == dtype
        assert read.tobytes() == written[windows].tobytes()


@pytest.mark.parametrize("dtype", OF_DEVICES)
def test_what_is_kept_beside_the_network_is_the_same(dtype):
    storage = DeviceObservations(20, shape=(3,), dtype=dtype, device=torch.device("cpu"))
    written = numbers(dtype, 20, 3)
    for index in range(20):
        storage.write(index, written[index])
    gathered = np.array(storage.gather(np.array([[0, 1], [18, 19]])))
    assert gathered.tobytes() == written[[[0, 1], [18, 19]]].tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32", "bool", "int16"])
def test_a_checkpoint_brings_all_of_it_back(dtype, tmp_path):
    memories = [make_memory(Observations(16, shape=(3,), dtype=dtype)) for _ in range(2)]
    written = numbers(dtype, 25, 3)
    log = ReplayLog(tmp_path, memories[0].streams[0])
    for step in range(25):
        memories[0].streams[0].add(1, 0.5, written[step], False, False)
        log.on_step()
    log.flush()
    ReplayLog(tmp_path, memories[1].streams[0]).set_state(log.get_state())
    one, other = (memory.streams[0].read(9, 25)["observation"] for memory in memories)
    assert one.dtype == other.dtype == dtype
    assert one.tobytes() == other.tobytes() == written[9:].tobytes()
    assert memories[0].state_dtype == dtype
    assert memories[0].newest_states(4).tobytes() == (
        written[[[20, 21], [21, 22], [22, 23], [23, 24]]].tobytes()
    )


@pytest.mark.parametrize("dtype", [name for name in STATE_DTYPES if name != "uint8"])
def test_the_network_gets_all_but_bytes_as_they_are(dtype):
    values = np.array([[[0, 1, 1], [1, 0, 1]]]).astype(dtype)
    architecture = Architecture(2, (2, 3), (), state_dtype=dtype)
    x = create_input(architecture, torch.device("cpu"), torch.float32).convert(values)
    assert x.dtype == torch.float32
    assert x.tolist() == [[0, 1, 1, 1, 0, 1]]

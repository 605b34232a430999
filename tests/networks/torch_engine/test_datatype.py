"""--datatype auto is bfloat16 where that is worth its fewer digits."""

import logging
import random
import time

import numpy as np
import pytest
import torch

from dqn.errors import UserError
from dqn.networks import create
from dqn.networks.architecture import Architecture
from dqn.networks.settings import Compute, Optimization, Targets
from dqn.networks.torch_engine import datatype
from dqn.networks.torch_engine.network import TorchNetwork

SMALL = (
    Architecture(3, (1, 36, 36)),
    Optimization(batch_size=2),
    Targets(),
    Compute(backend="cpu", datatype="auto"),
)


class Clock:
    """A clock that runs while networks are trained, at a given time for each datatype."""

    def __init__(self, monkeypatch, **milliseconds):
        self.time = 0.0
        self.updates = []

        def train(network, minibatch):
            name = str(network._dtype).removeprefix("torch.")
            assert len(minibatch.states) == SMALL[1].batch_size
            ms = milliseconds[name]
            self.time += (ms if isinstance(ms, int | float) else next(ms)) / 1000
            self.updates.append(name)

        monkeypatch.setattr(TorchNetwork, "train", train)

    def __call__(self):
        return self.time


@pytest.mark.parametrize(
    ("bfloat16", "float32", "line"),
    [
        (6.125, 9.75, "bfloat16: an update takes 6.1 ms, in float32 9.8 ms"),
        (50, 60.01, "bfloat16: an update takes 50.0 ms, in float32 60.0 ms"),
        (50, 59.9, "float32: an update takes 59.9 ms, in bfloat16 50.0 ms"),
        (9.75, 6.125, "float32: an update takes 6.1 ms, in bfloat16 9.8 ms"),
    ],
)
def test_bfloat16_is_chosen_if_it_is_much_faster(monkeypatch, caplog, bfloat16, float32, line):
    caplog.set_level(logging.INFO)
    clock = Clock(monkeypatch, bfloat16=bfloat16, float32=float32)
    assert datatype.choose(*SMALL, now=clock) == line.partition(":")[0]
    assert caplog.messages == [f"Using --datatype {line}"]
    # They take turns, for about a second.
    measured = clock.updates[2 * datatype.WARM_UPS :]
    assert measured == ["float32", "bfloat16"] * (len(measured) // 2)
    assert 1 <= sum({"bfloat16": bfloat16, "float32": float32}[n] for n in measured) / 1000 < 1.2


def test_what_disturbs_some_updates_does_not_count(monkeypatch):
    slow = iter([5] * datatype.WARM_UPS + [500, 5, 5, 5, 400, 5] + [5] * 1000)
    clock = Clock(monkeypatch, bfloat16=slow, float32=10)
    assert datatype.choose(*SMALL, now=clock) == "bfloat16"


def test_slow_updates_are_measured_more_than_once(monkeypatch):
    clock = Clock(monkeypatch, bfloat16=4000, float32=9000)
    assert datatype.choose(*SMALL, now=clock) == "bfloat16"
    measured = clock.updates[2 * datatype.WARM_UPS :]
    assert len(measured) == 2 * datatype.LEAST_ROUNDS


def test_where_bfloat16_cannot_be_computed_it_is_float32(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    check = TorchNetwork._check_datatype

    def refuse(network, name, state_shape):
        if name == "bfloat16":
            raise UserError("cuda:0 cannot compute in bfloat16")
        check(network, name, state_shape)

    monkeypatch.setattr(TorchNetwork, "_check_datatype", refuse)
    assert datatype.choose(*SMALL) == "float32"
    assert caplog.messages == ["Using --datatype float32: bfloat16 cannot be computed here"]


def test_a_network_that_is_impossible_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no CUDA GPU"):
        datatype.choose(*SMALL[:3], Compute(backend="gpu", datatype="auto"))


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(3, (1, 36, 36), biases=True, batch_norm=True, dueling="avg"),
        Architecture(4, (2, 6), convolutions=(), dense_units=(8,)),
        Architecture(3, (2, 3, 36, 36), shared_convolutions=True),
    ],
)
def test_a_real_measurement_of_any_network_touches_no_random_generator(monkeypatch, architecture):
    monkeypatch.setattr(datatype, "SECONDS", 0)

    def states():
        numpys = [x.tolist() if hasattr(x, "tolist") else x for x in np.random.get_state()]
        return torch.get_rng_state().tolist(), numpys, random.getstate()

    before = states()
    start = time.perf_counter()
    assert datatype.choose(architecture, *SMALL[1:]) in ("float32", "bfloat16")
    assert time.perf_counter() - start < 30
    assert states() == before


def test_neon_computes_in_float32_and_is_not_measured():
    assert create.choose_datatype(*SMALL[:3], Compute(engine="neon", datatype="auto")) == "float32"

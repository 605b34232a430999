"""Networks of every engine with small settings, for the tests of what all of them promise."""

import golden
import numpy as np
import pytest
import torch

from dqn.errors import UserError
from dqn.networks.deepqnetwork import create_network
from dqn.networks.neon_compatibility import make_neon_importable

DEFAULTS = {
    "history_length": 4,
    "screen_height": 84,
    "screen_width": 84,
    "learning_rate": 0.00025,
    "discount_rate": 0.99,
    "batch_size": 32,
    "optimizer": "rmsprop",
    "decay_rate": 0.95,
    "clip_error": 1,
    "min_reward": -1,
    "max_reward": 1,
    "batch_norm": False,
    "has_target_network": True,
    "backend": "cpu",
    "device_id": 0,
    "datatype": "float32",
    "stochastic_round": 0,
}
SHAPE = (4, 52, 40)  # history, height and width of small states
SMALL = {"screen_height": 52, "screen_width": 40, "batch_size": 8}
OPTIMIZERS = ["rmsprop", "adam", "adadelta"]


def _reason_without_neon():
    try:
        make_neon_importable()
    except UserError as error:
        return str(error)
    return ""


needs_neon = pytest.mark.skipif(bool(_reason_without_neon()), reason=_reason_without_neon())
ENGINES = ["torch", pytest.param("neon", marks=needs_neon)]
BACKENDS = [("torch", "cpu"), pytest.param("neon", "cpu", marks=needs_neon)]
if torch.cuda.is_available():
    BACKENDS.append(("torch", "gpu"))


def make_network(engine="torch", num_actions=4, seed=0, **settings):
    generator = np.random.default_rng(seed)
    return create_network(engine, num_actions, generator=generator, **{**DEFAULTS, **settings})


def make_minibatch(seed):
    return golden.make_minibatch(seed, SMALL["batch_size"], 4, SHAPE)


def difference(ours, expected):
    return np.abs(ours - expected).max() / np.abs(expected).max()


def show(differences, *about):
    """Print what `pytest -s` shows: the figures of the README."""
    print(*about, *(f"{name}: {value:.0e}" for name, value in differences.items()))

"""Networks of every engine with small settings, for the tests of what all of them promise."""

import numpy as np
import pytest
import torch

from dqn.errors import UserError
from dqn.networks.neon_engine.compatibility import make_neon_importable
from helpers import golden

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


def make_minibatch(seed):
    return golden.make_minibatch(seed, SMALL["batch_size"], 4, SHAPE)


def difference(ours, expected):
    return np.abs(ours - expected).max() / np.abs(expected).max()


def show(differences, *about):
    """Print what `pytest -s` shows: the figures of the README."""
    print(*about, *(f"{name}: {value:.0e}" for name, value in differences.items()))

"""A small network of two convolutions, and states for it."""

import numpy as np
import pytest

from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.create import create_inspector
from dqn.networks.layers import initial_layers


@pytest.fixture(scope="session")
def architecture():
    return Architecture(3, (4, 36, 40), (Convolution(6, 8, 8, 4), Convolution(5, 4, 3, 2)), (7,))


@pytest.fixture(scope="session")
def layers(architecture):
    return initial_layers(architecture, np.random.default_rng(5))


@pytest.fixture(scope="session")
def inspector(architecture, layers):
    return create_inspector(architecture, layers)


@pytest.fixture(scope="session")
def states(architecture):
    """Forty states of noise."""
    shape = (40, *architecture.state_shape)
    return np.random.default_rng(6).integers(0, 256, shape, dtype=np.uint8)

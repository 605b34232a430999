"""Several updates of each optimizer beside its equation in NumPy; g is a sum over n transitions."""

import numpy as np
import pytest
import torch

from dqn.networks.settings import Optimization
from dqn.networks.torch_engine.optimizers import create_optimizer

SHAPES = ((3, 4), (5,), (2, 3, 2, 2))
N = 6  # no power of two
UPDATES = 5


def run(settings):
    """The weights after each update, and the gradients, by layer."""
    generator = np.random.default_rng(1)
    start = [generator.normal(size=shape) for shape in SHAPES]
    gradients = [[generator.normal(size=shape) * 3 for shape in SHAPES] for _ in range(UPDATES)]
    weights = [torch.from_numpy(array.copy()) for array in start]
    optimizer = create_optimizer(settings, weights)
    trace = []
    for of_update in gradients:
        optimizer.begin_update()
        optimizer.optimize([torch.from_numpy(g.copy()) for g in of_update], N)
        trace.append([w.numpy().copy() for w in weights])
    assert optimizer.num_updates == UPDATES
    return [
        (start[i], [of[i] for of in gradients], [of[i] for of in trace]) for i in range(len(SHAPES))
    ]


@pytest.mark.parametrize("decay", [0.95, 0, 1])
def test_rmsprop_of_graves_is_its_equations(decay):
    settings = Optimization("rmsprop_graves", learning_rate=0.01, decay_rate=decay)
    for w, gradients, trace in run(settings):
        s, m = np.zeros_like(w), np.zeros_like(w)
        for g, found in zip(gradients, trace, strict=True):
            s = decay * s + (1 - decay) * g**2
            m = decay * m + (1 - decay) * g
            w = w - 0.01 * g / np.sqrt(s - m**2 + 0.01)
            np.testing.assert_allclose(found, w, rtol=1e-10)


def test_rmsprop_is_neons():
    for w, gradients, trace in run(Optimization(learning_rate=0.01, decay_rate=0.9)):
        s = np.zeros_like(w)
        for g, found in zip(gradients, trace, strict=True):
            s = 0.9 * s + 0.1 * (g / N) ** 2
            w = w - 0.01 * (g / N) / (np.sqrt(s + 1e-6) + 1e-6)
            np.testing.assert_allclose(found, w, rtol=1e-12)


@pytest.mark.parametrize("epsilon", [1e-8, 1e-4, 0.1])
def test_adam_has_its_epsilon_beside_the_root(epsilon):
    settings = Optimization("adam", learning_rate=0.01, adam_epsilon=epsilon)
    for w, gradients, trace in run(settings):
        m, v = np.zeros_like(w), np.zeros_like(w)
        for t, (g, found) in enumerate(zip(gradients, trace, strict=True), start=1):
            m = 0.9 * m + 0.1 * g / N
            v = 0.999 * v + 0.001 * (g / N) ** 2
            step = 0.01 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            w = w - step * m / (np.sqrt(v) + epsilon)
            np.testing.assert_allclose(found, w, rtol=1e-12)


def test_an_unknown_optimizer_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="unknown optimizer sgd"):
        create_optimizer(Optimization("sgd"), [])

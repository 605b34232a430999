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


@pytest.mark.parametrize("name", ["rmsprop", "rmsprop_graves", "adam"])
def test_a_learning_rate_that_is_set_counts_from_the_next_update_on(name):
    first, second = torch.ones(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    of_first, of_second = (
        create_optimizer(Optimization(name, learning_rate=0.01), [w]) for w in (first, second)
    )
    before = 1.0
    for number, factor in enumerate((1, 1, 5, 0, 2)):
        of_second.learning_rate = 0.01 * factor
        steps = []
        for optimizer, w in ((of_first, first), (of_second, second)):
            start = w.clone()
            optimizer.begin_update()
            optimizer.optimize([torch.full((3,), 2.0 + number, dtype=torch.float64)], N)
            steps.append((w - start).numpy())
        np.testing.assert_allclose(steps[1], factor * steps[0], rtol=1e-9, atol=1e-15)
        assert (first.numpy() < before).all()
        before = first.numpy().max()


@pytest.mark.parametrize("name", ["rmsprop", "rmsprop_graves"])
def test_a_step_size_on_the_device_gives_the_same_weights(name):
    weights = [torch.ones(3, dtype=torch.float64) for _ in range(2)]
    optimizers = [create_optimizer(Optimization(name, learning_rate=0.01), [w]) for w in weights]
    optimizers[1]._step_size = torch.zeros((), dtype=torch.float64)  # as on a GPU
    for rate in (0.01, 0.02, 0.001):
        for optimizer in optimizers:
            optimizer.learning_rate = rate
            optimizer.begin_update()
            optimizer.optimize([torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)], N)
        np.testing.assert_allclose(weights[1].numpy(), weights[0].numpy(), rtol=1e-14)
    assert not np.allclose(weights[0].numpy(), 1)


def test_an_unknown_optimizer_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="unknown optimizer sgd"):
        create_optimizer(Optimization("sgd"), [])

"""What is learned: double Q-learning, weighted errors, soft targets, on a network by hand.

Q(s, ·) = W₂ max(0, W₁ s/255 + b₁) + b₂ of two observations of two numbers, in NumPy.
"""

import numpy as np
import pytest
import torch

from dqn.networks.architecture import Architecture
from dqn.networks.layers import Biases, Layer
from dqn.networks.settings import Compute, Optimization, Targets
from dqn.networks.torch_engine.network import TorchNetwork
from dqn.networks.torch_engine.targets import chosen_by_online, greatest
from dqn.replay.minibatch import Minibatch
from helpers.networks import cost_of_update

ARCHITECTURE = Architecture(3, (2, 2), (), (5,), biases=True)
N = 4
ACTIONS = np.array([0, 2, 1, 2], np.uint8)
RETURNS = np.array([0.3, -2.5, 0.1, 1])
DISCOUNTS = np.array([0.9, 0.9, 0, 0.81])
WEIGHTS = np.array([1, 0.25, 0.5, 0.125])


def make_network(targets, **optimization):
    network = TorchNetwork(
        ARCHITECTURE,
        Optimization(**{"optimizer": "adam", "batch_size": N, **optimization}),
        targets,
        Compute(backend="cpu", datatype="float64"),
        np.random.default_rng(0),
    )
    network.set_layers(random_layers(1))
    return network


def random_layers(seed):
    generator = np.random.default_rng(seed)
    return [
        Layer(
            generator.normal(size=shape),
            [],
            biases=Biases(generator.normal(size=(shape[0], 1)) / 4, []),
        )
        for shape in ((5, 4), (3, 5))
    ]


def make_minibatch(seed=3, weights=None):
    states, next_states = np.random.default_rng(seed).integers(0, 256, (2, N, 2, 2), np.uint8)
    return Minibatch(states, ACTIONS, RETURNS, next_states, DISCOUNTS, weights)


def forward(layers, states):
    """Hidden units (n, 5) and Q-values (n, 3)."""
    first, last = layers
    hidden = np.maximum(0, states.reshape(-1, 4) / 255 @ first.weights.T + first.biases.values.T)
    return hidden, hidden @ last.weights.T + last.biases.values.T


def gradients(layers, minibatch, deltas):
    """dW₁, db₁, dW₂, db₂, summed over the minibatch, for the errors δ (n,) of its actions."""
    hidden, q_values = forward(layers, minibatch.states)
    errors = np.zeros_like(q_values)
    errors[np.arange(N), minibatch.actions] = deltas
    below = (errors @ layers[1].weights) * (hidden > 0)
    x = minibatch.states.reshape(N, 4) / 255
    return below.T @ x, below.sum(0)[:, None], errors.T @ hidden, errors.sum(0)[:, None]


def learned_gradients(network):
    """The same, divided by n, as Adam's first means have it after the first update."""
    return [
        mean / 0.1
        for layer in network.get_layers()
        for mean in (layer.states[0], layer.biases.states[0])
    ]


def errors_of(online, target, minibatch, double_q):
    """δ = q − y of each transition."""
    next_online, next_target = (
        forward(layers, minibatch.next_states)[1] for layers in (online, target)
    )
    chosen = (next_online if double_q else next_target).argmax(1)
    y = minibatch.returns + minibatch.discounts * next_target[np.arange(N), chosen]
    return forward(online, minibatch.states)[1][np.arange(N), minibatch.actions] - y


def assert_all_close(found, expected):
    for array, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(array, other, rtol=1e-9, atol=1e-13)


def test_the_greatest_value_is_the_targets_and_the_chosen_one_is_the_online_networks_choice():
    online = torch.tensor([[1.0, 5, 2], [0, -1, -2]])
    target = torch.tensor([[7.0, 3, 9], [4, 8, -6]])
    arguments = (lambda states, inference: online), (lambda states, inference: target)
    assert greatest(arguments[1], torch.empty(0)).tolist() == [9, 8]
    assert chosen_by_online(*arguments, torch.empty(0)).tolist() == [3, 4]


@pytest.mark.parametrize("clip_error", [0, 1, 0.2])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("double_q", [False, True])
def test_an_update_follows_the_weighted_clipped_errors(double_q, weights, clip_error):
    network = make_network(Targets(clip_error=clip_error, double_q=double_q))
    target = random_layers(1)
    state = network.get_state()  # the target network stays while the online one changes
    online = random_layers(2)
    network.set_layers(online)
    state["online"] = network.get_state()["online"]
    network.set_state(state)
    minibatch = make_minibatch(weights=weights)
    deltas = errors_of(online, target, minibatch, double_q)
    if double_q:  # else the test would say nothing
        assert (deltas != errors_of(online, target, minibatch, False)).any()
    assert (np.abs(deltas) > 1).any()
    assert (np.abs(deltas) < 1).any()

    update = network.train(minibatch)
    w = np.ones(N) if weights is None else weights
    assert update.costs[0] == pytest.approx((w * deltas**2).sum() / 2 / N, rel=1e-12)
    if weights is None:
        assert update.errors is None
    else:
        np.testing.assert_allclose(update.errors, np.abs(deltas), rtol=1e-12)
        assert update.errors.shape == (N,)
    clipped = np.clip(deltas, -clip_error, clip_error) if clip_error else deltas
    expected = [g / N for g in gradients(online, minibatch, w * clipped)]
    assert_all_close(learned_gradients(network), expected)


def test_weights_of_one_change_nothing_but_that_errors_are_told():
    costs = []
    for weights in (None, np.ones(N)):
        network = make_network(Targets())
        costs.append([cost_of_update(network, make_minibatch(seed, weights)) for seed in range(3)])
    assert costs[0] == costs[1]


@pytest.mark.parametrize("max_norm", [1e-3, 0.1, 1e6])
def test_the_norm_of_the_mean_gradient_is_bounded(max_norm):
    network = make_network(Targets(), gradient_norm_clip=max_norm)
    layers, minibatch = random_layers(1), make_minibatch()
    deltas = np.clip(errors_of(layers, layers, minibatch, False), -1, 1)
    expected = [g / N for g in gradients(layers, minibatch, deltas)]
    norm = np.sqrt(sum((g**2).sum() for g in expected))
    network.train(minibatch)
    assert_all_close(learned_gradients(network), [g * min(1, max_norm / norm) for g in expected])


def next_cost(network, minibatch):
    """What an update costs, which is not made."""
    state = network.get_state()
    cost = cost_of_update(network, minibatch)
    network.set_state(state)
    return cost


@pytest.mark.parametrize("rate", [0, 0.01, 0.3, 1])
def test_the_target_network_moves_by_its_rate(rate):
    network = make_network(Targets(update_rate=rate, clip_error=0), learning_rate=0.05)
    minibatch = make_minibatch()
    target = random_layers(1)
    for _ in range(3):
        network.train(minibatch)
        network.update_target_network()
        online = network.get_layers()
        for mine, theirs in zip(target, online, strict=True):
            mine.weights += rate * (theirs.weights - mine.weights)
            mine.biases.values += rate * (theirs.biases.values - mine.biases.values)
        deltas = errors_of(online, target, minibatch, False)
        assert next_cost(network, minibatch) == pytest.approx((deltas**2).sum() / 2 / N, rel=1e-10)


def test_layers_of_a_snapshot_are_the_target_at_once_whatever_the_rate():
    network = make_network(Targets(update_rate=0.01, clip_error=0))
    layers, minibatch = random_layers(8), make_minibatch()
    network.set_layers(layers)
    deltas = errors_of(layers, layers, minibatch, False)
    assert cost_of_update(network, minibatch) == pytest.approx((deltas**2).sum() / 2 / N, rel=1e-12)

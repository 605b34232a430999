"""Every architecture computes what its formulas say, and its gradients are those of its cost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.settings import Compute, Optimization, Targets
from dqn.networks.torch_engine.network import TorchNetwork
from dqn.replay.minibatch import Minibatch
from helpers import reference

FLOAT64 = Compute(backend="cpu", datatype="float64")
SCREENS, COLOURS, VECTORS = (3, 9, 11), (2, 3, 9, 11), (2, 7)
CONVOLUTIONS = (Convolution(4, 3, 2, 2), Convolution(3, 2, 3, 1))


def make_network(architecture, optimization=Optimization(), targets=Targets(), compute=FLOAT64):  # noqa: B008
    return TorchNetwork(architecture, optimization, targets, compute, np.random.default_rng(0))


@st.composite
def architectures(draw):
    history = draw(st.integers(1, 3))
    kind = draw(st.sampled_from(["screens", "colours", "vectors"]))
    height, width = draw(st.integers(4, 13)), draw(st.integers(4, 13))
    observation = {"screens": (height, width), "colours": (3, height, width), "vectors": (width,)}
    convolutions = []
    for _ in range(0 if kind == "vectors" else draw(st.integers(0, 3))):
        size = draw(st.integers(1, min(height, 4))), draw(st.integers(1, min(width, 4)))
        convolutions.append(Convolution(draw(st.integers(1, 4)), *size, draw(st.integers(1, 3))))
        height = (height - size[0]) // convolutions[-1].stride + 1
        width = (width - size[1]) // convolutions[-1].stride + 1
    units = draw(st.lists(st.integers(1, 6), max_size=3))
    return Architecture(
        draw(st.integers(1, 5)),
        (history, *observation[kind]),
        tuple(convolutions),
        tuple(units),
        activation=draw(st.sampled_from(["relu", "elu"])),
        biases=draw(st.booleans()),
        batch_norm=draw(st.booleans()) and bool(convolutions or units),
        shared_convolutions=draw(st.booleans()) and bool(convolutions),
        dueling=draw(st.sampled_from(["false", "avg", "max", "naive"])),
        dueling_streams=draw(st.booleans()),
    )


@settings(max_examples=150, deadline=None)
@given(architectures(), st.integers(1, 4), st.integers(0, 2**32))
def test_any_architecture_predicts_what_its_formulas_say(architecture, n, seed):
    network = make_network(architecture)
    layers = reference.random_layers(architecture, seed)
    network.set_layers(layers)
    states = reference.random_states(architecture, n, seed)
    expected = reference.q_values(architecture, layers, states)
    np.testing.assert_allclose(network.predict(states), expected, rtol=1e-10, atol=1e-12)


VARIANTS = {
    "screens": Architecture(3, SCREENS, CONVOLUTIONS, (12,)),
    "biases": Architecture(3, SCREENS, CONVOLUTIONS, (5,), biases=True),
    "elu": Architecture(3, SCREENS, CONVOLUTIONS, (5, 4), activation="elu", biases=True),
    "colours": Architecture(3, COLOURS, CONVOLUTIONS, (5,), biases=True),
    "shared": Architecture(3, COLOURS, CONVOLUTIONS, (5,), biases=True, shared_convolutions=True),
    "dense": Architecture(3, VECTORS, (), (6, 5), biases=True),
    "screens without convolutions": Architecture(3, SCREENS, (), (4,)),
    "one convolution alone": Architecture(3, SCREENS, CONVOLUTIONS[:1], (), biases=True),
    "avg": Architecture(3, VECTORS, (), (6, 4), biases=True, dueling="avg"),
    "max": Architecture(3, SCREENS, CONVOLUTIONS, (4,), biases=True, dueling="max"),
    "naive": Architecture(3, VECTORS, (), (12,), dueling="naive"),
    "one stream": Architecture(3, VECTORS, (), (12,), dueling="avg", dueling_streams=False),
    "no hidden layer": Architecture(3, VECTORS, (), (), biases=True, dueling="avg"),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_gradient_is_the_slope_of_the_cost(name):
    """By central differences of ½Σ(q−y)², y fixed; Adam's first mean is 0.1 of the gradient."""
    architecture, n = VARIANTS[name], 3
    network = make_network(architecture, Optimization(optimizer="adam"), Targets(clip_error=0))
    layers = reference.random_layers(architecture, 5)
    network.set_layers(layers)
    states, actions = reference.random_states(architecture, n, 6), np.array([2, 0, 1], np.uint8)
    returns = np.array([0.5, -2, 1])
    network.train(Minibatch(states, actions, returns, states, np.zeros(n)))

    def cost():
        q = reference.q_values(architecture, layers, states)[np.arange(n), actions]
        return ((q - returns) ** 2).sum() / 2 / n

    checked = 0
    generator = np.random.default_rng(7)
    for layer, trained in zip(layers, network.get_layers(), strict=True):
        tensors = [(layer.weights, trained.states[0])]
        if layer.biases:
            tensors.append((layer.biases.values, trained.biases.states[0]))
        for array, mean in tensors:
            for index in generator.choice(array.size, min(array.size, 12), replace=False):
                value, step = array.flat[index], 1e-5
                array.flat[index] = value + step
                above = cost()
                array.flat[index] = value - step
                slope = (above - cost()) / (2 * step)
                array.flat[index] = value
                assert mean.flat[index] / 0.1 == pytest.approx(slope, rel=1e-5, abs=1e-8)
                checked += slope != 0
    assert checked > 10


OPTIMIZERS, DATATYPES = ["rmsprop", "rmsprop_graves", "adam", "adadelta"], ["float64", "bfloat16"]


@pytest.mark.parametrize(
    ("optimizer", "datatype"),
    [
        *[(optimizer, "float32") for optimizer in OPTIMIZERS],
        *[("rmsprop", datatype) for datatype in DATATYPES],
        *[
            pytest.param(optimizer, datatype, marks=pytest.mark.slow)
            for optimizer in OPTIMIZERS[1:]
            for datatype in DATATYPES
        ],
    ],
)
@pytest.mark.parametrize("name", [*VARIANTS, "batch_norm"])
def test_a_variant_goes_on_from_its_state_and_its_layers_to_the_last_bit(name, optimizer, datatype):
    batch_norm = Architecture(3, SCREENS, CONVOLUTIONS, (5,), biases=True, batch_norm=True)
    architecture = VARIANTS.get(name, batch_norm)
    optimization = Optimization(optimizer=optimizer, gradient_norm_clip=0.1)
    targets = Targets(double_q=True, update_rate=0.3)
    compute = Compute(backend="cpu", datatype=datatype)
    one, other, third = (
        make_network(architecture, optimization, targets, compute) for _ in range(3)
    )
    other.set_layers(reference.random_layers(architecture, 8))
    third.set_layers(reference.random_layers(architecture, 9))
    for seed in range(3):
        one.train(minibatch(architecture, seed))
    one.update_target_network()
    one.train(minibatch(architecture, 3))
    other.set_state(one.get_state())
    for seed in (4, 5):
        assert one.train(minibatch(architecture, seed)) == other.train(
            minibatch(architecture, seed)
        )
        one.update_target_network()
        other.update_target_network()
    states = reference.random_states(architecture, 5, 6)
    np.testing.assert_array_equal(one.predict(states), other.predict(states))

    third.set_layers(one.get_layers())
    np.testing.assert_array_equal(one.predict(states), third.predict(states))
    for mine, theirs in zip(one.get_layers(), third.get_layers(), strict=True):
        for array, copy in zip(mine.arrays(), theirs.arrays(), strict=True):
            np.testing.assert_array_equal(array, copy)
    one.set_layers(one.get_layers())  # Adam's count of updates begins anew
    assert one.train(minibatch(architecture, 7)) == third.train(minibatch(architecture, 7))


@pytest.mark.parametrize("datatype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["elu", "shared", "max"])
def test_an_acting_copy_stays_while_a_variant_learns(name, datatype):
    architecture = VARIANTS[name]
    network = make_network(architecture, compute=Compute(backend="cpu", datatype=datatype))
    states = reference.random_states(architecture, 4, 0)
    network.acting_copy(in_use=True)
    before = network.predict(states)
    for seed in range(2):
        network.train(minibatch(architecture, seed))
    np.testing.assert_array_equal(network.predict(states), before)
    learned = network.predict_learned(states)
    assert (learned != before).any()
    restored = make_network(architecture, compute=Compute(backend="cpu", datatype=datatype))
    restored.set_state(network.get_state())
    np.testing.assert_array_equal(restored.predict(states), before)
    np.testing.assert_array_equal(restored.predict_learned(states), learned)
    network.acting_copy(in_use=True)
    np.testing.assert_array_equal(network.predict(states), learned)
    network.acting_copy(in_use=False)
    np.testing.assert_array_equal(network.predict(states), learned)


def minibatch(architecture, seed, n=4):
    generator = np.random.default_rng(100 + seed)
    return Minibatch(
        reference.random_states(architecture, n, seed),
        generator.integers(0, architecture.num_actions, n).astype(np.uint8),
        generator.normal(size=n),
        reference.random_states(architecture, n, 50 + seed),
        np.full(n, 0.9),
    )

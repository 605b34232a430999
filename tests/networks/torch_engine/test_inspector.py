"""Looking into a network: against Captum, against PyTorch's own modules and hooks, and by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from dqn.errors import UserError
from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.create import create_inspector
from dqn.networks.inspector import Unit
from dqn.networks.layers import initial_layers
from helpers.modules import as_module
from helpers.networks import make_network
from helpers.snapshots import VARIANT, make_snapshot_of

SMALL = Architecture(3, (4, 36, 40), (Convolution(6, 8, 8, 4), Convolution(5, 4, 3, 2)), (7,))
KINDS = {
    "default": SMALL,
    "biases": replace(SMALL, biases=True),
    "batch_norm": replace(SMALL, batch_norm=True),
    "elu": replace(SMALL, activation="elu", biases=True),
    "colours": replace(SMALL, state_shape=(2, 3, 36, 40)),
}


def make_states(architecture, n=3, seed=1):
    shape = (n, *architecture.state_shape)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def make_layers(architecture):
    layers = make_snapshot_of(architecture).layers
    for layer in layers:
        layer.weights *= 0.1
        if layer.batch_norm:
            layer.batch_norm.gvar = np.abs(layer.batch_norm.gvar)
    return layers


@pytest.fixture(params=KINDS, ids=str)
def looked_at(request):
    """An architecture, its layers, and an inspector of both."""
    architecture = KINDS[request.param]
    layers = make_layers(architecture)
    return architecture, layers, create_inspector(architecture, layers)


def as_input(architecture, states):
    images = states.reshape(-1, architecture.input_channels, *states.shape[-2:])
    return torch.tensor(images).float() / 255


def strongest(responses, layer, number):
    of_filter = responses[layer][0, :, number]
    return Unit(layer, number, *map(int, np.unravel_index(of_filter.argmax(), of_filter.shape)))


@pytest.mark.parametrize("dueling", ["false", "avg"])
def test_it_predicts_what_the_network_predicts(dueling):
    network = make_network(state_shape=(4, 36, 36), dueling=dueling)
    architecture = Architecture(4, (4, 36, 36), dueling=dueling)
    states = make_states(architecture)
    inspector = create_inspector(architecture, network.get_layers())
    np.testing.assert_allclose(inspector.predict(states), network.predict(states), rtol=1e-5)


def test_responses_are_those_of_pytorchs_own_modules(looked_at):
    architecture, layers, inspector = looked_at
    states = make_states(architecture)
    for layer, responses in enumerate(inspector.responses(states)):
        with torch.no_grad():
            expected = as_module(architecture, layers, layer)(as_input(architecture, states))
        assert responses.shape == (len(states), 1, *expected.shape[1:])
        np.testing.assert_allclose(responses[:, 0], expected.numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["default", "biases", "batch_norm", "colours"])
def test_guided_backpropagation_is_captums(kind):
    attr = pytest.importorskip("captum.attr", reason="Captum is not installed")
    architecture = KINDS[kind]
    layers = make_layers(architecture)
    inspector = create_inspector(architecture, layers)
    states = make_states(architecture, n=1)
    responses = inspector.responses(states)
    for layer in range(2):
        guided = attr.GuidedBackprop(as_module(architecture, layers, layer))
        for number in range(architecture.convolutions[layer].filters):
            unit = strongest(responses, layer, number)
            x = as_input(architecture, states).requires_grad_()
            with pytest.warns(UserWarning, match="hooks"):
                expected = guided.attribute(x, target=(number, unit.row, unit.column))
            ours = inspector.guided_backpropagation(states[0], unit)
            assert ours.shape == architecture.state_shape
            expected = expected.detach().numpy().reshape(architecture.state_shape)
            np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6)
            assert ours.any()


def test_the_guided_gradient_of_a_value_is_captums():
    attr = pytest.importorskip("captum.attr", reason="Captum is not installed")
    layers = make_layers(SMALL)
    inspector = create_inspector(SMALL, layers)
    states = make_states(SMALL, n=2)
    x = as_input(SMALL, states).requires_grad_()
    guided = attr.GuidedBackprop(as_module(SMALL, layers))
    with pytest.warns(UserWarning, match="hooks"):
        expected = guided.attribute(x, target=[2, 0]).detach().numpy()
    ours = inspector.guided_gradient(states, np.array([2, 0]))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(ours / scale, expected / scale, atol=1e-6)


def test_guided_backpropagation_is_that_of_hooks(looked_at):
    architecture, layers, inspector = looked_at
    states = make_states(architecture, n=1)
    unit = strongest(inspector.responses(states), 1, 2)
    module = as_module(architecture, layers, 1)
    inputs = {}

    def note(activation, given, _):
        inputs[activation] = given[0]

    def guide(activation, _, gradients):
        return (gradients[0].clamp(min=0) * (inputs[activation] > 0),)

    for part in module:
        if isinstance(part, nn.ReLU | nn.ELU):
            part.register_forward_hook(note)
            part.register_full_backward_hook(guide)
    x = as_input(architecture, states).requires_grad_()
    module(x)[0, unit.filter, unit.row, unit.column].backward()
    ours = inspector.guided_backpropagation(states[0], unit)
    expected = x.grad.numpy().reshape(architecture.state_shape)
    # A hook sees the gradient after the function's own slope, which an ELU has below 0 alone.
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_guided_backpropagation_by_hand():
    """Two rectifiers see a pixel x = 0.4 as 2x, −x and 1 − x; the unit is the sum 3a − b − c.

    a = 0.8 is active and wanted: 3 · 2. b = 0 is not active. c = 0.6 is active, but not wanted.
    """
    architecture = Architecture(
        2, (1, 1, 1), (Convolution(3, 1, 1, 1), Convolution(1, 1, 1, 1)), (), biases=True
    )
    layers = initial_layers(architecture, np.random.default_rng(1))
    layers[0].weights[:] = [[2, -1, -1]]
    layers[0].biases.values[:] = [[0], [0], [1]]
    layers[1].weights[:] = [[3], [-1], [-1]]
    inspector = create_inspector(architecture, layers)
    gradient = inspector.guided_backpropagation(
        np.full((1, 1, 1), 102, np.uint8), Unit(1, 0, 0, 0, 0)
    )
    assert gradient.item() == 6


def test_gradient_is_the_slope_of_the_actions_value(looked_at):
    architecture, layers, inspector = looked_at
    states = make_states(architecture)
    actions = np.array([2, 0, 1])
    x = as_input(architecture, states).requires_grad_()
    q_values = as_module(architecture, layers)(x)
    q_values[range(3), actions.tolist()].sum().backward()
    expected = x.grad.numpy().reshape(states.shape)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(
        inspector.gradient(states, actions) / scale, expected / scale, atol=1e-5
    )


def test_shared_convolutions_carry_back_to_the_screen_that_they_saw():
    layers = make_layers(VARIANT)
    inspector = create_inspector(VARIANT, layers)
    states = make_states(VARIANT, n=1)
    responses = inspector.responses(states)
    assert [r.shape for r in responses] == [(1, 2, 4, 5, 4), (1, 2, 3, 4, 3)]
    gradient = inspector.guided_backpropagation(states[0], Unit(1, 0, 1, 2, 2))
    assert not gradient[0].any()
    assert gradient[1].any()
    assert inspector.gradient(states, np.array([0])).shape == (1, *VARIANT.state_shape)


def test_a_network_of_numbers_has_no_responses_but_a_gradient():
    architecture = Architecture(3, (2, 8), (), (5,))
    layers = make_layers(architecture)
    inspector = create_inspector(architecture, layers)
    states = make_states(architecture)
    assert inspector.responses(states) == []
    gradient = inspector.gradient(states, np.array([0, 1, 2]))
    hidden = states.reshape(3, 16) / 255 @ layers[0].weights.T > 0
    expected = [(layers[1].weights[n] * hidden[n]) @ layers[0].weights for n in range(3)]
    np.testing.assert_allclose(gradient.reshape(3, 16), expected, rtol=1e-4, atol=1e-6)


def test_looking_changes_nothing(looked_at):
    architecture, _, inspector = looked_at
    states = make_states(architecture)
    before = inspector.predict(states)
    inspector.guided_backpropagation(states[0], Unit(0, 0, 0, 1, 1))
    inspector.gradient(states, np.array([0, 0, 0]))
    inspector.responses(states)
    np.testing.assert_array_equal(inspector.predict(states), before)


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="shapes"):
        create_inspector(replace(SMALL, num_actions=4), make_layers(SMALL))


def test_layers_before_any_training_normalise_nothing():
    architecture = KINDS["batch_norm"]
    drawn = initial_layers(architecture, np.random.default_rng(3))
    plain = initial_layers(SMALL, np.random.default_rng(3))
    states = make_states(architecture)
    np.testing.assert_allclose(
        create_inspector(architecture, drawn).predict(states),
        create_inspector(SMALL, plain).predict(states),
        rtol=0.01,  # Neon's ε of 0.001 below the root, in two layers
        atol=1e-3,
    )

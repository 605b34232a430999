"""Which state and place activate a filter most, and what is shown of it."""

import numpy as np
import pytest

from dqn.networks.create import create_inspector
from dqn.networks.layers import initial_layers
from dqn.visualization.filters import FilterWatch, look_at_filter


@pytest.fixture(scope="module")
def strongest(inspector, states):
    watch = FilterWatch(inspector)
    for first in (0, 7, 32):  # in batches of any length
        last = {0: 7, 7: 32, 32: 40}[first]
        watch.add(states[first:last], first)
    return watch.strongest()


def test_each_filters_greatest_response_is_found_by_looking_at_each_state_alone(
    strongest, inspector, states
):
    for step, state in enumerate(states):
        for layer, responses in enumerate(inspector.responses(state[np.newaxis])):
            for number in range(responses.shape[2]):
                found = strongest[layer][number]
                greatest = responses[0, :, number].max()
                assert greatest <= found.response + 1e-5
                if step == found.step:
                    place = (found.unit.image, number, found.unit.row, found.unit.column)
                    assert responses[0][place] == pytest.approx(found.response, abs=1e-5)
                    np.testing.assert_array_equal(found.state, state)
    assert [len(layer) for layer in strongest] == [6, 5]


def test_of_equal_responses_the_first_is_kept(inspector, states):
    watch = FilterWatch(inspector)
    for step in range(3):
        watch.add(states[:1], step)
    assert {found.step for layer in watch.strongest() for found in layer} == {0}


def test_a_filter_that_never_fires_is_dead(architecture, states):
    layers = initial_layers(architecture, np.random.default_rng(5))
    layers[0].weights[:, 2] = -np.abs(layers[0].weights[:, 2])
    inspector = create_inspector(architecture, layers)
    watch = FilterWatch(inspector)
    watch.add(states, 0)
    dead = [found.unit.filter for found in watch.strongest()[0] if found.is_dead]
    fires = (inspector.responses(states)[0] > 0).any((0, 1, 3, 4))
    assert dead == np.flatnonzero(~fires).tolist()
    assert 2 in dead
    assert len(dead) < 6


def test_nothing_outside_its_field_is_shown_of_a_filter(strongest, inspector, layers):
    for found in (found for layer in strongest for found in layer if not found.is_dead):
        view = look_at_filter(found, inspector, layers[0].weights)
        inside = np.zeros(view.gradient.shape, bool)
        inside[:, view.field.rows, view.field.columns] = True
        assert not view.gradient[~inside].any()
        assert view.gradient[inside].any()
        assert view.of_random is None


def test_the_first_layers_weights_are_those_that_its_response_is_made_of(
    strongest, inspector, layers
):
    found = strongest[0][1]
    view = look_at_filter(found, inspector, layers[0].weights)
    patch = found.state[:, view.field.rows, view.field.columns] / 255
    assert (view.weights * patch).sum() == pytest.approx(found.response, rel=1e-4)
    # The gradient of a weighted sum is its weights.
    shown = view.gradient[:, view.field.rows, view.field.columns]
    np.testing.assert_allclose(shown, view.weights, rtol=1e-5)
    assert look_at_filter(strongest[1][1], inspector, layers[0].weights).weights is None


def test_a_random_network_is_looked_at_in_the_same_place(
    strongest, architecture, inspector, layers
):
    other_layers = initial_layers(architecture, np.random.default_rng(9))
    other = create_inspector(architecture, other_layers)
    view = look_at_filter(strongest[0][1], inspector, layers[0].weights, other)
    expected = other_layers[0].weights[:, 1].reshape(4, 8, 8)
    shown = view.of_random[:, view.field.rows, view.field.columns]
    np.testing.assert_allclose(shown, expected, rtol=1e-5)

"""Which numbers matter to a network that sees numbers."""

import numpy as np
import pytest

from dqn.networks.architecture import Architecture
from dqn.networks.create import create_inspector
from dqn.networks.layers import initial_layers
from dqn.visualization.inputs import look_at_inputs
from dqn.visualization.moments import MOST_KEPT, Moment, MomentKeeper, choose

NUMBERS = 6


def make_moments(states, q_values=None, action=1):
    """A moment for each state, in its order."""
    values = [np.zeros(3)] * len(states) if q_values is None else q_values
    pairs = zip(states, values, strict=True)
    return [Moment(step, s, None, q, action) for step, (s, q) in enumerate(pairs)]


def linear_network(weights):
    """Q(s, 1) is the weighted sum of the newest numbers, divided by 255; two of each."""
    architecture = Architecture(3, (2, NUMBERS), (), ())
    layers = initial_layers(architecture, np.random.default_rng(1))
    layers[0].weights[:] = 0
    layers[0].weights[1, NUMBERS:] = weights
    return create_inspector(architecture, layers)


def test_a_number_matters_as_its_weight_and_as_it_varies():
    weights = np.array([3.0, -3.0, 1.0, 0.0, 3.0, 3.0])
    states = np.random.default_rng(1).integers(0, 256, (40, 2, NUMBERS), dtype=np.uint8)
    states[:, :, 4] = 77  # never varies
    states[:, :, 5] = 100 + states[:, :, 5] // 64  # hardly does
    view = look_at_inputs(make_moments(states), linear_network(weights))
    mean = np.rint(states.mean((0, 1)))
    expected = np.abs(weights * (states[:, 1] - mean) / 255).mean(0)
    np.testing.assert_allclose(view.occlusion, expected, atol=1e-5)
    deviations = states.reshape(-1, NUMBERS).std(0) / 255
    np.testing.assert_allclose(view.gradient, np.abs(weights) * deviations, rtol=1e-4, atol=1e-7)
    assert set(view.order[:2]) == {0, 1}
    assert view.occlusion[3] == view.occlusion[4] == 0


def test_of_the_values_only_that_of_the_chosen_action_counts():
    states = np.random.default_rng(1).integers(0, 256, (9, 2, NUMBERS), dtype=np.uint8)
    view = look_at_inputs(make_moments(states, action=2), linear_network(np.ones(NUMBERS)))
    assert not view.occlusion.any()
    assert not view.gradient.any()


@pytest.mark.parametrize("steps", [1, 5, 63, 64, 65, 1000, 4097])
def test_moments_are_kept_evenly_over_a_game_of_any_length(steps):
    keeper = MomentKeeper()
    for step in range(steps):
        if keeper.is_due(step):
            keeper.add(Moment(step, np.zeros(1), None, np.zeros(3), 0))
    kept = [moment.step for moment in keeper.moments]
    assert kept[0] == 0
    assert len(kept) < MOST_KEPT
    assert len(kept) >= min(steps, MOST_KEPT // 2) - 1
    assert len(set(np.diff(kept))) <= 1


def test_of_each_part_of_a_game_the_moment_is_chosen_in_which_the_choice_mattered_most():
    q_values = np.zeros((40, 3))
    for step, size in ((3, 1.0), (15, 2.0), (16, 1.0), (29, 0.5), (39, 5.0)):
        q_values[step, 1] = size
    moments = make_moments(np.zeros((40, 2, NUMBERS), np.uint8), q_values)
    assert [moment.step for moment in choose(moments, 4)] == [3, 15, 29, 39]
    assert [moment.step for moment in choose(moments[:2], 4)] == [0, 1]

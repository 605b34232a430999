"""Saliency against a loop that occludes one place at a time, and against slopes measured."""

import numpy as np
import pytest

from dqn.errors import UserError
from dqn.networks.architecture import Architecture
from dqn.networks.create import create_inspector
from dqn.networks.layers import initial_layers
from dqn.visualization import saliency
from dqn.visualization.saliency import GRADIENT, OCCLUSION, create_saliency


def blur(screen):
    """A Gaussian of 3 pixels by its definition; the screen is mirrored at its edges."""
    offsets = np.arange(-12, 13)
    kernel = np.exp(-(offsets**2) / 18)
    kernel /= kernel.sum()
    padded = np.pad(screen.astype(float), 12, mode="reflect")
    rows = sum(
        k * padded[12 + o : 12 + o + len(screen)] for k, o in zip(kernel, offsets, strict=True)
    )
    width = screen.shape[1]
    return sum(k * rows[:, 12 + o : 12 + o + width] for k, o in zip(kernel, offsets, strict=True))


def occluded(state, row, column):
    """The state with the place around a pixel blurred: one mask, one screen at a time."""
    result = np.empty_like(state)
    for number, screen in enumerate(state):
        behind = blur(screen)
        for i in range(screen.shape[0]):
            for j in range(screen.shape[1]):
                mask = np.exp(-((i - row) ** 2 + (j - column) ** 2) / 50)
                result[number, i, j] = np.rint(screen[i, j] * (1 - mask) + behind[i, j] * mask)
    return result


def test_occlusion_is_a_loop_that_occludes_one_mask_at_a_time(inspector, states):
    state, action = states[0], 1
    found = create_saliency(OCCLUSION, inspector)(state, action)
    assert found.shape == (36, 40)
    assert found.dtype == np.float32
    assert found.min() >= 0
    value = inspector.predict(state[np.newaxis])[0, action]
    for row, column in [(2, 2), (2, 37), (17, 17), (32, 22)]:  # four of the 7 × 8 masks
        other = inspector.predict(occluded(state, row, column)[np.newaxis])[0, action]
        expected = 0.5 * (value - other) ** 2
        assert found[row, column] == pytest.approx(
            expected, rel=0.05, abs=0.001 * float(found.max())
        )


def test_there_is_a_mask_every_five_pixels():
    assert saliency.mask_centres(84) == [*range(4, 84, 5)]
    assert saliency.mask_centres(36) == [2, 7, 12, 17, 22, 27, 32]
    assert saliency.mask_centres(3) == [1]


def test_between_masks_saliency_is_interpolated_linearly():
    between = saliency.interpolation([2, 7], 10)
    np.testing.assert_allclose(between @ [10, 20], [10, 10, 10, 12, 14, 16, 18, 20, 20, 20])


def test_what_the_network_does_not_look_at_is_not_salient(architecture):
    layers = initial_layers(architecture, np.random.default_rng(5))
    layers[2].weights.reshape(7, 5, -1, 4)[..., 2:] = 0  # the right half of what is convolved
    inspector = create_inspector(architecture, layers)
    state = np.random.default_rng(1).integers(0, 256, architecture.state_shape, dtype=np.uint8)
    for method in (OCCLUSION, GRADIENT):
        found = create_saliency(method, inspector)(state, 0)
        assert found[:, :20].max() > 20 * found[:, 36:].max()


def test_where_blurring_changes_nothing_nothing_is_salient(inspector, architecture):
    state = np.full(architecture.state_shape, 77, np.uint8)
    assert not create_saliency(OCCLUSION, inspector)(state, 0).any()


def test_the_gradient_is_the_slope_that_is_measured(inspector, states):
    state, action = states[3], 2
    gradient = inspector.gradient(state[np.newaxis], np.array([action]))[0]
    # A step of one level is the least that a state can make; rectifiers bend over longer ones.
    for pixel in [(0, 10, 10), (3, 20, 31), (1, 30, 5)]:
        above, below = state.copy(), state.copy()
        above[pixel] = min(int(state[pixel]) + 1, 255)
        below[pixel] = max(int(state[pixel]) - 1, 0)
        step = (int(above[pixel]) - int(below[pixel])) / 255
        high, low = inspector.predict(np.stack([above, below]))[:, action]
        slope, size = (high - low) / step, float(np.abs(gradient).max())
        assert slope == pytest.approx(float(gradient[pixel]), abs=0.02 * size)
    found = create_saliency(GRADIENT, inspector)(state, action)
    assert found.shape == (36, 40)
    assert found.max() <= np.abs(gradient).max()


def test_saliency_is_of_the_action_that_was_chosen(inspector, states):
    for method in (OCCLUSION, GRADIENT):
        look = create_saliency(method, inspector)
        assert not np.allclose(look(states[0], 0), look(states[0], 1), rtol=0.1)


def test_coloured_screens_are_occluded_in_all_their_colours():
    architecture = Architecture(2, (2, 3, 36, 36))
    inspector = create_inspector(
        architecture, initial_layers(architecture, np.random.default_rng(1))
    )
    state = np.random.default_rng(1).integers(0, 256, architecture.state_shape, dtype=np.uint8)
    for method in (OCCLUSION, GRADIENT):
        found = create_saliency(method, inspector)(state, 0)
        assert found.shape == (36, 36)
        assert found.any()


def test_a_network_that_sees_numbers_has_none():
    architecture = Architecture(2, (4, 128), (), (5,))
    inspector = create_inspector(
        architecture, initial_layers(architecture, np.random.default_rng(1))
    )
    with pytest.raises(UserError, match=r"nvis\.sh"):
        create_saliency(OCCLUSION, inspector)

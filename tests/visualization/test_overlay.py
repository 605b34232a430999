"""The coloured layer over a game's picture."""

import numpy as np
import pytest

from dqn.networks.inspector import NetworkInspector
from dqn.visualization.overlay import Highlighter, coloured_layer, laid_over

ACTIONS = ["no-op", "fire", "right"]


class Fixed(NetworkInspector):
    """A network whose Q-values are 1, 2 and 3."""

    def predict(self, states):
        return np.tile(np.array([1, 2, 3], np.float32), (len(states), 1))

    responses = guided_backpropagation = guided_gradient = gradient = None


def highlighter(*maps, strength=1.0):
    """One that finds these maps, one a look."""
    found = iter(maps)
    return Highlighter(lambda state, action: next(found), Fixed(), ACTIONS, strength)


def spot(height=0.0, row=2, column=7):
    """A map that is `height` at one place of 10 × 10."""
    result = np.zeros((10, 10), np.float32)
    result[row, column] = height
    return result


STATE = np.zeros((4, 10, 10), np.uint8)
GRAY = np.full((210, 160, 3), 100, np.uint8)


def test_the_picture_glows_where_the_value_depends_on_it():
    lens = highlighter(spot(5.0))
    lens.look(STATE, 1)
    painted = lens.paint(GRAY).astype(int)
    place = painted[2 * 21 + 10, 7 * 16 + 8]
    assert place.sum() > GRAY[0, 0].sum() + 150  # bright there
    assert np.ptp(place) > 40  # and coloured
    far = painted[-10:, :40]
    assert (far < 70).all()  # dimmed elsewhere
    assert (np.ptp(far, axis=2) == 0).all()  # but in its own colour


def test_without_strength_the_picture_is_as_it_was():
    picture = np.random.default_rng(1).integers(0, 256, (210, 160, 3), dtype=np.uint8)
    lens = highlighter(spot(1.0), strength=0.0)
    lens.look(STATE, 0)
    np.testing.assert_array_equal(lens.paint(picture), picture)


def test_strength_changes_at_once_and_stays_in_its_range():
    lens = highlighter(spot(1.0), strength=0.5)
    lens.look(STATE, 0)
    weak = lens.paint(GRAY)
    lens.strength += 0.3
    assert np.abs(lens.paint(GRAY).astype(int) - 100).sum() > np.abs(weak.astype(int) - 100).sum()
    lens.strength = 7
    assert lens.strength == 1


def test_before_the_first_look_and_between_games_nothing_is_painted():
    lens = highlighter(spot(1.0))
    assert lens.paint(GRAY) is GRAY
    lens.look(STATE, 0)
    assert lens.paint(GRAY) is not GRAY
    lens.forget()
    assert lens.paint(GRAY) is GRAY


def test_a_step_in_which_little_matters_looks_so():
    bright = highlighter(spot(1.0))
    bright.look(STATE, 0)
    faint = highlighter(spot(1.0), spot(0.05))
    for _ in range(2):
        faint.look(STATE, 0)
    np.testing.assert_array_equal(faint.paint(GRAY)[40:60, 110:125], faint.paint(GRAY)[-20:, :15])
    assert bright.paint(GRAY).max() > faint.paint(GRAY).max() + 50


def test_where_nothing_matters_at_all_nothing_fails():
    lens = highlighter(spot(0.0))
    lens.look(STATE, 0)
    assert (np.ptp(lens.paint(GRAY), axis=2) == 0).all()


@pytest.mark.parametrize("size", [(210, 160), (840, 1120), (1, 1)])
def test_a_layer_fits_a_picture_of_any_size(size):
    layer = coloured_layer(spot(1.0), *size, 0.8)
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    colour, light = (part.astype(float) for part in layer)
    expected = np.minimum(picture * light / 255 + colour, 255)
    assert np.abs(laid_over(picture, layer) - expected).max() <= 1


def test_the_strip_shows_the_q_values_of_the_last_steps():
    lens = highlighter(*[spot(1.0)] * 3)
    empty = lens.strip(600, 100)
    for _ in range(3):
        lens.look(STATE, 2)
    full = lens.strip(600, 100)
    assert full.shape == (100, 600, 3)
    assert not np.array_equal(full, empty)
    assert lens.strip(600, 100) is full  # drawn once a step

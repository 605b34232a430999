"""The strip of Q-values over time."""

import numpy as np
import pytest

from dqn.visualization.strip import BACKGROUND, PALETTE, draw_strip

ACTIONS = ["no-op", "fire", "right"]
STEPS = 50


def curve(count, taken=0):
    """Values of which the first rises, the second falls and the third stays."""
    return [(np.array([step, -step, 0.0]), taken) for step in range(count)]


def places(strip, colour):
    """The rows and columns of a colour."""
    rows, columns = np.nonzero((strip == colour).all(2))
    return rows, columns


def test_the_taken_actions_line_is_bright_and_rises_with_its_value():
    strip = draw_strip(curve(STEPS), ACTIONS, 900, 160, STEPS)
    rows, columns = places(strip[:, 100:700], PALETTE[0])
    left, right = rows[columns < 100].mean(), rows[columns > 500].mean()
    assert left > right + 30


def test_a_short_past_stands_at_the_right():
    strip = draw_strip(curve(10), ACTIONS, 900, 160, STEPS)
    _, columns = places(strip[:, :700], PALETTE[0])
    assert columns.min() > 500


def test_another_action_that_is_taken_is_the_bright_one():
    strip = draw_strip(curve(STEPS, taken=1), ACTIONS, 900, 160, STEPS)
    assert len(places(strip, PALETTE[1])[0]) > len(places(strip, PALETTE[0])[0])


def test_actions_are_listed_by_their_values():
    strip = draw_strip(curve(STEPS), ACTIONS, 900, 160, STEPS)
    names = strip[:, 760:]
    tops = [places(names, shade(index))[0].min() for index in (0, 2, 1)]
    assert tops == sorted(tops)


def shade(index):
    colour = PALETTE[index]
    return colour if index == 0 else tuple(round(0.62 * part) for part in colour)


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (60, 8), (264, 32), (400, 20), (2000, 400)])
@pytest.mark.parametrize("values", [[], curve(1), curve(STEPS), [(np.zeros(3), 1)] * 3])
def test_no_size_and_no_value_fails(size, values):
    width, height = size
    strip = draw_strip(values, ACTIONS, width, height, STEPS)
    assert strip.shape == (height, width, 3)
    assert strip.dtype == np.uint8
    if not values:
        assert (strip[-1] == BACKGROUND).all()


def test_a_game_may_have_eighteen_actions():
    values = [(np.arange(18.0), 17)] * 5
    names = [f"action {number}" for number in range(18)]
    strip = draw_strip(values, names, 900, 160, STEPS)
    assert strip.any()

"""States, gradients and weights as pictures."""

import base64

import cv2
import numpy as np
import pytest

from dqn.visualization import pictures


def test_what_moves_leaves_a_red_a_green_and_a_blue_trace():
    screens = np.zeros((4, 1, 5))
    screens[:, 0, 4] = 1  # rests
    for step in range(4):
        screens[step, 0, step] = 1
    trace = pictures.trace(screens)[0]
    assert trace.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]


def test_two_screens_and_one_have_a_trace_too():
    screens = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert pictures.trace(screens)[0].tolist() == [[1, 0, 0], [0, 1, 1]]
    assert pictures.trace(screens[:1])[0].tolist() == [[1, 1, 1], [0, 0, 0]]


def test_of_coloured_screens_the_trace_is_of_their_light_and_each_keeps_its_colours():
    screens = np.zeros((3, 3, 1, 1))
    screens[2, 0] = 0.9  # the newest is red
    row = pictures.tiles(screens)
    assert row.shape == (1, 4, 3)
    assert row[0].tolist() == [[0, 0, 76], [0, 0, 0], [0, 0, 0], [230, 0, 0]]


def test_one_screen_alone_has_no_trace_beside_it():
    assert pictures.tiles(np.ones((1, 2, 3))).shape == (2, 3, 3)


def test_light_is_positive_and_dark_negative():
    light = pictures.signed(np.array([-2.0, 0.0, 1.0, 2.0]))
    assert light.tolist() == [0, 0.5, 0.75, 1]
    assert pictures.signed(np.zeros(2)).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("channels", "screens"), [(4, 4), (12, 4), (1, 1), (3, 1)])
def test_the_weights_of_each_screen_stand_beside_one_another(channels, screens):
    weights = np.random.default_rng(1).standard_normal((channels, 3, 2))
    row = pictures.weight_tiles(weights, screens)
    assert row.shape == (3, screens * 2 + screens - 1, 3)
    number, y, x = np.unravel_index(weights.argmax(), weights.shape)
    screen, colour = divmod(number, channels // screens)
    brightest = row[y, screen * 3 + x]
    assert brightest[colour] >= 128
    if abs(weights.max()) > abs(weights.min()):
        assert brightest[colour] == 255


@pytest.mark.parametrize("encode", [pictures.png, pictures.webp])
def test_a_picture_becomes_text_that_a_browser_shows(encode):
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[5:15, 5:25] = (250, 40, 10)
    kind, _, content = encode(picture).partition(";base64,")
    assert kind in ("data:image/png", "data:image/webp")
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(decoded[..., ::-1].astype(int) - picture).mean() < 10  # of 255

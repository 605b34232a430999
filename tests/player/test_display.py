"""What is shown of a state, whatever it is made of."""

import numpy as np

from dqn.player.display import Insight


def pictures(state):
    return Insight(state, ["no-op"], None, None, None).pictures


def random_state(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_gray_screens_are_shown_in_gray():
    state = random_state(4, 30, 20)
    shown = pictures(state)
    assert len(shown) == 4
    for screen, picture in zip(state, shown, strict=True):
        assert picture.shape == (30, 20, 3)
        for colour in range(3):
            np.testing.assert_array_equal(picture[..., colour], screen)


def test_coloured_screens_are_shown_in_their_colours():
    state = random_state(2, 3, 30, 20)
    shown = pictures(state)
    assert [picture.shape for picture in shown] == [(30, 20, 3)] * 2
    assert shown[1][7, 5].tolist() == state[1, :, 7, 5].tolist()


def test_ram_is_shown_as_eight_rows_of_sixteen_bytes():
    state = random_state(4, 128)
    shown = pictures(state)
    assert [picture.shape for picture in shown] == [(8, 16, 3)] * 4
    assert shown[2][7, 15].tolist() == [state[2, 127]] * 3
    assert shown[2][1, 0].tolist() == [state[2, 16]] * 3


def test_a_few_values_are_shown_in_one_row():
    shown = pictures(random_state(1, 5))
    assert shown[0].shape == (1, 16, 3)
    assert not shown[0][0, 5:].any()

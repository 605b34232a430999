"""The state is the last observations, oldest first."""

import numpy as np

from dqn.actors.state_buffer import StateBuffer


def test_the_state_is_the_last_screens_oldest_first():
    buffer = StateBuffer((3, 2, 4))
    for step in range(1, 6):
        buffer.add(np.full((2, 4), step, np.uint8))
    assert buffer.state.shape == (3, 2, 4)
    assert buffer.state[:, 1, 3].tolist() == [3, 4, 5]


def test_a_new_buffer_is_black():
    buffer = StateBuffer((3, 2, 4))
    assert not buffer.state.any()

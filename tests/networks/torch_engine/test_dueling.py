"""How a value and advantages become Q-values, by hand."""

import numpy as np
import pytest
import torch

from dqn.networks.torch_engine.dueling import DUELING

VALUE, ADVANTAGES = np.array([[10.0], [-2.0]]), np.array([[1.0, 2.0, 6.0], [0.0, -3.0, -3.0]])


@pytest.mark.parametrize(
    ("name", "q_values"),
    [
        ("naive", [[11, 12, 16], [-2, -5, -5]]),
        ("max", [[5, 6, 10], [-2, -5, -5]]),
        ("avg", [[8, 9, 13], [0, -3, -3]]),
    ],
)
def test_a_value_and_advantages_become_q_values_as_in_the_paper(name, q_values):
    x = torch.from_numpy(np.hstack([VALUE, ADVANTAGES]))
    np.testing.assert_array_equal(DUELING[name]()(x).numpy(), q_values)


def test_the_value_is_the_greatest_q_value_or_their_average():
    x = torch.randn(20, 7, dtype=torch.float64)
    value = x[:, 0]
    assert torch.equal(DUELING["max"]()(x).amax(1), value)
    torch.testing.assert_close(DUELING["avg"]()(x).mean(1), value)

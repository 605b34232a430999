"""Bounding the norm of gradients."""

import numpy as np
import pytest
import torch

from dqn.networks.torch_engine.gradients import clip_norm_


def clipped(arrays, max_norm, batch_size, dtype=torch.float64):
    gradients = tuple(torch.tensor(array, dtype=dtype) for array in arrays)
    clip_norm_(gradients, max_norm, batch_size)
    return [gradient.double().numpy() for gradient in gradients]


def test_a_gradient_that_is_too_long_is_scaled_to_the_bound_and_a_short_one_stays():
    arrays = [[[3.0, 0], [0, 0]], [4.0, 0]]  # of norm 5, of norm 2.5 divided by 2
    for array, expected in zip(clipped(arrays, 1, 2), arrays, strict=True):
        np.testing.assert_allclose(array, np.array(expected) / 2.5, rtol=1e-14)
    for array, expected in zip(clipped(arrays, 2.51, 2), arrays, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_a_gradient_of_zero_stays():
    np.testing.assert_array_equal(clipped([[0.0, 0.0]], 1, 4), [[0, 0]])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 0.01), (torch.float16, 2e-3)])
def test_16_bits_are_bounded_as_exactly_as_they_can_be(dtype, tolerance):
    """The square root of the sum of these squares, 120,000, is above all of float16."""
    (array,) = clipped([[60_000.0] * 4], 10, 1, dtype)
    np.testing.assert_allclose(array, 5, rtol=tolerance)


def test_gradients_of_two_types_have_one_norm():
    gradients = (torch.full((9,), 1.0, dtype=torch.bfloat16), torch.full((16,), 1.0))
    clip_norm_(gradients, 1, 1)
    for gradient in gradients:
        np.testing.assert_allclose(gradient.float().numpy(), 0.2, rtol=0.01)

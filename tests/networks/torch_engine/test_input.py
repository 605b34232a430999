"""The way of the states into the network: which number goes where."""

import numpy as np
import pytest
import torch

from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.torch_engine.input import create_input

CPU = torch.device("cpu")
ONE = (Convolution(1, 1, 1, 1),)


def make_input(state_shape, dtype=torch.float64, **settings):
    return create_input(Architecture(2, state_shape, **settings), CPU, dtype)


def random_states(n, shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)


@pytest.mark.parametrize("as_tensor", [False, True])
@pytest.mark.parametrize(
    ("state_shape", "shared", "shape"),
    [
        ((4, 5, 6), False, (3, 4, 5, 6)),
        ((1, 5, 6), False, (3, 1, 5, 6)),
        ((4, 5, 6), True, (12, 1, 5, 6)),
        ((2, 3, 5, 6), False, (3, 6, 5, 6)),
        ((2, 3, 5, 6), True, (6, 3, 5, 6)),
        ((100, 3, 2, 2), False, (3, 300, 2, 2)),
        ((128, 2, 3), False, (3, 128, 2, 3)),
        ((129, 2, 3), False, (3, 129, 2, 3)),
    ],
)
def test_screens_become_images_with_their_colours_behind_one_another(
    state_shape, shared, shape, as_tensor
):
    given = random_states(3, state_shape)
    states = torch.from_numpy(given) if as_tensor else given
    x = make_input(state_shape, convolutions=ONE, shared_convolutions=shared).convert(states)
    assert x.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(x.numpy(), given.reshape(shape) / 255)


@pytest.mark.parametrize("as_tensor", [False, True])
@pytest.mark.parametrize("state_shape", [(2, 128), (3, 4, 5), (2, 3, 4, 5)])
def test_without_convolutions_all_numbers_stand_in_a_row(state_shape, as_tensor):
    given = random_states(3, state_shape)
    states = torch.from_numpy(given) if as_tensor else given
    x = make_input(state_shape, convolutions=()).convert(states)
    np.testing.assert_array_equal(x.numpy(), given.reshape(3, -1) / 255)


@pytest.mark.parametrize("convolutions", [(), ONE])
def test_views_and_any_number_of_states_are_taken(convolutions):
    windows = random_states(9, (5, 4, 3))
    network_input = make_input((4, 4, 3), convolutions=convolutions)
    for n in (2, 9, 1, 5):
        for states in (windows[:n, :-1], windows[:n, 1:]):
            x = network_input.convert(states).numpy().copy()
            np.testing.assert_array_equal(x.reshape(states.shape), states / 255)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("convolutions", [(), ONE])
def test_numbers_have_the_datatype_of_the_computation(convolutions, dtype):
    states = random_states(2, (4, 4, 3))
    x = make_input((4, 4, 3), dtype, convolutions=convolutions).convert(states)
    assert x.dtype == dtype
    np.testing.assert_allclose(x.float().numpy().reshape(states.shape), states / 255, rtol=2**-8)

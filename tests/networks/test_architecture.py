"""The sizes of networks and their initial weights, beside numbers that were computed elsewhere."""

import hashlib

import numpy as np
import pytest

from dqn.errors import UserError
from dqn.networks.architecture import (
    MIN_SCREEN_SIZE,
    NATURE_CONVOLUTIONS,
    Architecture,
    Convolution,
    initial_weights,
)


def num_parameters(architecture):
    """Weights and biases."""
    weights = sum(rows * columns for rows, columns in architecture.layer_shapes)
    num_convolutions = len(architecture.convolutions)
    biases = sum(
        shape[1 if index < num_convolutions else 0]
        for index, shape in enumerate(architecture.layer_shapes)
    )
    return weights + biases * architecture.biases


def test_the_default_is_the_network_of_the_paper_without_biases():
    shapes = [(4 * 64, 32), (32 * 16, 64), (64 * 9, 64), (512, 64 * 7 * 7), (6, 512)]
    assert Architecture(6).layer_shapes == shapes
    assert Architecture(6).layer_outputs == [32 * 20 * 20, 64 * 9 * 9, 64 * 7 * 7, 512, 6]


def test_the_network_of_the_keras_tutorial_has_as_many_parameters_as_keras_says():
    """keras-rl2 on three RGB screens; each is convolved by itself, by the same filters."""
    architecture = Architecture(
        6,
        (3, 3, 210, 160),
        NATURE_CONVOLUTIONS,
        (512, 256),
        biases=True,
        shared_convolutions=True,
    )
    assert num_parameters(architecture) == 34_812_326


@pytest.mark.parametrize(
    ("settings", "shapes"),
    [
        ({"state_shape": (4, 128), "convolutions": ()}, [(512, 512), (6, 512)]),
        ({"state_shape": (4, 3, 8, 8), "convolutions": (), "dense_units": ()}, [(6, 768)]),
        (
            {
                "state_shape": (2, 3, 11, 9),
                "convolutions": (Convolution(5, 4, 3, 3), Convolution(7, 1, 2, 1)),
                "dense_units": (10, 8),
            },
            [(2 * 3 * 4 * 3, 5), (5 * 2, 7), (10, 7 * 3 * 2), (8, 10), (6, 8)],
        ),
        (
            {
                "state_shape": (2, 3, 11, 9),
                "convolutions": (Convolution(5, 4, 3, 3),),
                "dense_units": (10,),
                "shared_convolutions": True,
            },
            [(3 * 4 * 3, 5), (10, 2 * 5 * 3 * 3), (6, 10)],
        ),
        (
            {"state_shape": (1, 7), "convolutions": (), "dense_units": (9, 8), "dueling": "avg"},
            [(9, 7), (16, 9), (7, 8)],
        ),
        (
            {
                "state_shape": (1, 7),
                "convolutions": (),
                "dense_units": (9, 8),
                "dueling": "avg",
                "dueling_streams": False,
            },
            [(9, 7), (8, 9), (7, 8)],
        ),
        (
            {"state_shape": (1, 7), "convolutions": (), "dense_units": (), "dueling": "max"},
            [(7, 7)],
        ),
    ],
)
def test_layers_have_the_shapes_of_what_reaches_them(settings, shapes):
    assert Architecture(6, **settings).layer_shapes == shapes


def test_the_smallest_screen_of_the_default_network_is_known():
    Architecture(4, (4, MIN_SCREEN_SIZE, MIN_SCREEN_SIZE)).layer_shapes  # noqa: B018
    with pytest.raises(UserError, match="conv64x3s1 is larger than what reaches it, 2×3"):
        Architecture(4, (4, MIN_SCREEN_SIZE - 1, MIN_SCREEN_SIZE)).layer_shapes  # noqa: B018


def test_a_screen_that_is_too_small_is_refused_with_the_layer():
    convolutions = Convolution(8, 4, 4, 2), Convolution(8, 3, 5, 1)
    with pytest.raises(UserError, match="conv8x3x5s1 is larger than what reaches it, 4×4"):
        Architecture(4, (4, 10, 11), convolutions).layer_shapes  # noqa: B018


def test_vectors_are_refused_by_convolutions_with_the_network_for_them():
    with pytest.raises(UserError, match=r"conv32x8s4 needs screens.*128.*use --network dense"):
        Architecture(4, (4, 128)).layer_shapes  # noqa: B018


# Initial weights


@pytest.mark.parametrize(
    ("num_actions", "shape", "seed", "digest", "next_draw"),
    [
        (4, (4, 84, 84), 0, "3adc227d6417f699", 6411049716254734725),
        (6, (3, 40, 52), 7, "023db7a2252bfb43", 6250935590774872900),
    ],
)
@pytest.mark.parametrize("biases", [False, True])
def test_the_same_seed_draws_the_weights_that_earlier_versions_drew(
    num_actions, shape, seed, digest, next_draw, biases
):
    """Computed by the version before architectures; Xavier's biases are 0 and draw nothing."""
    generator = np.random.default_rng(seed)
    weights = initial_weights(Architecture(num_actions, shape, biases=biases), generator)
    drawn = hashlib.sha256(b"".join(array.tobytes() for array, _ in weights)).hexdigest()
    assert drawn[:16] == digest
    assert generator.integers(2**63) == next_draw
    assert not any(of_layer.any() for _, of_layer in weights)


@pytest.mark.parametrize(("initializer", "factor"), [("xavier", 3), ("fan_in", 1)])
def test_weights_begin_within_the_bounds_of_their_inputs(initializer, factor):
    architecture = Architecture(
        40, (4, 44, 44), dense_units=(300,), biases=True, initializer=initializer
    )
    weights = initial_weights(architecture, np.random.default_rng(0))
    for index, (array, biases) in enumerate(weights):
        fan_in = array.shape[0 if index < 3 else 1]
        bound = np.sqrt(factor / fan_in)
        assert 0.99 * bound < np.abs(array).max() <= bound
        assert array.std() == pytest.approx(bound / np.sqrt(3), rel=0.03)
        assert biases.shape == (array.shape[1 if index < 3 else 0], 1)
        if initializer == "xavier":
            assert not biases.any()
        else:
            assert 0.8 * bound < np.abs(biases).max() <= bound
            assert abs(biases.mean()) < bound / 3


def test_without_biases_fan_in_draws_none():
    weights = initial_weights(
        Architecture(4, (4, 40, 40), initializer="fan_in"), np.random.default_rng(0)
    )
    assert not any(biases.any() for _, biases in weights)

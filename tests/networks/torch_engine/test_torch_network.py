"""The PyTorch engine: 16-bit types, rounding, devices. What it computes: test_deepqnetwork.py."""

import numpy as np
import pytest
import torch

from dqn.errors import UserError
from dqn.networks.torch_engine.rounding import mantissa_bits
from helpers.engines import SMALL, make_minibatch
from helpers.networks import cost_of_update, make_network


@pytest.mark.parametrize("datatype", ["bfloat16", "float16"])
def test_16_bit_types_compute_roughly_the_same_and_keep_float32_weights(datatype):
    minibatch = make_minibatch(0)
    full = make_network(**SMALL)
    try:
        half = make_network(**SMALL, datatype=datatype)
    except UserError as error:
        pytest.skip(f"not on this processor: {error}")
    np.testing.assert_allclose(
        half.predict(minibatch.states), full.predict(minibatch.states), atol=0.05
    )
    for _ in range(5):
        cost, expected = (cost_of_update(n, minibatch) for n in (half, full))
        assert cost == pytest.approx(expected, rel=0.1)
    weights = half.get_layers()[3].weights
    assert weights.dtype == np.float32
    dtype = getattr(torch, datatype)
    assert (torch.from_numpy(weights).to(dtype).float().numpy() != weights).any()


def test_bfloat16_tells_apart_large_q_values_that_differ_little():
    """In bfloat16 alone, all numbers from 100 to 100.2 are 100."""
    network = make_network(**SMALL, datatype="bfloat16")
    states = make_minibatch(0).states
    layers = network.get_layers()
    last = layers[-1].weights
    last[:] = last[0] * 100 / network.predict(states)[:, 0].max()
    last[1] *= 1.001
    network.set_layers(layers)
    q_values = network.predict(states)
    assert (q_values[:, 1] > q_values[:, 0]).all()
    np.testing.assert_allclose(q_values[:, 1] / q_values[:, 0], 1.001, rtol=1e-4)


@pytest.mark.parametrize(
    ("datatype", "bits", "kept"), [("float32", 10, 10), ("bfloat16", 10, 7), ("float64", 30, 30)]
)
def test_stochastic_rounding_leaves_the_weights_that_many_bits(datatype, bits, kept):
    network = make_network(**SMALL, datatype=datatype, stochastic_round=bits)
    network.train(make_minibatch(0))
    for layer in network.get_layers():
        mantissa, _ = np.frexp(layer.weights.astype(float))
        scaled = mantissa * 2.0 ** (kept + 1)
        np.testing.assert_array_equal(scaled, np.round(scaled))
    assert mantissa_bits(getattr(torch, datatype)) >= kept


def test_a_network_goes_on_with_its_random_rounding_and_number_of_threads():
    one, other = (make_network(seed=seed, **SMALL, stochastic_round=8) for seed in (1, 2))
    one.train(make_minibatch(0))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        state = one.get_state()
        torch.set_num_threads(threads)
        other.set_state(state)
        assert torch.get_num_threads() == threads + 1
        for network in (one, other):
            network.train(make_minibatch(1))
        np.testing.assert_array_equal(one.get_layers()[3].weights, other.get_layers()[3].weights)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="use --backend cpu"):
        make_network(backend="gpu")


def test_mkl_is_refused_with_the_engine_that_knows_it():
    with pytest.raises(UserError, match="--engine neon"):
        make_network(backend="mkl")

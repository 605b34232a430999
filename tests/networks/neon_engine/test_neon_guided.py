"""Guided backpropagation against Neon's own, which the original simple_dqn showed."""

from types import SimpleNamespace

import numpy as np
import pytest

from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.create import create_inspector
from dqn.visualization.filters import FilterWatch
from helpers.engines import needs_neon
from helpers.networks import make_network

ARCHITECTURE = Architecture(
    3, (4, 36, 36), (Convolution(6, 8, 8, 4), Convolution(5, 4, 4, 2)), (7,)
)
BATCH = 4


def neons_map(network, found, states_scaled):
    """What Neon's callback makes for a filter, float (channels, height, width), unscaled."""
    from neon.callbacks.callbacks import DeconvCallback
    from neon.layers.layer import Convolution as NeonConvolution

    model, backend = network._online, network._backend
    layers = model.layers.layers
    places = [n for n, layer in enumerate(layers) if isinstance(layer, NeonConvolution)]
    index, unit = places[found.unit.layer], found.unit
    filters, rows, columns = layers[index].out_shape
    callback = DeconvCallback(None, None, max_fm=filters)
    callback.raw_img_cache = {0: states_scaled.reshape(-1, 1)}
    callback.raw_img_key = {0: {0: 0}}
    callback.scale_to_rgb = lambda picture: picture  # to levels from 0 to 255
    data = {
        "batch_img": np.zeros((filters, 2), int),
        "fm_loc": np.full(filters, unit.row * columns + unit.column),
        "activation": np.full(filters, found.response),
        "vis": np.zeros((filters, *ARCHITECTURE.state_shape[1:], ARCHITECTURE.state_shape[0])),
    }

    def fprop(x, inference):
        x.lshape = network._input.lshape
        return model.fprop(x, inference=inference)

    shown = SimpleNamespace(be=backend, layers=model.layers, fprop=fprop)
    callback.visualize_layer(
        {f"deconv/max_act/{index:04}": data}, shown, filters, rows * columns, index
    )
    return np.moveaxis(data["vis"][unit.filter], -1, 0)


@needs_neon
@pytest.mark.parametrize("seed", [1, 2])
def test_the_map_is_neons_times_the_response_where_the_screen_is_not_black(seed):
    network = make_network(
        *("neon", 3, seed),
        state_shape=ARCHITECTURE.state_shape,
        convolutions=ARCHITECTURE.convolutions,
        dense_units=ARCHITECTURE.dense_units,
        batch_size=BATCH,
        datatype="float64",
    )
    inspector = create_inspector(ARCHITECTURE, network.get_layers())
    states = np.random.default_rng(seed).integers(
        0, 256, (10, *ARCHITECTURE.state_shape), dtype=np.uint8
    )
    states[:, :, :12] = 0
    watch = FilterWatch(inspector)
    watch.add(states, 0)
    compared = 0
    for found in (found for layer in watch.strongest() for found in layer if not found.is_dead):
        # Neon begins with the response instead of 1, and takes the screen for a rectifier, too.
        ours = inspector.guided_backpropagation(found.state, found.unit) * found.response
        ours[found.state == 0] = 0
        neons = neons_map(network, found, found.state / 255)
        largest = np.abs(neons).max()
        np.testing.assert_allclose(ours / largest, neons / largest, atol=1e-6)
        compared += largest > 0
    assert compared >= 6

"""Receptive fields against brute force: which pixels change a unit's response."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.create import create_inspector
from dqn.networks.inspector import Unit
from dqn.networks.layers import initial_layers
from dqn.visualization.receptive_field import ReceptiveField, receptive_field


def pixels_that_matter(architecture, unit):
    """Top, left, height and width of what a unit's gradient reaches, with positive weights."""
    layers = initial_layers(architecture, np.random.default_rng(1))
    for layer in layers:
        layer.weights[:] = 1  # so that nothing cancels out and every rectifier is active
    state = np.full(architecture.state_shape, 100, np.uint8)
    inspector = create_inspector(architecture, layers)
    gradient = inspector.guided_backpropagation(state, unit)
    rows, columns = (np.flatnonzero(gradient.any((0, axis))) for axis in (2, 1))
    return ReceptiveField(rows[0], columns[0], len(rows), len(columns))


@pytest.mark.parametrize(
    ("layer", "size", "step"), [(0, 8, 4), (1, 20, 8), (2, 36, 8)], ids=["8", "20", "36"]
)
def test_the_fields_of_the_default_network(layer, size, step):
    architecture = Architecture(4)
    assert receptive_field(architecture, layer, 2, 3) == (
        ReceptiveField(2 * step, 3 * step, size, size)
    )
    field = pixels_that_matter(architecture, Unit(layer, 0, 0, 2, 3))
    assert field == receptive_field(architecture, layer, 2, 3)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.builds(
            Convolution,
            st.just(1),
            st.integers(1, 4),
            st.integers(1, 4),
            st.integers(1, 3),
        ),
        min_size=1,
        max_size=3,
    ),
    st.data(),
)
def test_the_fields_of_any_network(convolutions, data):
    # A stride longer than a later filter's pixels leaves gaps, which a rectangle has not.
    convolutions = [c._replace(stride=min(c.stride, c.height, c.width)) for c in convolutions]
    architecture = Architecture(2, (1, 40, 44), tuple(convolutions), ())
    layer = len(convolutions) - 1
    layers = initial_layers(architecture, np.random.default_rng(0))
    state = np.zeros((1, 1, 40, 44), np.uint8)
    (*_, rows, columns) = create_inspector(architecture, layers).responses(state)[-1].shape
    row = data.draw(st.integers(0, rows - 1))
    column = data.draw(st.integers(0, columns - 1))
    field = receptive_field(architecture, layer, row, column)
    assert field.top + field.height <= 40
    assert field.left + field.width <= 44
    assert field == pixels_that_matter(architecture, Unit(layer, 0, 0, row, column))


def test_its_slices_cut_it_out():
    screen = np.arange(30).reshape(5, 6)
    field = ReceptiveField(1, 2, 2, 3)
    assert screen[field.rows, field.columns].tolist() == [[8, 9, 10], [14, 15, 16]]

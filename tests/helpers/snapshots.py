"""Snapshots to save, Neon's files, and what is true of every snapshot that is loaded."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqn.errors import UserError
from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.layers import BatchNorm, Biases, Layer
from dqn.snapshots.file import load_snapshot, save_snapshot
from dqn.snapshots.snapshot import Metadata, Snapshot, SnapshotError
from helpers.paths import DATA

PYTHON_27 = DATA / "snapshot_python27_rmsprop.prm"
PYTHON_311 = DATA / "snapshot_python311_adam.prm"
PYTHON_311_BIASES = DATA / "snapshot_python311_biases.prm"
PYTHON_27_BATCH_NORM = DATA / "snapshot_python27_batch_norm.prm"
SMALLEST = (1, 36, 36)  # the smallest screens that the three convolutions leave anything of


# All but the default: (2, 3, 12, 10) → 4×5×4 → 3×4×3 of each of two screens
VARIANT = Architecture(
    num_actions=3,
    state_shape=(2, 3, 12, 10),
    convolutions=(Convolution(4, 4, 3, 2), Convolution(3, 2, 2, 1)),
    dense_units=(5, 6),
    activation="elu",
    biases=True,
    shared_convolutions=True,
    dueling="avg",
)


def make_snapshot(states=1, batch_norm=False, dtype=np.float32, input_shape=(2, 52, 40)):
    """A network for four actions, all of whose numbers are random."""
    chance = np.random.default_rng(7)

    def draw(*shape: int) -> np.ndarray:
        return chance.standard_normal(shape).astype(dtype)

    def draw_batch_norm(units: int) -> BatchNorm:
        arrays = [draw(units, 1) for _ in range(4)]
        return BatchNorm(*arrays, [[draw(units, 1) for _ in range(states)] for _ in range(2)])

    history, height, width = input_shape
    pixels = {(52, 40): 3, (36, 36): 1, (84, 84): 49}[height, width]
    layers = []
    for rows, columns, units in [
        (64 * history, 32, 32),
        (512, 64, 64),
        (576, 64, 64),
        (512, 64 * pixels, 512),
        (4, 512, None),
    ]:
        states_of_layer = [draw(rows, columns) for _ in range(states)]
        norm = draw_batch_norm(units) if batch_norm and units else None
        layers.append(Layer(draw(rows, columns), states_of_layer, norm))
    metadata = Metadata("breakout", [0, 1, 3, 4], input_shape, 7, 250_000, 62_500)
    return Snapshot(layers, Architecture(4, input_shape, batch_norm=batch_norm), metadata)


def make_snapshot_of(architecture: Architecture, states=1, dtype=np.float32) -> Snapshot:
    """A network of any architecture, all of whose numbers are random."""
    chance = np.random.default_rng(7)
    layers = []
    shapes = architecture.layer_shapes
    for number, shape in enumerate(shapes):
        num_outputs = shape[1] if number < len(architecture.convolutions) else shape[0]

        def draw(*shape: int) -> np.ndarray:
            return chance.standard_normal(shape).astype(dtype)

        def draw_column(num_outputs=num_outputs) -> np.ndarray:
            return draw(num_outputs, 1)

        layer = Layer(draw(*shape), [draw(*shape) for _ in range(states)])
        if architecture.biases:
            layer.biases = Biases(draw_column(), [draw_column() for _ in range(states)])
        if architecture.batch_norm and number < len(shapes) - 1:
            columns = [draw_column() for _ in range(4)]
            of_norm = [[draw_column() for _ in range(states)] for _ in range(2)]
            layer.batch_norm = BatchNorm(*columns, of_norm)
        layers.append(layer)
    actions = list(range(architecture.num_actions))
    metadata = Metadata("breakout", actions, architecture.state_shape, 7, 250_000, 62_500)
    return Snapshot(layers, architecture, metadata)


def all_arrays(snapshot: Snapshot) -> list[np.ndarray]:
    arrays = []
    for layer in snapshot.layers:
        arrays += [layer.weights, *layer.states]
        if biases := layer.biases:
            arrays += [biases.values, *biases.states]
        if norm := layer.batch_norm:
            arrays += [norm.beta, norm.gamma, norm.gmean, norm.gvar, *norm.states[0]]
            arrays += norm.states[1]
    return arrays


def assert_equal(left: Snapshot, right: Snapshot) -> None:
    assert left.architecture == right.architecture
    assert left.metadata == right.metadata
    arrays = list(zip(all_arrays(left), all_arrays(right), strict=True))
    for one, other in arrays:
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def assert_usable(snapshot: Snapshot) -> None:
    """What load_snapshot promises of every snapshot that it accepts."""
    arrays = all_arrays(snapshot)
    for array in arrays:
        assert array.ndim == 2
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert array.dtype in (np.float16, np.float32, np.float64)
        assert array.dtype.isnative
        assert np.isfinite(array).all()
    for number, array in enumerate(arrays):
        assert not any(np.shares_memory(array, other) for other in arrays[:number])


def refusal(path: Path) -> str:
    with pytest.raises(SnapshotError) as caught:
        load_snapshot(path)
    assert isinstance(caught.value, UserError)
    text = str(caught.value)
    assert text.isprintable()  # so that it is one line
    assert str(path) in text
    return text


def write(path: Path, content: Any, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def neon_content(snapshot: Snapshot, folder: Path) -> dict[str, Any]:
    """The dictionary that stands in the snapshot's file."""
    path = folder / "content.prm"
    save_snapshot(snapshot, path)
    return pickle.loads(path.read_bytes())


def old_content(snapshot: Snapshot, named: bool, flat: bool = False) -> dict[str, Any]:
    """The dictionary of Neon before 1.1."""
    entries: list[dict[str, Any]] = []
    for layer in snapshot.layers:
        weights = {"W": layer.weights} if named else layer.weights
        entries.append({"params": weights, "states": layer.states})
        if norm := layer.batch_norm:
            params = [norm.beta, norm.gamma, norm.gmean, norm.gvar]
            params = [array.ravel() for array in params] if flat else params
            entries.append({"params": params, "states": norm.states})
    return {"layer_params_states": entries, "epoch_index": 77}

"""What is true of every snapshot, and whether one fits a run."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from dqn.errors import UserError
from dqn.networks.architecture import MIN_SCREEN_SIZE, Architecture
from dqn.networks.layers import Layer
from dqn.snapshots.facts import MAX_ACTIONS, is_count
from dqn.snapshots.snapshot import (
    AnotherNetwork,
    Metadata,
    NonFiniteArray,
    Snapshot,
    SnapshotError,
    Unusable,
)

MAX_STATES = 3  # arrays that an optimizer keeps for each array of parameters
MAX_NAME = 255  # characters of a game's name
FLOATS = (np.float16, np.float32, np.float64)


def check_snapshot(snapshot: Snapshot, path: Path, expected: Metadata) -> None:
    """See that the network was trained on the `expected` game, actions and states.

    What the file does not tell is not checked. Raises SnapshotError with the flags to use.
    """
    if snapshot.input_shape and snapshot.input_shape != expected.input_shape:
        raise SnapshotError(
            f"the snapshot {path} was trained on other screens: {_advice(snapshot.input_shape)}"
        )
    recorded = snapshot.metadata or expected
    if recorded.game != expected.game:
        raise SnapshotError(
            f"the snapshot {path} was trained on {recorded.game!r}, not on {expected.game!r}: "
            "name a snapshot of the same game"
        )
    if recorded.actions != expected.actions:
        was_minimal = str(len(recorded.actions) < len(expected.actions)).lower()
        raise SnapshotError(
            f"the snapshot {path} was trained with the actions {recorded.actions}, not with "
            f"{expected.actions}: use --minimal_action_set {was_minimal}"
        )


def _advice(state_shape: tuple[int, ...]) -> str:
    if len(state_shape) < 3:
        return f"its states are {'×'.join(map(str, state_shape))} numbers"
    history, *_, height, width = state_shape
    return f"use --history_length {history} --screen_height {height} --screen_width {width}"


def validate(snapshot: Snapshot) -> None:
    """Check that a snapshot is one of this program's networks; raises Unusable."""
    _check_layers(snapshot)
    _check_metadata(snapshot)


def _check_layers(snapshot: Snapshot) -> None:
    layers = snapshot.layers
    architecture = snapshot.architecture or _without_input(layers)
    names = _names(architecture)
    if len(layers) != len(names):
        raise AnotherNetwork(f"it has {len(layers)} layers with weights")
    norms = [layer.batch_norm is not None for layer in layers]
    if norms != [architecture.batch_norm] * (len(layers) - 1) + [False]:
        raise AnotherNetwork("batch normalisation does not follow each layer but the last")
    if any((layer.biases is not None) != architecture.biases for layer in layers):
        raise AnotherNetwork("some of its layers have biases, and some have none")
    _check_states(layers)
    shapes = _expected_shapes(snapshot, architecture, names)
    for name, layer, shape in zip(names, layers, shapes, strict=True):
        _check_arrays([layer.weights, *layer.states], shape, name)
        units = shape[1] if name.startswith("convolution") else shape[0]
        if layer.biases is not None:
            _check_arrays(layer.biases.arrays(), (units, 1), f"the biases of {name}")
        if layer.batch_norm is not None:
            arrays = layer.batch_norm.arrays()
            _check_arrays(arrays, (units, 1), f"the batch normalisation after {name}")


def _without_input(layers: list[Layer]) -> Architecture:
    """The default network, which alone has files that do not tell its input."""
    return Architecture(1, batch_norm=bool(layers) and layers[0].batch_norm is not None)


def _names(architecture: Architecture) -> list[str]:
    names = [f"convolution {n}" for n in range(1, len(architecture.convolutions) + 1)]
    return names + [f"affine {n}" for n in range(1, len(architecture.dense_units) + 2)]


def _check_states(layers: list[Layer]) -> None:
    lists = [layer.states for layer in layers]
    for layer in layers:
        if layer.biases is not None:
            lists.append(layer.biases.states)
        if layer.batch_norm is not None:
            if len(layer.batch_norm.states) != 2:
                raise Unusable("is damaged: batch normalisation has two lists of states")
            lists += layer.batch_norm.states
    counts = {len(states) for states in lists}
    if len(counts) > 1 or max(counts) > MAX_STATES:
        raise Unusable("is damaged: the optimizer's states are too few or too many")


def _expected_shapes(
    snapshot: Snapshot, architecture: Architecture, names: list[str]
) -> list[tuple[int, int]]:
    """Return the shape of each layer's weights; what the input decides is as the file has it."""
    weights = [layer.weights for layer in snapshot.layers]
    for name, array in zip(names, weights, strict=True):
        if array.ndim != 2:
            raise AnotherNetwork(f"{name} has the shape {array.shape}")
    if snapshot.architecture is None:
        history = max(len(weights[0]) // 64, 1)
        actions = min(max(len(weights[-1]), 1), MAX_ACTIONS)
        shapes = Architecture(actions, (history, MIN_SCREEN_SIZE, MIN_SCREEN_SIZE)).layer_shapes
        rows, filters = shapes[3]  # with one output of each filter
        shapes[3] = (rows, filters * max(weights[3].shape[1] // filters, 1))
        return shapes
    try:
        return architecture.layer_shapes
    except UserError as error:
        shape = "×".join(map(str, architecture.state_shape))
        raise AnotherNetwork(f"its input of {shape} is too small for its convolutions") from error


def _check_arrays(arrays: Iterable[Any], shape: tuple[int, int], name: str) -> None:
    for array in arrays:
        if not isinstance(array, np.ndarray) or array.dtype not in FLOATS:
            raise Unusable(f"is damaged: {name} holds something else than decimal numbers")
        if array.shape != shape:
            raise AnotherNetwork(f"{name} has the shape {array.shape}, not {shape}")
        if not np.isfinite(array).all():
            raise NonFiniteArray(
                f"has diverged ({name} holds infinity or NaN): go back to an earlier snapshot, "
                "or train with a lower learning rate"
            )


def _check_metadata(snapshot: Snapshot) -> None:
    metadata = snapshot.metadata
    if metadata is None:
        return
    if not isinstance(metadata.game, str) or len(metadata.game) > MAX_NAME:
        raise Unusable("is damaged: its game is not a name")
    actions = metadata.actions
    if not isinstance(actions, list) or not all(map(is_count, actions)):
        raise Unusable("is damaged: its actions are not a list of numbers")
    if not len(actions) == len(set(actions)) == snapshot.num_actions:
        raise Unusable("is damaged: its actions are not those of its network")
    for name, value in vars(metadata).items():
        if name in ("epoch", "train_steps", "weight_updates") and not is_count(value):
            raise Unusable(f"is damaged: its {name} is not a whole number from 0 on")
    flags = metadata.flags
    if not isinstance(flags, dict) or not all(map(_is_flag, flags.items())):
        raise Unusable("is damaged: its flags are not plain values")
    shape = metadata.input_shape
    if not all(map(is_count, shape)) or shape != snapshot.input_shape:
        raise Unusable("is damaged: its screens are not those of its network")


def _is_flag(item: tuple[Any, Any]) -> bool:
    name, value = item
    return type(name) is str and (value is None or type(value) in (bool, int, float, str))

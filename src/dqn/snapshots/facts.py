"""What a snapshot holds besides its arrays, as plain values: the same in both formats.

`train_input_shape`, Neon's key, is the shape of a state. All else is under the key `simple_dqn`,
with `architecture` where the network is another one than the default: those fields of Architecture
that differ and that the arrays do not show, as batch normalisation and biases do. Where a state is
(history, height, width), the three lengths have names, too.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from dqn.networks.architecture import (
    ACTIVATIONS,
    DUELING,
    HIDDEN_UNITS,
    MAX_FILTERS,
    MAX_LAYERS,
    MAX_PIXELS,
    MAX_UNITS,
    NATURE_CONVOLUTIONS,
    STATE_DTYPES,
    Architecture,
    Convolution,
)
from dqn.networks.layers import Layer
from dqn.snapshots.snapshot import AnotherNetwork, Metadata, Snapshot, Unusable

MAX_ACTIONS = 256
KEY = "simple_dqn"
LENGTHS = ("screen_height", "screen_width", "history_length")
# Keys of `simple_dqn` that say something about any network, also one that Neon trained
OF_THE_NETWORK = ("architecture", "unfit_for_neon")

_DEFAULT = Architecture(num_actions=1)

# To plain values


def facts(snapshot: Snapshot) -> dict[str, Any]:
    """Return what a snapshot holds besides its layers, as plain values."""
    content: dict[str, Any] = {}
    if snapshot.input_shape is not None:
        content["train_input_shape"] = tuple(map(int, snapshot.input_shape))
    described = _described(snapshot)
    if described:
        content[KEY] = described
    return content


def _described(snapshot: Snapshot) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if metadata := snapshot.metadata:
        values: dict[str, Any] = {
            name: int(value) if isinstance(value, np.integer) else value
            for name, value in dataclasses.asdict(metadata).items()
        }
        content = {"game": values.pop("game"), "actions": [int(n) for n in values.pop("actions")]}
        content |= _lengths(values.pop("input_shape"))
        content |= values
    if snapshot.architecture and (differing := _differing(snapshot.architecture)):
        content["architecture"] = differing
    return content


def _lengths(state_shape: tuple[int, ...]) -> dict[str, int]:
    if len(state_shape) != len(LENGTHS):
        return {}
    history, height, width = map(int, state_shape)
    return dict(zip(LENGTHS, (height, width, history), strict=True))


def _differing(architecture: Architecture) -> dict[str, Any]:
    """The fields that are not as in the default network and that its arrays do not show."""
    fields = {name: getattr(architecture, name) for name in _READERS}
    if not architecture.is_dueling:
        del fields["dueling_streams"]  # which has no effect
    differing = {n: value for n, value in fields.items() if value != getattr(_DEFAULT, n)}
    return {n: _as_lists(v) if isinstance(v, tuple) else v for n, v in differing.items()}


def _as_lists(values: tuple[Any, ...]) -> list[Any]:
    return [list(value) if isinstance(value, tuple) else value for value in values]


# From plain values, which may be any


def with_facts(layers: list[Layer], content: dict[str, Any], fields: dict[str, Any]) -> Snapshot:
    """Make a snapshot of `layers`, what `facts` returned, which is among `content`, and `fields`.

    These are those of the architecture that the arrays do not show. Raises Unusable.
    """
    state_shape = _state_shape(content.get("train_input_shape"))
    metadata = _metadata(content.get(KEY), state_shape)
    architecture = None
    if state_shape is not None:
        architecture = _architecture(layers, state_shape, fields)
    elif Architecture(1, **fields) != _DEFAULT:
        raise AnotherNetwork("it does not say what its input is")
    return Snapshot(layers, architecture, metadata)


def described_fields(content: dict[str, Any]) -> dict[str, Any] | None:
    """The fields of Architecture that `content` has, checked and bounded; None if it is Neon's.

    Raises Unusable.
    """
    described = content.get(KEY)
    if described is None:
        return None
    values = described.get("architecture", {}) if isinstance(described, dict) else {}
    if not isinstance(values, dict):
        raise Unusable("is damaged: its architecture is not a dictionary")
    unknown = sorted(values.keys() - _READERS.keys())
    if unknown:
        raise AnotherNetwork(f"it has {unknown[0][:100]!a}, which this version does not know")
    return {name: read_field(name, value) for name, value in values.items()}


def read_field(name: str, value: Any) -> Any:
    """The value of a field of Architecture, from a file; raises AnotherNetwork."""
    read = _READERS[name](value)
    if read is None:
        raise AnotherNetwork(f"its {name} are none that this version knows")
    return read


def layers_of(fields: dict[str, Any]) -> tuple[tuple[Convolution, ...], tuple[int, ...]]:
    """The convolutions and dense units of these fields, or the default's.

    Raises AnotherNetwork if they are too many.
    """
    convolutions = fields.get("convolutions", NATURE_CONVOLUTIONS)
    dense_units = fields.get("dense_units", HIDDEN_UNITS)
    if len(convolutions) + len(dense_units) > MAX_LAYERS:
        raise AnotherNetwork(f"it has more than {MAX_LAYERS} layers before the last one")
    return convolutions, dense_units


def _architecture(
    layers: list[Layer], state_shape: tuple[int, ...], fields: dict[str, Any]
) -> Architecture:
    """The architecture, of layers of any shapes; as many actions as it may have at most."""
    if not layers:
        raise AnotherNetwork("it has no layers with weights")
    architecture = Architecture(
        1,
        state_shape,
        batch_norm=layers[0].batch_norm is not None,
        biases=layers[0].biases is not None,
        **fields,
    )
    last = layers[-1].weights
    num_actions = (len(last) if last.ndim else 1) - architecture.is_dueling
    return dataclasses.replace(architecture, num_actions=min(max(num_actions, 1), MAX_ACTIONS))


def _state_shape(shape: Any) -> tuple[int, ...] | None:
    if shape is None:
        return None
    is_shape = isinstance(shape, list | tuple) and 2 <= len(shape) <= 4
    if not is_shape or not all(map(is_count, shape)) or min(shape) == 0:
        raise AnotherNetwork("its input is not (history, height, width) or alike")
    return tuple(shape)


def _metadata(values: Any, state_shape: tuple[int, ...] | None) -> Metadata | None:
    if values is None or (isinstance(values, dict) and values.keys() <= set(OF_THE_NETWORK)):
        return None
    names = {of.name for of in dataclasses.fields(Metadata)} - {"input_shape"}
    has_lengths = state_shape is None or len(state_shape) == len(LENGTHS)
    needed = (names - {"flags"}) | set(LENGTHS if has_lengths else ())
    if not isinstance(values, dict) or not values.keys() >= needed:
        raise Unusable("is damaged: its metadata is not complete")
    kept = {name: values[name] for name in names & values.keys()}
    if state_shape is None or has_lengths:
        height, width, history = (values[name] for name in LENGTHS)
        return Metadata(**kept, input_shape=(history, height, width))
    return Metadata(**kept, input_shape=state_shape)


def is_count(value: Any) -> bool:
    """Whether a value from a file is a whole number from 0 on, and no truth value."""
    return type(value) is int and 0 <= value < 2**63


def _convolutions(value: Any) -> tuple[Convolution, ...] | None:
    maxima = (MAX_FILTERS, MAX_PIXELS, MAX_PIXELS, MAX_PIXELS)
    if not _is_list(value, 0, MAX_LAYERS) or not all(_is_list(of, 4, 4) for of in value):
        return None
    if not all(_is_number(n, most) for of in value for n, most in zip(of, maxima, strict=True)):
        return None
    return tuple(Convolution(*of) for of in value)


def _dense_units(value: Any) -> tuple[int, ...] | None:
    if not _is_list(value, 1, MAX_LAYERS) or not all(_is_number(n, MAX_UNITS) for n in value):
        return None
    return tuple(value)


def _one_of(*words: str) -> Callable[[Any], str | None]:
    return lambda value: value if isinstance(value, str) and value in words else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _is_list(value: Any, least: int, most: int) -> bool:
    return isinstance(value, list | tuple) and least <= len(value) <= most


def _is_number(value: Any, most: int) -> bool:
    return type(value) is int and 1 <= value <= most


# What reads each of the fields of Architecture that a file may name; None for what is none
_READERS: dict[str, Callable[[Any], Any]] = {
    "convolutions": _convolutions,
    "dense_units": _dense_units,
    "state_dtype": _one_of(*STATE_DTYPES),
    "activation": _one_of(*ACTIVATIONS),
    "shared_convolutions": _boolean,
    "dueling": _one_of(*DUELING),
    "dueling_streams": _boolean,
}

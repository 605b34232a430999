"""Network weights on disk: the format of Nervana Neon 2.6.0, read without trusting the file.

A name that ends with .safetensors stands for that format, without pickles, with the same contents.

Neon reads what is saved here. What Neon saved is read here, be it under Python 2.7 or 3, or by Neon
before 1.1, as were the models that were published in 2015. What Neon's format cannot hold stands
under one more key, `simple_dqn`, which Neon ignores. Neon's layers for this network are

    (Convolution, [BatchNorm,] Rectlin) × 3, Linear, [BatchNorm,] Rectlin, Linear
"""

import dataclasses
import errno
import pickle
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from dqn.errors import UserError, explain
from dqn.machine.files import atomic_write
from dqn.networks.architecture import CONVOLUTIONS, MIN_SCREEN_SIZE, layer_shapes
from dqn.networks.layers import BatchNorm, Layer
from dqn.snapshots import unpickler

MAX_FILE_SIZE = 400 * 2**20  # bytes: room for 210×160 pixels with Adadelta's states in float32
MAX_ACTIONS = 256
MAX_STATES = 3  # arrays that an optimizer keeps for each array of parameters
MAX_NAME = 255  # characters of a game's name

LAYER_NAMES = ("convolution 1", "convolution 2", "convolution 3", "affine 1", "affine 2")
FLOATS = (np.float16, np.float32, np.float64)

_BATCH_NORM = ("beta", "gamma", "gmean", "gvar")
_LEARNED = ("beta", "gamma")  # those of them that the optimizer has states for

_KINDS = ("Convolution", "Convolution", "Convolution", "Linear", "Linear")
_LAYERS = [kind for weights in _KINDS for kind in (weights, "Rectlin")][:-1]
_LAYERS_WITH_BATCH_NORM = [
    kind for weights in _KINDS for kind in (weights, "BatchNorm", "Rectlin")
][:-2]


class SnapshotError(UserError):
    """A file that is no snapshot of such a network, or a network that cannot be saved as one."""


class NonFiniteWeights(SnapshotError):
    """The network has diverged to infinity or NaN; it is never saved."""


@dataclass
class Metadata:
    """What a later run must check or continue; files that Neon wrote have none.

    `game` may be any text in a file from elsewhere: show it with `!r`. `flags` are the options of
    the training, plain values by name; earlier files have none.
    """

    game: str
    actions: list[int]
    screen_height: int
    screen_width: int
    history_length: int
    epoch: int = 0
    train_steps: int = 0
    weight_updates: int = 0
    flags: dict[str, Any] = field(default_factory=dict)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """What the network sees: (history, height, width)."""
        return self.history_length, self.screen_height, self.screen_width


@dataclass(eq=False)
class Snapshot:
    """A network: its five layers from first to last.

    `input_shape` is (history, height, width); files of Neon before 1.1 do not tell it.
    """

    layers: list[Layer]
    input_shape: tuple[int, int, int] | None
    metadata: Metadata | None = None


def save_snapshot(snapshot: Snapshot, path: Path) -> None:
    """Write `snapshot` to `path`, whole or not at all; the same snapshot makes the same bytes.

    The ending of the name decides on the format.
    Raises NonFiniteWeights or another SnapshotError where load_snapshot would refuse the file, and
    lets OSError (a full disk, say) pass; `path` is then what it was before.
    """
    try:
        _check(_from_neon(_to_neon(snapshot)))
        with atomic_write(path) as file:
            if is_safetensors(path):
                _safetensors_file().write(file, *_to_arrays(snapshot))
            else:
                _NeonPickler(file, protocol=2).dump(_to_neon(snapshot))
            if file.tell() > MAX_FILE_SIZE:
                raise SnapshotError(f"is {_TOO_LARGE}: use smaller screens")
    except SnapshotError as error:
        raise type(error)(f"the network was not saved to {path}: it {error}") from error


def load_snapshot(path: Path) -> Snapshot:
    """Read a snapshot that this program or Neon wrote; everything is checked and nothing is run.

    The ending of the name decides on the format.
    The arrays are C-contiguous, writable, finite, in native byte order and share no memory.
    Raises SnapshotError, and nothing else.
    """
    try:
        _check_file(path)
        snapshot = _read_safetensors(path) if is_safetensors(path) else _read_pickle(path)
        _check(snapshot)
        return snapshot
    except SnapshotError as error:
        reason = str(error)
    except MemoryError:
        reason = "does not fit into memory: close other programs"
    except OSError as error:
        reason = _ADVICE.get(error.errno, f"cannot be read {explain(error)}")
    raise SnapshotError(f"the snapshot {path} cannot be loaded: it {reason}")


def is_safetensors(path: Path) -> bool:
    """Tell whether a file of this name is in the format safetensors."""
    return path.suffix.lower() == ".safetensors"


def check_snapshot(snapshot: Snapshot, path: Path, expected: Metadata) -> None:
    """See that the network was trained on the `expected` game, actions and screens.

    What the file does not tell is not checked. Raises SnapshotError with the flags to use.
    """
    if snapshot.input_shape not in (None, expected.input_shape):
        history, height, width = snapshot.input_shape
        raise SnapshotError(
            f"the snapshot {path} was trained on other screens: use --history_length {history} "
            f"--screen_height {height} --screen_width {width}"
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


_TOO_LARGE = f"too large for a snapshot (more than {MAX_FILE_SIZE // 2**20} MiB)"
_ADVICE = {
    errno.ENOENT: "does not exist: check the name",
    errno.EACCES: "may not be read by you: change its permissions",
}


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except ValueError:  # what Python says to a name that no file can have, with a zero byte, say
        raise SnapshotError(_ADVICE[errno.ENOENT]) from None
    if stat.S_ISDIR(status.st_mode):
        raise SnapshotError("is a folder: name a file in it")
    if not stat.S_ISREG(status.st_mode):  # a pipe or /dev/zero, say, which may never end
        raise SnapshotError("is not a regular file: copy the snapshot into one")
    if status.st_size == 0:
        raise SnapshotError("is empty: use another snapshot")
    if status.st_size > MAX_FILE_SIZE:
        raise SnapshotError(f"is {_TOO_LARGE}: use another file")


def _read_pickle(path: Path) -> Snapshot:
    try:
        with open(path, "rb") as file:
            return _from_neon(unpickler.load(file))
    except unpickler.UnpicklingError as error:
        raise SnapshotError(str(error)) from error


# The format safetensors


def _safetensors_file() -> ModuleType:
    """The module that reads and writes it; its library is needed only here."""
    try:
        from dqn.snapshots import safetensors_format as safetensors_file
    except ImportError as error:
        raise UserError(f"{error}: pip install safetensors, or use a .pkl snapshot") from error
    return safetensors_file


def _read_safetensors(path: Path) -> Snapshot:
    module = _safetensors_file()
    try:
        arrays, values = module.read(path)
        return _from_arrays(arrays, values)
    except module.DamagedFile as error:
        raise SnapshotError(str(error)) from error


def _to_arrays(snapshot: Snapshot) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Name each array; what else Neon's dictionary holds stands beside them."""
    arrays = {}
    for number, layer in enumerate(snapshot.layers):
        arrays[f"{number}.weights"] = layer.weights
        arrays |= {f"{number}.states.{i}": state for i, state in enumerate(layer.states)}
        if norm := layer.batch_norm:
            prefix = f"{number}.batch_norm"
            arrays |= {f"{prefix}.{name}": getattr(norm, name) for name in _BATCH_NORM}
            for of, states in zip(_LEARNED, norm.states, strict=True):
                arrays |= {f"{prefix}.{of}.states.{i}": s for i, s in enumerate(states)}
    content = _to_neon(snapshot)
    names = ("train_input_shape", "simple_dqn")
    return (
        {name: _plain_array(array) for name, array in arrays.items()},
        {name: content[name] for name in names if name in content},
    )


def _from_arrays(arrays: dict[str, np.ndarray], values: dict[str, Any]) -> Snapshot:
    arrays = dict(arrays)

    def take_states(prefix: str) -> list[np.ndarray]:
        names = [f"{prefix}states.{i}" for i in range(MAX_STATES)]
        return [arrays.pop(name) for name in names if name in arrays]

    layers = []
    try:
        for number in range(len(LAYER_NAMES)):
            layer = Layer(arrays.pop(f"{number}.weights"), take_states(f"{number}."))
            prefix = f"{number}.batch_norm."
            if f"{prefix}beta" in arrays:
                columns = [arrays.pop(prefix + name) for name in _BATCH_NORM]
                states = [take_states(f"{prefix}{of}.") for of in _LEARNED]
                layer.batch_norm = BatchNorm(*columns, states)
            layers.append(layer)
    except KeyError as error:
        raise _another_network(f"it has no array {error}") from error
    if arrays:
        raise _another_network(f"it has an array {min(arrays)[:100]!a}")
    return Snapshot(
        layers, _input_shape(values.get("train_input_shape")), _metadata(values.get("simple_dqn"))
    )


# From the dictionary that Neon writes


def _from_neon(content: Any) -> Snapshot:
    match content:
        case {"model": {"config": {"layers": [*entries]}}}:
            layers = _layers(_entries_with_weights(entries))
        case {"layer_params_states": [*entries]}:  # Neon before 1.1
            layers = _layers(entries)
        case _:
            raise SnapshotError("is a pickle, but not one that Neon or this program wrote")
    return Snapshot(
        layers, _input_shape(content.get("train_input_shape")), _metadata(content.get("simple_dqn"))
    )


def _entries_with_weights(entries: list[Any]) -> list[Any]:
    kinds = [_kind(entry) for entry in entries]
    if kinds not in (_LAYERS, _LAYERS_WITH_BATCH_NORM):
        raise _another_network(f"its layers are {ascii(', '.join(kinds)[:100])[1:-1]}")
    return [entry for entry, kind in zip(entries, kinds, strict=True) if kind != "Rectlin"]


def _kind(entry: Any) -> str:
    """Name the class of one of Neon's layers, or the function that an Activation applies."""
    match entry:
        case {"type": "neon.layers.layer.Activation", "config": {"transform": {"type": str(name)}}}:
            return name.rpartition(".")[2]
        case {"type": str(name)}:
            return name.rpartition(".")[2]
    return "unknown"


def _layers(entries: list[Any]) -> list[Layer]:
    """Read the entries of the layers with weights; batch normalisation has one after its layer's.

    Neon before 1.1 wrote bare arrays, and a list of four, where later versions name them.
    """
    layers: list[Layer] = []
    for entry in entries:
        match entry:
            case {"params": {"W": np.ndarray(ndim=2) as weights} | (np.ndarray(ndim=2) as weights)}:
                layers.append(Layer(weights, _states(entry.get("states", []))))
            case {
                "params": {"beta": beta, "gamma": gamma, "gmean": gmean, "gvar": gvar}
                | [beta, gamma, gmean, gvar]
            } if layers and layers[-1].batch_norm is None:
                columns = [_column(array) for array in (beta, gamma, gmean, gvar)]
                states = [_states(of) for of in _states(entry.get("states", [[], []]))]
                layers[-1].batch_norm = BatchNorm(*columns, states)
            case _:
                raise _another_network("its weights are not where Neon puts them")
    return layers


def _states(states: Any) -> list[Any]:
    if not isinstance(states, list):
        raise SnapshotError("is damaged: the optimizer's states are not a list")
    return [_column(state) for state in states]


def _column(array: Any) -> Any:
    """Make (n, 1) of an array (n,); some versions of Neon save the one, some the other."""
    return array[:, np.newaxis] if isinstance(array, np.ndarray) and array.ndim == 1 else array


def _input_shape(shape: Any) -> tuple[int, int, int] | None:
    match shape:
        case None:
            return None
        case [history, height, width] if all(map(_is_count, shape)) and min(shape) > 0:
            return history, height, width
    raise _another_network("its input is not (history, height, width)")


def _metadata(values: Any) -> Metadata | None:
    if values is None:
        return None
    names = {of.name for of in dataclasses.fields(Metadata)}
    if not isinstance(values, dict) or not values.keys() >= names - {"flags"}:
        raise SnapshotError("is damaged: its metadata is not complete")
    return Metadata(**{name: values[name] for name in names & values.keys()})


# What is true of every snapshot


def _check(snapshot: Snapshot) -> None:
    _check_layers(snapshot)
    _check_metadata(snapshot)


def _another_network(difference: str) -> SnapshotError:
    return SnapshotError(
        f"holds another network than this program's ({difference}): use another snapshot"
    )


def _check_layers(snapshot: Snapshot) -> None:
    layers = snapshot.layers
    if len(layers) != len(LAYER_NAMES):
        raise _another_network(f"it has {len(layers)} layers with weights")
    if [bool(layer.batch_norm) for layer in layers] not in ([False] * 5, [True] * 4 + [False]):
        raise _another_network("batch normalisation does not follow each of the first four layers")
    _check_states(layers)
    for name, layer, shape in zip(LAYER_NAMES, layers, _expected_shapes(snapshot), strict=True):
        _check_arrays([layer.weights, *layer.states], shape, name)
        if layer.batch_norm is not None:
            units = shape[1] if name.startswith("convolution") else shape[0]
            arrays = layer.batch_norm.arrays()
            _check_arrays(arrays, (units, 1), f"the batch normalisation after {name}")


def _check_states(layers: list[Layer]) -> None:
    lists = [layer.states for layer in layers]
    for layer in layers:
        if layer.batch_norm is not None:
            if len(layer.batch_norm.states) != 2:
                raise SnapshotError("is damaged: batch normalisation has two lists of states")
            lists += layer.batch_norm.states
    counts = {len(states) for states in lists}
    if len(counts) > 1 or max(counts) > MAX_STATES:
        raise SnapshotError("is damaged: the optimizer's states are too few or too many")


def _expected_shapes(snapshot: Snapshot) -> list[tuple[int, int]]:
    """Return the shape of each layer's weights; what the input decides is as the file has it."""
    weights = [layer.weights for layer in snapshot.layers]
    for name, array in zip(LAYER_NAMES, weights, strict=True):
        if array.ndim != 2:
            raise _another_network(f"{name} has the shape {array.shape}")
    actions = min(max(len(weights[4]), 1), MAX_ACTIONS)
    if snapshot.input_shape is None:
        history = max(len(weights[0]) // 64, 1)
        shapes = layer_shapes(actions, history, MIN_SCREEN_SIZE, MIN_SCREEN_SIZE)
        rows, filters = shapes[3]  # with one output of each filter
        shapes[3] = (rows, filters * max(weights[3].shape[1] // filters, 1))
        return shapes
    _, height, width = snapshot.input_shape
    if min(height, width) < MIN_SCREEN_SIZE:
        raise _another_network(f"its screens of {height}×{width} are too small")
    return layer_shapes(actions, *snapshot.input_shape)


def _check_arrays(arrays: Iterable[Any], shape: tuple[int, int], name: str) -> None:
    for array in arrays:
        if not isinstance(array, np.ndarray) or array.dtype not in FLOATS:
            raise SnapshotError(f"is damaged: {name} holds something else than decimal numbers")
        if array.shape != shape:
            raise _another_network(f"{name} has the shape {array.shape}, not {shape}")
        if not np.isfinite(array).all():
            raise NonFiniteWeights(
                f"has diverged ({name} holds infinity or NaN): go back to an earlier snapshot, "
                "or train with a lower learning rate"
            )


def _check_metadata(snapshot: Snapshot) -> None:
    metadata = snapshot.metadata
    if metadata is None:
        return
    if not isinstance(metadata.game, str) or len(metadata.game) > MAX_NAME:
        raise SnapshotError("is damaged: its game is not a name")
    actions = metadata.actions
    if not isinstance(actions, list) or not all(map(_is_count, actions)):
        raise SnapshotError("is damaged: its actions are not a list of numbers")
    if not len(actions) == len(set(actions)) == len(snapshot.layers[-1].weights):
        raise SnapshotError("is damaged: its actions are not those of its network")
    for name, value in vars(metadata).items():
        if name not in ("game", "actions", "flags") and not _is_count(value):
            raise SnapshotError(f"is damaged: its {name} is not a whole number from 0 on")
    flags = metadata.flags
    if not isinstance(flags, dict) or not all(map(_is_flag, flags.items())):
        raise SnapshotError("is damaged: its flags are not plain values")
    if metadata.input_shape != snapshot.input_shape:
        raise SnapshotError("is damaged: its screens are not those of its network")


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_flag(item: tuple[Any, Any]) -> bool:
    name, value = item
    return type(name) is str and (value is None or type(value) in (bool, int, float, str))


# To the dictionary that Neon reads


def _to_neon(snapshot: Snapshot) -> dict[str, Any]:
    """Make what Neon 2.6.0 saves, without the state of its random numbers, which it can miss."""
    metadata = snapshot.metadata
    content: dict[str, Any] = {
        "neon_version": "2.6.0",
        "backend": {"type": "NervanaCPU", "compat_mode": "neon", "rng_seed": None},
        "cost": {
            "type": "neon.layers.layer.GeneralizedCost",
            "config": {
                "name": "GeneralizedCost_0",
                "costfunc": {"type": "neon.transforms.cost.SumSquared", "config": {}},
            },
        },
        "model": {
            "type": "neon.layers.container.Sequential",
            "config": {"name": "Sequential_0", "layers": _to_neon_layers(snapshot.layers)},
            "container": True,
        },
        "epoch_index": 1 if metadata is None else int(metadata.epoch),
    }
    if snapshot.input_shape is not None:
        content["train_input_shape"] = tuple(int(length) for length in snapshot.input_shape)
    if metadata is not None:
        content["simple_dqn"] = {
            name: int(value) if isinstance(value, np.integer) else value
            for name, value in dataclasses.asdict(metadata).items()
        }
        content["simple_dqn"]["actions"] = [int(action) for action in metadata.actions]
    return content


def _to_neon_layers(layers: list[Layer]) -> list[dict[str, Any]]:
    entries = []
    for number, layer in enumerate(layers):
        entry = _description(number, len(layer.weights))
        name = entry["config"]["name"]
        entry["params"] = {"W": _plain_array(layer.weights)}
        entry["states"] = [_plain_array(state) for state in layer.states]
        entries.append(entry)
        if layer.batch_norm is not None:
            entry["config"]["bsum"] = True
            entries.append(_to_neon_batch_norm(layer.batch_norm, name))
        if number < len(layers) - 1:
            entries.append(_to_neon_rectifier(number, name))
    return entries


def _description(number: int, rows: int) -> dict[str, Any]:
    """Describe layer `number` (from 0) without its weights, as Neon does."""
    if number < len(CONVOLUTIONS):
        filters, size, stride = CONVOLUTIONS[number]
        config = {
            "parallelism": "Disabled",
            "name": f"Convolution_{number}",
            "init": {"type": "neon.initializers.initializer.Xavier", "config": {}},
            "strides": stride,
            "fshape": (size, size, filters),
        }
        return {"type": "neon.layers.layer.Convolution", "config": config}
    config = {
        "name": f"Linear_{number - len(CONVOLUTIONS)}",
        "init": {"type": "neon.initializers.initializer.Xavier", "config": {"local": False}},
        "nout": rows,
    }
    return {"type": "neon.layers.layer.Linear", "config": config}


def _to_neon_batch_norm(layer: BatchNorm, name: str) -> dict[str, Any]:
    params = {name: _plain_array(getattr(layer, name)) for name in _BATCH_NORM}
    return {
        "type": "neon.layers.layer.BatchNorm",
        "config": {"name": f"{name}_bnorm"},
        "params": params,
        "states": [[_plain_array(state) for state in states] for states in layer.states],
    }


def _to_neon_rectifier(number: int, name: str) -> dict[str, Any]:
    transform = {
        "type": "neon.transforms.activation.Rectlin",
        "config": {"name": f"Rectlin_{number}"},
    }
    return {
        "type": "neon.layers.layer.Activation",
        "config": {"name": f"{name}_Rectlin", "transform": transform},
    }


def _plain_array(array: np.ndarray) -> np.ndarray:
    """Return `array` in C order and native byte order, so that equal arrays make equal bytes."""
    return np.asarray(array, array.dtype.newbyteorder("="), order="C")


_reconstruct = np.empty(0).__reduce__()[0]


class _NeonPickler(pickle._Pickler):
    """A pickler whose files NumPy 1 and Python 2.7 can read, and whose bytes depend on values only.

    It is Python's own in Python, not its faster double in C, which cannot be told what follows.
    """

    def memoize(self, obj: Any) -> None:
        """Remember nothing: else it would show in the file which equal values are one object."""

    def save_global(self, obj: Any, name: str | None = None) -> None:
        """Write the name that both NumPy 1 and 2 know the maker of arrays by."""
        if obj is _reconstruct:
            self.write(pickle.GLOBAL + b"numpy.core.multiarray\n_reconstruct\n")
        else:
            super().save_global(obj, name)

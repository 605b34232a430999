"""Networks of JAX: arrays with the channels last, in an .npz file or a plain pickle.

Haiku names them `…/w` and `…/b`, Flax `…/kernel` and `…/bias`. Convolutions are (height, width,
channels, filters) and affine layers (n_in, n_out); the first of these takes what the convolutions
give as (height, width, filters).
"""

import io
import re
import tokenize
from typing import Any, BinaryIO

import numpy as np

from dqn.snapshots import unpickler
from dqn.snapshots.snapshot import AnotherNetwork, Unusable
from dqn.snapshots.zip_file import ZipFile

Pair = tuple[np.ndarray, np.ndarray]  # weights and biases in PyTorch's layout

WEIGHTS, BIASES = ("w", "kernel"), ("b", "bias")
MAX_ARRAYS = 100


def is_npz(file: BinaryIO) -> bool:
    """Whether it is an archive of NumPy's arrays."""
    file.seek(0)
    if file.read(2) != b"PK":
        return False
    return any(name.endswith(".npy") for name in ZipFile(file).names)


def read(file: BinaryIO) -> list[Pair]:
    """Read the layers from first to last; raises Unusable."""
    arrays = _read_npz(file) if is_npz(file) else _read_pickle(file)
    weights = [(name, a) for name, a in arrays.items() if _last(name) in WEIGHTS]
    biases = [(name, a) for name, a in arrays.items() if _last(name) in BIASES]
    if len(weights) + len(biases) != len(arrays) or len(weights) != len(biases):
        raise AnotherNetwork(f"it has {min(arrays, default='')[:60]!a} and others, not one w and b")
    weights.sort(key=lambda item: (-item[1].ndim, _in_order(item[0])))
    if {a.ndim for _, a in weights} - {2, 4} or any(a.ndim != 1 for _, a in biases):
        raise AnotherNetwork("its arrays are of other shapes")
    # Biases may have names that no layer has: they are matched by size.
    pairs: list[Pair] = []
    channels = 0
    for name, array in weights:
        own = _take(biases, name, array.shape[-1])
        if array.ndim == 4:
            channels = array.shape[-1]
            pairs.append((array.transpose(3, 2, 0, 1), own))
        else:
            of = _channels_first(array, channels) if len(pairs) == 3 and channels else array
            pairs.append((of.T, own))
    return pairs


def _take(biases: list[tuple[str, np.ndarray]], name: str, size: int) -> np.ndarray:
    """The biases beside the weights `name`; one bias may be that of all outputs of a last layer."""
    for index, (other, array) in enumerate(biases):
        if _folder(other) == _folder(name) and len(array) == size:
            return biases.pop(index)[1]
    for index, (_, array) in enumerate(biases):
        if len(array) == 1:
            return np.repeat(biases.pop(index)[1], size)
    raise AnotherNetwork(f"{name[:60]!a} has no biases")


def _channels_first(weights: np.ndarray, channels: int) -> np.ndarray:
    """The inputs as (channels, height, width) in place of (height, width, channels)."""
    num_inputs, num_outputs = weights.shape
    side = round((num_inputs / channels) ** 0.5)
    if side * side * channels != num_inputs:
        raise AnotherNetwork(f"its first dense layer has {num_inputs} inputs")
    by_pixel = weights.reshape(side, side, channels, num_outputs)
    return by_pixel.transpose(2, 0, 1, 3).reshape(num_inputs, num_outputs)


def _read_npz(file: BinaryIO) -> dict[str, np.ndarray]:
    archive = ZipFile(file)
    if len(archive.names) > MAX_ARRAYS:
        raise Unusable(f"has more than {MAX_ARRAYS} arrays")
    arrays = {}
    for name in archive.names:
        content = archive.read(name)
        try:
            array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
        except (ValueError, EOFError, SyntaxError, tokenize.TokenError, MemoryError) as error:
            raise Unusable(
                f"holds {name[:60]!a}, which is no array of plain numbers: nothing was run"
            ) from error
        arrays[name.removesuffix(".npy")] = array
    return arrays


def _read_pickle(file: BinaryIO) -> dict[str, np.ndarray]:
    """A dictionary of modules, each of which is one of arrays."""
    content = unpickler.load(file)
    arrays: dict[str, np.ndarray] = {}
    for module, values in content.items() if isinstance(content, dict) else ():
        for name, array in values.items() if isinstance(values, dict) else ():
            arrays[f"{module}/{name}"] = _array(array)
    if not arrays:
        raise Unusable("is a pickle, but not of a network's parameters")
    return arrays


def _array(value: Any) -> np.ndarray:
    if not isinstance(value, np.ndarray):
        raise Unusable("is a pickle, but not of a network's parameters")
    return value


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _in_order(name: str) -> int:
    """What sorts `linear` before `linear_1`, and that before `linear_10`."""
    found = re.search(r"_([0-9]{1,4})$", _folder(name))
    return int(found[1]) if found else -1

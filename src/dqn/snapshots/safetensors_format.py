"""Snapshots in Hugging Face's format safetensors: named arrays with a text beside them, no pickles.

The library checks that the arrays lie in the file without gaps or overlaps. The arrays are
`0.weights`, `0.states.0`, `0.biases`, `0.biases.states.0`, `0.batch_norm.beta`,
`0.batch_norm.beta.states.0` and so on, with the number of their layer. The text is JSON with what
else a snapshot holds. (Files of share.sh have PyTorch's names instead: pytorch_layout.py.)
"""

import json
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from dqn.networks.layers import BatchNorm, Biases, Layer
from dqn.snapshots.facts import described_fields, facts, layers_of, with_facts
from dqn.snapshots.neon_format import BATCH_NORM, plain_array
from dqn.snapshots.pytorch_layout import is_of_pytorch, layers_of_pytorch
from dqn.snapshots.snapshot import AnotherNetwork, Snapshot, Unusable
from dqn.snapshots.validation import MAX_STATES

MAX_HEADER = 2**20  # bytes; 64 arrays need less than 10 KiB
MAX_ARRAYS = 1000  # the most layers with all that they may have need 378
FLOATS = ("F16", "F32", "F64")
# One key, because the library keeps several in no certain order.
KEY = "simple_dqn"

_LEARNED = ("beta", "gamma")  # those arrays of BatchNorm that the optimizer has states for


def write(file: BinaryIO, snapshot: Snapshot) -> None:
    """Write a snapshot; equal snapshots make equal bytes."""
    arrays = {name: plain_array(array) for name, array in _to_arrays(snapshot.layers).items()}
    write_arrays(file, arrays, facts(snapshot))


def read(path: Path) -> Snapshot:
    """Read a snapshot; its shapes and numbers are unchecked.

    Raises Unusable; OSError passes through.
    """
    arrays, values = read_arrays(path)
    fields = described_fields(values) or {}
    if is_of_pytorch(values):
        return with_facts(layers_of_pytorch(arrays, fields), values, fields)
    convolutions, dense_units = layers_of(fields)
    layers = _from_arrays(arrays, len(convolutions) + len(dense_units) + 1)
    return with_facts(layers, values, fields)


def write_arrays(file: BinaryIO, arrays: dict[str, np.ndarray], values: dict[str, Any]) -> None:
    """Write C-contiguous arrays and plain `values` beside them; equal ones make equal bytes."""
    file.write(save(arrays, metadata={KEY: json.dumps(values)}))


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read float arrays, which are writable and own their memory, and the values beside them.

    Raises Unusable; OSError passes through.
    """
    with open(path, "rb") as file:
        if int.from_bytes(file.read(8), "little") > MAX_HEADER:
            raise Unusable("is damaged or not a safetensors file (its header is too long)")
    try:
        with safe_open(path, framework="np") as content:
            names = list(content.keys())
            if len(names) > MAX_ARRAYS:
                raise Unusable(f"is too large (more than {MAX_ARRAYS} arrays)")
            if any(content.get_slice(name).get_dtype() not in FLOATS for name in names):
                raise Unusable("holds an array of something else than decimal numbers")
            arrays = {name: np.array(content.get_tensor(name)) for name in names}
            values = json.loads((content.metadata() or {}).get(KEY, "{}"))
    except (SafetensorError, ValueError, RecursionError) as error:
        raise Unusable(
            "is truncated, damaged or not a safetensors file: copy or download it again"
        ) from error
    if not isinstance(values, dict):
        raise Unusable("is damaged: what stands beside its arrays is not a dictionary")
    return arrays, values


def _to_arrays(layers: list[Layer]) -> dict[str, np.ndarray]:
    arrays = {}
    for number, layer in enumerate(layers):
        arrays[f"{number}.weights"] = layer.weights
        arrays |= {f"{number}.states.{i}": state for i, state in enumerate(layer.states)}
        if layer.biases:
            arrays[f"{number}.biases"] = layer.biases.values
            states = layer.biases.states
            arrays |= {f"{number}.biases.states.{i}": state for i, state in enumerate(states)}
        if norm := layer.batch_norm:
            prefix = f"{number}.batch_norm"
            arrays |= {f"{prefix}.{name}": getattr(norm, name) for name in BATCH_NORM}
            for of, states in zip(_LEARNED, norm.states, strict=True):
                arrays |= {f"{prefix}.{of}.states.{i}": s for i, s in enumerate(states)}
    return arrays


def _from_arrays(arrays: dict[str, np.ndarray], num_layers: int) -> list[Layer]:
    arrays = dict(arrays)

    def take_states(prefix: str) -> list[np.ndarray]:
        names = [f"{prefix}states.{i}" for i in range(MAX_STATES)]
        return [arrays.pop(name) for name in names if name in arrays]

    layers = []
    try:
        for number in range(num_layers):
            layer = Layer(arrays.pop(f"{number}.weights"), take_states(f"{number}."))
            if f"{number}.biases" in arrays:
                values = arrays.pop(f"{number}.biases")
                layer.biases = Biases(values, take_states(f"{number}.biases."))
            prefix = f"{number}.batch_norm."
            if f"{prefix}beta" in arrays:
                columns = {name: arrays.pop(prefix + name) for name in BATCH_NORM}
                states = [take_states(f"{prefix}{of}.") for of in _LEARNED]
                layer.batch_norm = BatchNorm(**columns, states=states)
            layers.append(layer)
    except KeyError as error:
        raise AnotherNetwork(f"it has no array {error}") from error
    if arrays:
        raise AnotherNetwork(f"it has an array {min(arrays)[:100]!a}")
    return layers

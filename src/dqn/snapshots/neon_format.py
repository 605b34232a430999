"""The format of Nervana Neon 2.6.0: pickles, read without trusting the file.

Neon reads the files that are written here. Files of Neon are read, from Python 2.7 or 3, also those
from before Neon 1.1, such as the models that were published in 2015. What Neon's format has no
place for is under one more key, `simple_dqn`, which Neon ignores. Neon's layers for this network:

    (Convolution, [BatchNorm,] Rectlin) × 3, Linear, [BatchNorm,] Rectlin, Linear
"""

import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dqn.networks.architecture import NATURE_CONVOLUTIONS
from dqn.networks.layers import BatchNorm, Layer
from dqn.snapshots import unpickler
from dqn.snapshots.snapshot import AnotherNetwork, Metadata, Snapshot, Unusable
from dqn.snapshots.validation import is_count

BATCH_NORM = ("beta", "gamma", "gmean", "gvar")

_KINDS = ("Convolution", "Convolution", "Convolution", "Linear", "Linear")
_LAYERS = [kind for weights in _KINDS for kind in (weights, "Rectlin")][:-1]
_LAYERS_WITH_BATCH_NORM = [
    kind for weights in _KINDS for kind in (weights, "BatchNorm", "Rectlin")
][:-2]


def write(file: BinaryIO, snapshot: Snapshot) -> None:
    """Write a snapshot; equal snapshots make equal bytes."""
    _NeonPickler(file, protocol=2).dump(to_neon(snapshot))


def read(path: Path) -> Snapshot:
    """Read a snapshot; its shapes and numbers are unchecked.

    Raises Unusable; OSError passes through.
    """
    with open(path, "rb") as file:
        return from_neon(unpickler.load(file))


# From the dictionary that Neon writes


def from_neon(content: Any) -> Snapshot:
    """Make a snapshot of a dictionary that Neon or `to_neon` made; raises Unusable."""
    match content:
        case {"model": {"config": {"layers": [*entries]}}}:
            layers = _layers(_entries_with_weights(entries))
        case {"layer_params_states": [*entries]}:  # Neon before 1.1
            layers = _layers(entries)
        case _:
            raise Unusable("is a pickle, but not one that Neon or this program wrote")
    return with_facts(layers, content)


def with_facts(layers: list[Layer], content: dict[str, Any]) -> Snapshot:
    """Make a snapshot of `layers` and what `facts` returned, which is among `content`."""
    return Snapshot(
        layers, _input_shape(content.get("train_input_shape")), _metadata(content.get("simple_dqn"))
    )


def _entries_with_weights(entries: list[Any]) -> list[Any]:
    kinds = [_kind(entry) for entry in entries]
    if kinds not in (_LAYERS, _LAYERS_WITH_BATCH_NORM):
        raise AnotherNetwork(f"its layers are {ascii(', '.join(kinds)[:100])[1:-1]}")
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
                states = [_states(of) for of in _states(entry.get("states", [[], []]))]
                layers[-1].batch_norm = BatchNorm(
                    _column(beta), _column(gamma), _column(gmean), _column(gvar), states
                )
            case _:
                raise AnotherNetwork("its weights are not where Neon puts them")
    return layers


def _states(states: Any) -> list[Any]:
    if not isinstance(states, list):
        raise Unusable("is damaged: the optimizer's states are not a list")
    return [_column(state) for state in states]


def _column(array: Any) -> Any:
    """Make (n, 1) of an array (n,); some versions of Neon save the one, some the other."""
    return array[:, np.newaxis] if isinstance(array, np.ndarray) and array.ndim == 1 else array


def _input_shape(shape: Any) -> tuple[int, int, int] | None:
    match shape:
        case None:
            return None
        case [history, height, width] if all(map(is_count, shape)) and min(shape) > 0:
            return history, height, width
    raise AnotherNetwork("its input is not (history, height, width)")


def _metadata(values: Any) -> Metadata | None:
    if values is None:
        return None
    names = {of.name for of in dataclasses.fields(Metadata)}
    if not isinstance(values, dict) or not values.keys() >= names - {"flags"}:
        raise Unusable("is damaged: its metadata is not complete")
    return Metadata(**{name: values[name] for name in names & values.keys()})


# To the dictionary that Neon reads


def to_neon(snapshot: Snapshot) -> dict[str, Any]:
    """Make the dictionary that Neon 2.6.0 saves, without the optional state of its generator."""
    return {
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
        "epoch_index": 1 if snapshot.metadata is None else int(snapshot.metadata.epoch),
        **facts(snapshot),
    }


def facts(snapshot: Snapshot) -> dict[str, Any]:
    """Return what a snapshot holds besides its layers, as plain values."""
    content: dict[str, Any] = {}
    if snapshot.input_shape is not None:
        content["train_input_shape"] = tuple(int(length) for length in snapshot.input_shape)
    if snapshot.metadata is not None:
        content["simple_dqn"] = {
            name: int(value) if isinstance(value, np.integer) else value
            for name, value in dataclasses.asdict(snapshot.metadata).items()
        }
        content["simple_dqn"]["actions"] = [int(action) for action in snapshot.metadata.actions]
    return content


def _to_neon_layers(layers: list[Layer]) -> list[dict[str, Any]]:
    entries = []
    for number, layer in enumerate(layers):
        entry = _description(number, len(layer.weights))
        name = entry["config"]["name"]
        entry["params"] = {"W": plain_array(layer.weights)}
        entry["states"] = [plain_array(state) for state in layer.states]
        entries.append(entry)
        if layer.batch_norm is not None:
            entry["config"]["bsum"] = True
            entries.append(_to_neon_batch_norm(layer.batch_norm, name))
        if number < len(layers) - 1:
            entries.append(_to_neon_rectifier(number, name))
    return entries


def _description(number: int, rows: int) -> dict[str, Any]:
    """Describe layer `number` (from 0) without its weights, as Neon does."""
    if number < len(NATURE_CONVOLUTIONS):
        of = NATURE_CONVOLUTIONS[number]
        config = {
            "parallelism": "Disabled",
            "name": f"Convolution_{number}",
            "init": {"type": "neon.initializers.initializer.Xavier", "config": {}},
            "strides": of.stride,
            "fshape": (of.height, of.width, of.filters),
        }
        return {"type": "neon.layers.layer.Convolution", "config": config}
    config = {
        "name": f"Linear_{number - len(NATURE_CONVOLUTIONS)}",
        "init": {"type": "neon.initializers.initializer.Xavier", "config": {"local": False}},
        "nout": rows,
    }
    return {"type": "neon.layers.layer.Linear", "config": config}


def _to_neon_batch_norm(layer: BatchNorm, name: str) -> dict[str, Any]:
    params = {name: plain_array(getattr(layer, name)) for name in BATCH_NORM}
    return {
        "type": "neon.layers.layer.BatchNorm",
        "config": {"name": f"{name}_bnorm"},
        "params": params,
        "states": [[plain_array(state) for state in states] for states in layer.states],
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


def plain_array(array: np.ndarray) -> np.ndarray:
    """Return `array` in C order and native byte order, so that equal arrays make equal bytes."""
    return np.asarray(array, array.dtype.newbyteorder("="), order="C")


_reconstruct = np.empty(0).__reduce__()[0]


class _NeonPickler(pickle._Pickler):
    """A pickler whose files NumPy 1 and Python 2.7 can read, and whose bytes depend on values only.

    Based on Python's pickler in Python, because the faster one in C has no such hooks.
    """

    write: Callable[[bytes], object]

    def memoize(self, obj: Any) -> None:
        """Remember nothing: the file would show which equal values are one object."""

    def save_global(self, obj: Any, name: str | None = None) -> None:
        """Write the name that both NumPy 1 and 2 know the maker of arrays by."""
        if obj is _reconstruct:
            self.write(pickle.GLOBAL + b"numpy.core.multiarray\n_reconstruct\n")
        else:
            super().save_global(obj, name)  # type: ignore[misc]

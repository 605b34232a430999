"""The format of Nervana Neon 2.6.0: pickles, read without trusting the file.

Neon reads the files that are written here, unless `simple_dqn`, a key that Neon ignores, has
`unfit_for_neon`, which says why not. Files of Neon are read, from Python 2.7 or 3, also those from
before Neon 1.1, such as the models that were published in 2015. Neon's layers of a network:

    (Convolution, [BatchNorm,] Rectlin) × n, (Linear, [BatchNorm,] Rectlin) × m, Linear

For ELU, Explin takes Rectlin's place. Biases follow their layer as one of the type Bias; those of a
convolution are in the layer itself, of the type Convolution_bias, except in older files.
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.layers import BatchNorm, Biases, Layer
from dqn.snapshots import unpickler
from dqn.snapshots.facts import KEY, described_fields, facts, layers_of, read_field, with_facts
from dqn.snapshots.snapshot import AnotherNetwork, Snapshot, Unusable

BATCH_NORM = ("beta", "gamma", "gmean", "gvar")
ACTIVATIONS = {"relu": "Rectlin", "elu": "Explin"}

_MISPLACED = "its weights are not where Neon puts them"


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
            kinds = [_kind(entry) for entry in entries]
            fields = described_fields(content)
            if fields is None:
                fields = _fields_of_neon(entries, kinds)
            _check_kinds(kinds, fields)
            names = ACTIVATIONS.values()
            with_arrays = [e for e, kind in zip(entries, kinds, strict=True) if kind not in names]
            return with_facts(_layers(with_arrays), content, fields)
        case {"layer_params_states": [*entries]}:  # Neon before 1.1
            return with_facts(_layers(entries), content, described_fields(content) or {})
    raise Unusable("is a pickle, but not one that Neon or this program wrote")


def _kind(entry: Any) -> str:
    """Name the class of one of Neon's layers, or the function that an Activation applies."""
    match entry:
        case {"type": "neon.layers.layer.Activation", "config": {"transform": {"type": str(name)}}}:
            return name.rpartition(".")[2]
        case {"type": str(name)}:
            return name.rpartition(".")[2]
    return "unknown"


def _check_kinds(kinds: list[str], fields: dict[str, Any]) -> None:
    """Raises AnotherNetwork unless `kinds` are those of a network with these `fields`.

    Whether it has biases and batch normalisation, they show themselves.
    """
    convolutions, dense_units = layers_of(fields)
    separate = [k for kind in kinds for k in _SEPARATE.get(kind, [kind])]
    biases, norm = ([kind] if kind in separate else [] for kind in ("Bias", "BatchNorm"))
    between = [*biases, *norm, ACTIVATIONS[fields.get("activation", "relu")]]
    weights = ["Convolution"] * len(convolutions) + ["Linear"] * len(dense_units)
    expected = [k for kind in weights for k in (kind, *between)]
    if separate != [*expected, "Linear", *biases]:
        raise AnotherNetwork(f"its layers are {ascii(', '.join(kinds)[:100])[1:-1]}")


_SEPARATE = {"Convolution_bias": ["Convolution", "Bias"]}


def _fields_of_neon(entries: list[Any], kinds: list[str]) -> dict[str, Any]:
    """What the layers themselves say of the architecture, which nothing else in the file does."""
    of_kinds = list(zip(entries, kinds, strict=True))
    convolutions = [_convolution(entry) for entry, kind in of_kinds if "Convolution" in kind]
    units = [_num_outputs(entry) for entry, kind in of_kinds if kind == "Linear"]
    if not units[:-1]:
        raise AnotherNetwork(f"its layers are {ascii(', '.join(kinds)[:100])[1:-1]}")
    return {
        "convolutions": read_field("convolutions", convolutions),
        "dense_units": read_field("dense_units", units[:-1]),
        "activation": "elu" if ACTIVATIONS["elu"] in kinds else "relu",
    }


def _convolution(entry: Any) -> list[Any]:
    """The filters, height, width and stride, unchecked, of one of Neon's convolutions."""
    config = entry["config"] if isinstance(entry.get("config"), dict) else {}
    others = (("padding", 0), ("dilation", 1))
    if all(_is_default(config.get(name, default), default) for name, default in others):
        match config.get("fshape"), config.get("strides", 1):
            case [height, width, filters], {"str_h": int(stride), "str_w": int(same)}:
                if stride == same:
                    return [filters, height, width, stride]
            case [height, width, filters], stride:
                return [filters, height, width, stride]
    raise AnotherNetwork("its convolutions are none that this program makes")


def _is_default(value: Any, default: int) -> bool:
    return isinstance(value, int | dict) and value in (default, {})


def _num_outputs(entry: Any) -> int:
    match entry:
        case {"params": {"W": np.ndarray(ndim=2) as weights}}:
            return len(weights)
    raise AnotherNetwork(_MISPLACED)


def _layers(entries: list[Any]) -> list[Layer]:
    """Read the entries of the layers with arrays.

    Biases and batch normalisation have entries after that of their layer. Neon before 1.1 wrote
    bare arrays, and a list of four, where later versions name them.
    """
    layers: list[Layer] = []
    for entry in entries:
        layer = layers[-1] if layers else None
        match entry:
            case {
                "type": "neon.layers.layer.Bias",
                "params": {"W": values},
            } if layer and layer.biases is None:
                layer.biases = Biases(_column(values), _states(entry.get("states", [])))
            case {"params": {"W": np.ndarray(ndim=2) as weights, "weight_bias": values}}:
                of_weights, of_biases = _pair_of_states(entry)
                layers.append(Layer(weights, of_weights, biases=Biases(_column(values), of_biases)))
            case {"params": {"W": np.ndarray(ndim=2) as weights} | (np.ndarray(ndim=2) as weights)}:
                layers.append(Layer(weights, _states(entry.get("states", []))))
            case {
                "params": {"beta": beta, "gamma": gamma, "gmean": gmean, "gvar": gvar}
                | [beta, gamma, gmean, gvar]
            } if layer and layer.batch_norm is None:
                states = [_states(of) for of in _states(entry.get("states", [[], []]))]
                layer.batch_norm = BatchNorm(
                    _column(beta), _column(gamma), _column(gmean), _column(gvar), states
                )
            case _:
                raise AnotherNetwork(_MISPLACED)
    return layers


def _pair_of_states(entry: dict[str, Any]) -> list[list[Any]]:
    """The states of weights and of biases that are in one entry."""
    states = [_states(of) for of in _states(entry.get("states", [[], []]))]
    if len(states) != 2:
        raise Unusable("is damaged: a convolution with biases has two lists of states")
    return states


def _states(states: Any) -> list[Any]:
    if not isinstance(states, list):
        raise Unusable("is damaged: the optimizer's states are not a list")
    return [_column(state) for state in states]


def _column(array: Any) -> Any:
    """Make (n, 1) of an array (n,); some versions of Neon save the one, some the other."""
    return array[:, np.newaxis] if isinstance(array, np.ndarray) and array.ndim == 1 else array


# To the dictionary that Neon reads


def to_neon(snapshot: Snapshot) -> dict[str, Any]:
    """Make the dictionary that Neon 2.6.0 saves, without the optional state of its generator."""
    content = facts(snapshot)
    reason = _why_unfit(snapshot.architecture)
    if reason:
        content.setdefault(KEY, {})["unfit_for_neon"] = reason
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
            "config": {"name": "Sequential_0", "layers": _to_neon_layers(snapshot)},
            "container": True,
        },
        "epoch_index": 1 if snapshot.metadata is None else int(snapshot.metadata.epoch),
        **content,
    }


def _why_unfit(architecture: Architecture | None) -> str:
    """Why Neon would compute something else with the layers; empty if it would not."""
    if architecture is None:
        return ""
    if architecture.is_dueling:
        return "Neon has no layer that makes Q-values of a value and advantages"
    if architecture.shared_convolutions:
        return "Neon has no convolutions that see each screen by itself"
    if len(architecture.state_shape) != 3:
        return "Neon's states are (history, height, width)"
    return ""


def _to_neon_layers(snapshot: Snapshot) -> list[dict[str, Any]]:
    architecture = snapshot.architecture or Architecture(num_actions=1)
    convolutions = architecture.convolutions
    entries = []
    for number, layer in enumerate(snapshot.layers):
        if number < len(convolutions):
            own = _to_neon_convolution(number, convolutions[number], layer)
        else:
            own = _to_neon_affine(number - len(convolutions), layer)
        name = own[0]["config"]["name"]
        entries += own
        if layer.batch_norm is not None:
            own[0]["config"]["bsum"] = True
            entries.append(_to_neon_batch_norm(layer.batch_norm, name))
        if number < len(snapshot.layers) - 1:
            entries.append(_to_neon_activation(architecture.activation, number, name))
    return entries


def _to_neon_convolution(number: int, of: Convolution, layer: Layer) -> list[dict[str, Any]]:
    """Describe convolution `number` (from 0), as Neon does."""
    kind = "Convolution" if layer.biases is None else "Convolution_bias"
    config = {
        "parallelism": "Disabled",
        "name": f"{kind}_{number}",
        "init": {"type": "neon.initializers.initializer.Xavier", "config": {}},
        "strides": of.stride,
        "fshape": (of.height, of.width, of.filters),
    }
    entry: dict[str, Any] = {
        "type": f"neon.layers.layer.{kind}",
        "config": config,
        "params": {"W": plain_array(layer.weights)},
        "states": _plain_arrays(layer.states),
    }
    if layer.biases is not None:
        config["bias"] = _CONSTANT
        entry["params"]["weight_bias"] = plain_array(layer.biases.values)
        entry["states"] = [_plain_arrays(layer.states), _plain_arrays(layer.biases.states)]
    return [entry]


def _to_neon_affine(number: int, layer: Layer) -> list[dict[str, Any]]:
    """Describe affine layer `number` (from 0), and its biases, as Neon does."""
    config = {
        "name": f"Linear_{number}",
        "init": {"type": "neon.initializers.initializer.Xavier", "config": {"local": False}},
        "nout": len(layer.weights),
    }
    entry = {
        "type": "neon.layers.layer.Linear",
        "config": config,
        "params": {"W": plain_array(layer.weights)},
        "states": _plain_arrays(layer.states),
    }
    if layer.biases is None:
        return [entry]
    of_biases = {
        "type": "neon.layers.layer.Bias",
        "config": {"name": f"Linear_{number}_bias", "init": _CONSTANT},
        "params": {"W": plain_array(layer.biases.values)},
        "states": _plain_arrays(layer.biases.states),
    }
    return [entry, of_biases]


_CONSTANT = {"type": "neon.initializers.initializer.Constant", "config": {}}


def _to_neon_batch_norm(layer: BatchNorm, name: str) -> dict[str, Any]:
    params = {name: plain_array(getattr(layer, name)) for name in BATCH_NORM}
    return {
        "type": "neon.layers.layer.BatchNorm",
        "config": {"name": f"{name}_bnorm"},
        "params": params,
        "states": [_plain_arrays(states) for states in layer.states],
    }


def _to_neon_activation(activation: str, number: int, name: str) -> dict[str, Any]:
    kind = ACTIVATIONS[activation]
    transform = {
        "type": f"neon.transforms.activation.{kind}",
        "config": {"name": f"{kind}_{number}"},
    }
    return {
        "type": "neon.layers.layer.Activation",
        "config": {"name": f"{name}_{kind}", "transform": transform},
    }


def _plain_arrays(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [plain_array(array) for array in arrays]


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

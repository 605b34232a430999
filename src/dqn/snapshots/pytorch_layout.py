"""The layers of a network whose arrays have PyTorch's names and layout, as share.sh writes them.

They are the state of a torch.nn.Sequential: the number of a module, then "weight", "bias",
"running_mean" or "running_var". A dueling network's last layer is one of all units before it, with
zeros where value and advantages do not see one another's.
"""

from typing import Any

import numpy as np

from dqn.networks.layers import BatchNorm, Biases, Layer
from dqn.snapshots.facts import layers_of
from dqn.snapshots.snapshot import AnotherNetwork

KEY, NAME = "layout", "pytorch"  # what a file of this layout says beside its arrays


def is_of_pytorch(values: dict[str, Any]) -> bool:
    """Whether what stands beside a file's arrays says that they have this layout."""
    return values.get(KEY) == NAME


def layers_of_pytorch(arrays: dict[str, np.ndarray], fields: dict[str, Any]) -> list[Layer]:
    """The layers in Neon's layout; their shapes and numbers are unchecked.

    `fields` are those of the architecture that the arrays do not show. Raises AnotherNetwork.
    """
    convolutions, dense_units = layers_of(fields)
    layers = _layers(arrays)
    expected = len(convolutions) + len(dense_units) + 1
    if len(layers) != expected:
        raise AnotherNetwork(f"it has {len(layers)} layers with weights, not {expected}")
    is_dueling = fields.get("dueling", "false") != "false"
    if is_dueling and fields.get("dueling_streams", True) and dense_units:
        layers[-1].weights = _of_streams(layers[-1].weights)
    return layers


def _layers(arrays: dict[str, np.ndarray]) -> list[Layer]:
    modules: dict[int, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        word, _, kind = name.partition(".")
        if not (word.isascii() and word.isdigit() and len(word) < 5 and array.ndim):
            raise AnotherNetwork(f"it has an array {name[:100]!a}")
        modules.setdefault(int(word), {})[kind] = array
    layers: list[Layer] = []
    for number in sorted(modules):
        module = modules[number]
        match module:
            case {
                "weight": weights,
                "bias": beta,
                "running_mean": mean,
                "running_var": variance,
            } if len(module) == 4 and layers and layers[-1].batch_norm is None:
                layers[-1].batch_norm = BatchNorm(
                    _column(beta), _column(weights), _column(mean), _column(variance), [[], []]
                )
            case {"weight": weights, "bias": biases} if len(module) == 2:
                layers.append(Layer(_weights(weights), [], biases=Biases(_column(biases), [])))
            case {"weight": weights} if len(module) == 1:
                layers.append(Layer(_weights(weights), []))
            case _:
                raise AnotherNetwork(f"its module {number} has {ascii(sorted(module))[:100]}")
    return layers


def _weights(array: np.ndarray) -> np.ndarray:
    """(C·R·S, K) of a convolution's (K, C, R, S), else the same."""
    if array.ndim != 4:
        return array
    return np.ascontiguousarray(array.reshape(len(array), -1).T)


def _column(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1, 1)


def _of_streams(weights: np.ndarray) -> np.ndarray:
    """(1 + num_actions, n) of (1 + num_actions, 2n): what either stream sees."""
    if weights.ndim != 2:
        raise AnotherNetwork("its last layer is not affine")
    half = weights.shape[1] // 2
    if weights[:1, half:].any() or weights[1:, :half].any():
        raise AnotherNetwork("its value and its advantages see one another's units")
    return np.concatenate([weights[:1, :half], weights[1:, half:]])

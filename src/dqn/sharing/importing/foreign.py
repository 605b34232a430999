"""A network as another library's file holds it, and its layers as this program's."""

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from dqn.networks.architecture import NATURE_CONVOLUTIONS, Convolution
from dqn.networks.layers import Biases, Layer
from dqn.snapshots.snapshot import AnotherNetwork, Unusable

LARGEST_NUMBER = 255  # of a uint8, which this program divides by it


@dataclass
class ForeignNetwork:
    """What a reader found in a file.

    library: its name; style: the value of --episode_start that does as it does; layers: in Neon's
    layout; dense_units: of all affine layers but the last; screen: (history, height, width) of a
    network with Nature's convolutions, None without convolutions; flags: what else is known of the
    training, by the names of this program's flags; train_steps: as in `Metadata`; is_scaled:
    whether numbers of uint8 are divided by 255.
    """

    library: str
    style: str
    layers: list[Layer]
    dense_units: tuple[int, ...]
    screen: tuple[int, int, int] | None
    activation: str = "relu"
    flags: dict[str, Any] = field(default_factory=dict)
    train_steps: int = 0
    weight_updates: int = 0
    is_scaled: bool = True

    @property
    def convolutions(self) -> tuple[Convolution, ...]:
        """Nature's, or none."""
        return NATURE_CONVOLUTIONS if self.screen else ()

    @property
    def num_actions(self) -> int:
        """How many Q-values the last layer gives."""
        return len(self.layers[-1].weights)

    @property
    def num_inputs(self) -> int:
        """How many numbers a state has."""
        return math.prod(self.screen) if self.screen else self.layers[0].weights.shape[1]

    def divide_by_255(self) -> None:
        """Let the first layer expect numbers from 0 to 1, as this program gives it those of uint8.

        That scales its weights, and changes no Q-value.
        """
        if not self.is_scaled:
            self.layers[0].weights *= np.float32(LARGEST_NUMBER)
            self.is_scaled = True


def make_layers(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[list[Layer], tuple[int, ...]]:
    """Layers of weights and biases in PyTorch's layout; the units of all dense ones but the last.

    Weights are (filters, channels, height, width) of Nature's three convolutions, or none of them,
    then (n_out, n_in); biases are (n_out,). Raises Unusable.
    """
    convolutions = [(w, b) for w, b in pairs if w.ndim == 4]
    affine = pairs[len(convolutions) :]
    if any(w.ndim != 2 for w, _ in affine) or not affine:
        shapes = ", ".join(str(w.shape) for w, _ in pairs)
        raise AnotherNetwork(f"its layers are of the shapes {shapes[:200]}")
    if convolutions:
        _check_convolutions([w for w, _ in convolutions])
    layers = []
    for weights, biases in pairs:
        if biases.shape != weights.shape[:1]:
            raise AnotherNetwork(f"biases of the shape {biases.shape} follow {weights.shape}")
        array = weights.reshape(len(weights), -1).T if weights.ndim == 4 else weights
        layers.append(Layer(_float32(array), [], biases=Biases(_float32(biases[:, None]), [])))
    for (before, _), (weights, _) in pairwise(affine):
        if weights.shape[1] != len(before):
            raise AnotherNetwork(f"{weights.shape} follows {before.shape}")
    if len(affine) == 1:
        raise AnotherNetwork("it has no dense layer before the last one")
    return layers, tuple(len(w) for w, _ in affine[:-1])


def screen_of(layers: list[Layer], height: int = 84, width: int = 84) -> tuple[int, int, int]:
    """(history, height, width) of gray screens that Nature's first convolution sees."""
    of = NATURE_CONVOLUTIONS[0]
    return len(layers[0].weights) // (of.height * of.width), height, width


def _check_convolutions(weights: list[np.ndarray]) -> None:
    channels = weights[0].shape[1]
    expected = []
    for of in NATURE_CONVOLUTIONS:
        expected.append((of.filters, channels, of.height, of.width))
        channels = of.filters
    if [w.shape for w in weights] != expected:
        shapes = ", ".join(str(w.shape) for w in weights)
        raise AnotherNetwork(f"its convolutions {shapes[:200]} are not those of the Nature paper")


def _float32(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "f":
        raise Unusable("holds a layer of something else than decimal numbers")
    return np.array(array, np.float32, order="C")

"""The weights of a network as plain arrays in Neon's layout: what snapshots hold."""

from dataclasses import dataclass

import numpy as np

from dqn.errors import UserError
from dqn.networks.architecture import Architecture, initial_weights


@dataclass(eq=False)
class BatchNorm:
    """One of Neon's BatchNorm layers.

    All arrays are (n, 1), for n filters or units. `states` has two lists, the optimizer's states of
    `beta` and those of `gamma`.
    """

    beta: np.ndarray
    gamma: np.ndarray
    gmean: np.ndarray
    gvar: np.ndarray
    states: list[list[np.ndarray]]

    def arrays(self) -> list[np.ndarray]:
        """All parameters and states."""
        of_beta, of_gamma = self.states
        return [self.beta, self.gamma, self.gmean, self.gvar, *of_beta, *of_gamma]


@dataclass(eq=False)
class Biases:
    """The biases of a layer, (n, 1) for n filters or units, and the optimizer's states of them."""

    values: np.ndarray
    states: list[np.ndarray]

    def arrays(self) -> list[np.ndarray]:
        """All values and states."""
        return [self.values, *self.states]


@dataclass(eq=False)
class Layer:
    """One of the layers with weights, in Neon's layout.

    `weights` are (C·R·S, K) for a convolution and (n_out, n_in) for an affine layer. `states`, the
    optimizer's, have the same shape: none before the first update, then 1 for RMSProp, 2 for Adam
    and Graves' RMSProp, 3 for Adadelta, in every layer. All are float16, float32 or float64.
    """

    weights: np.ndarray
    states: list[np.ndarray]
    batch_norm: BatchNorm | None = None
    biases: Biases | None = None

    def arrays(self) -> list[np.ndarray]:
        """All weights and states, those of biases and batch normalisation included."""
        biases = self.biases.arrays() if self.biases else []
        norm = self.batch_norm.arrays() if self.batch_norm else []
        return [self.weights, *self.states, *biases, *norm]


def initial_layers(architecture: Architecture, generator: np.random.Generator) -> list[Layer]:
    """Layers as they are before any training; batch normalisation changes nothing yet."""
    layers = []
    weights = initial_weights(architecture, generator)
    for index, (drawn, biases) in enumerate(weights):
        layer = Layer(drawn, [], biases=Biases(biases, []) if architecture.biases else None)
        if architecture.batch_norm and index < len(weights) - 1:
            zeros, ones = np.zeros_like(biases), np.ones_like(biases)
            layer.batch_norm = BatchNorm(zeros, ones, zeros, ones, [[], []])
        layers.append(layer)
    return layers


def check_layers(layers: list[Layer], architecture: Architecture, dtype: str) -> None:
    """Raises UserError if `layers` do not fit a network whose weights have the type `dtype`."""
    found, shapes = [layer.weights.shape for layer in layers], architecture.layer_shapes
    if found != shapes:
        raise UserError(
            f"the snapshot's layers are of the shapes {_text(found)}, but this network's of "
            f"{_text(shapes)}: --history_length, --screen_width, --screen_height, --network and "
            "--minimal_action_set must be as in its training"
        )
    has_norm = layers[0].batch_norm is not None
    if has_norm != architecture.batch_norm:
        raise UserError(
            f"the snapshot was trained {'with' if has_norm else 'without'} batch "
            f"normalisation: use --batch_norm {str(has_norm).lower()}"
        )
    has_biases = layers[0].biases is not None
    if has_biases != architecture.biases:
        raise UserError(
            f"the snapshot was trained {'with' if has_biases else 'without'} biases: use --biases "
            f"{str(has_biases).lower()}"
        )
    with np.errstate(over="ignore"):
        if not all(np.isfinite(a.astype(dtype)).all() for layer in layers for a in layer.arrays()):
            raise UserError(
                f"the snapshot has numbers that are too large for {dtype}: its training had "
                "diverged; use an earlier one, or --datatype float64"
            )


def _text(shapes: list[tuple[int, int]]) -> str:
    return ", ".join("×".join(map(str, shape)) for shape in shapes)

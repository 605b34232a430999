"""The layers of the network as data, the shapes of their weights, and their initial values."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dqn.errors import UserError


class Convolution(NamedTuple):
    """One convolution: its filters have `height` × `width` pixels and move by `stride`."""

    filters: int
    height: int
    width: int
    stride: int

    def __str__(self) -> str:
        size = f"{self.height}" if self.height == self.width else f"{self.height}x{self.width}"
        return f"conv{self.filters}x{size}s{self.stride}"


# Mnih et al. 2015, Methods, "Model architecture"
NATURE_CONVOLUTIONS = (Convolution(32, 8, 8, 4), Convolution(64, 4, 4, 2), Convolution(64, 3, 3, 1))
HIDDEN_UNITS = (512,)
# The smallest screen that leaves the last of these convolutions one output
MIN_SCREEN_SIZE = 36

# What a command line or a file may ask for
ACTIVATIONS = ("relu", "elu")
DUELING = ("false", "avg", "max", "naive")
MAX_LAYERS = 20  # before the last one
MAX_UNITS = 100_000
MAX_FILTERS = 10_000
MAX_PIXELS = 1_000  # height, width and stride of a filter
STATE_DTYPES = (
    "uint8 bool int8 int16 int32 int64 uint16 uint32 uint64 float16 float32 float64"
).split()


@dataclass(frozen=True)
class Architecture:
    """What the network sees, its layers, and what it chooses from.

    `state_shape` is (history, height, width) of gray screens, (history, channels, height, width),
    or (history, numbers) of vectors, which need a network without convolutions. Numbers of the
    `state_dtype` "uint8" are divided by 255; all others reach the network as they are. The layers
    are `convolutions`, affine ones with `dense_units`, then one with a Q-value for each action;
    `activation` ("relu" or "elu") stands between them. `shared_convolutions` convolve each screen
    of a state by itself, with the same weights. `dueling` ("false", "avg", "max" or "naive") says
    how a value and advantages become Q-values (Wang et al. 2016, equations 7 to 9); with
    `dueling_streams` each of the two has a last hidden layer of its own, as in that paper.
    `initializer` is "xavier" or "fan_in".
    """

    num_actions: int
    state_shape: tuple[int, ...] = (4, 84, 84)
    convolutions: tuple[Convolution, ...] = NATURE_CONVOLUTIONS
    dense_units: tuple[int, ...] = HIDDEN_UNITS
    activation: str = "relu"
    biases: bool = False
    batch_norm: bool = False
    shared_convolutions: bool = False
    dueling: str = "false"
    dueling_streams: bool = True
    initializer: str = "xavier"
    state_dtype: str = "uint8"

    @property
    def input_channels(self) -> int:
        """How many channels the first convolution sees."""
        history_length, *observation = self.state_shape
        channels = math.prod(observation[:-2])
        return channels if self.shared_convolutions else history_length * channels

    @property
    def layer_shapes(self) -> list[tuple[int, int]]:
        """The weights' shapes in Neon's layout: convolutions (C·R·S, K), affine (n_out, n_in).

        Raises UserError if the screen is too small for a convolution.
        """
        convolutions = self._convolution_sizes()
        shapes = [shape for shape, _ in convolutions]
        num_inputs = convolutions[-1][1] if convolutions else math.prod(self.state_shape)
        for units in self._affine_outputs:
            shapes.append((units, num_inputs))
            num_inputs = units
        if self.has_streams:  # each has half of the last hidden layer
            shapes[-1] = (shapes[-1][0], shapes[-1][1] // 2)
        return shapes

    @property
    def layer_outputs(self) -> list[int]:
        """How many numbers each layer gives for a state."""
        return [*(outputs for _, outputs in self._convolution_sizes()), *self._affine_outputs]

    @property
    def is_dueling(self) -> bool:
        """Whether the last layer gives a value before the advantages."""
        return self.dueling != "false"

    @property
    def has_streams(self) -> bool:
        """Whether value and advantages have a last hidden layer each: both halves of one layer."""
        return self.is_dueling and self.dueling_streams and bool(self.dense_units)

    @property
    def _affine_outputs(self) -> list[int]:
        outputs = [*self.dense_units, self.num_actions + self.is_dueling]
        if self.has_streams:
            outputs[-2] *= 2
        return outputs

    def _convolution_sizes(self) -> list[tuple[tuple[int, int], int]]:
        """The shape of each convolution's weights, and how many numbers it gives for a state."""
        if not self.convolutions:
            return []
        if len(self.state_shape) < 3:
            raise UserError(
                f"{self.convolutions[0]} needs screens, but an observation is "
                f"{self.state_shape[-1]} numbers: use --network dense"
            )
        sizes = []
        images = self.state_shape[0] if self.shared_convolutions else 1
        channels = self.input_channels
        height, width = self.state_shape[-2:]
        for layer in self.convolutions:
            if height < layer.height or width < layer.width:
                raise UserError(
                    f"{layer} is larger than what reaches it, {height}×{width}: use larger "
                    "screens or a smaller --network"
                )
            shape = channels * layer.height * layer.width, layer.filters
            channels = layer.filters
            height = (height - layer.height) // layer.stride + 1
            width = (width - layer.width) // layer.stride + 1
            sizes.append((shape, images * channels * height * width))
        return sizes


def initial_weights(
    architecture: Architecture, generator: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The weights of each layer in Neon's layout, and its biases (n, 1); all float64.

    "xavier" draws weights uniformly within ±√(3 / fan_in) (Neon's Xavier) and begins with biases of
    0. "fan_in" draws both within ±1 / √fan_in, as DeepMind's own program (LeCun et al. 1998).
    """
    weights = []
    for index, shape in enumerate(architecture.layer_shapes):
        is_convolution = index < len(architecture.convolutions)
        fan_in, num_outputs = shape if is_convolution else reversed(shape)
        bound = np.sqrt((3 if architecture.initializer == "xavier" else 1) / fan_in)
        drawn = generator.uniform(-bound, bound, shape)
        biases = np.zeros((num_outputs, 1))
        if architecture.biases and architecture.initializer == "fan_in":
            biases = generator.uniform(-bound, bound, biases.shape)
        weights.append((drawn, biases))
    return weights

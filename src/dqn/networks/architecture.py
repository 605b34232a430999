"""The layers of the network (Mnih et al. 2015, Methods, "Model architecture"), without biases."""

from dataclasses import dataclass

import numpy as np

# (filters, height and width, stride) of the convolutions; then come two affine layers
CONVOLUTIONS = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
HIDDEN_UNITS = 512
# The smallest screen that leaves the last convolution one output
MIN_SCREEN_SIZE = 36


@dataclass(frozen=True)
class Architecture:
    """What the network sees and what it chooses from; with batch normalisation or without."""

    num_actions: int
    history_length: int = 4
    screen_height: int = 84
    screen_width: int = 84
    batch_norm: bool = False

    @property
    def state_shape(self) -> tuple[int, int, int]:
        """Of one state: (history, height, width)."""
        return self.history_length, self.screen_height, self.screen_width

    @property
    def layer_shapes(self) -> list[tuple[int, int]]:
        """The weights' shapes in Neon's layout."""
        return layer_shapes(self.num_actions, *self.state_shape)


def layer_shapes(
    num_actions: int, history_length: int, screen_height: int, screen_width: int
) -> list[tuple[int, int]]:
    """The weights' shapes in Neon's layout: convolutions (C·R·S, K), affine layers (n_out, n_in).

    No screen may be smaller than MIN_SCREEN_SIZE.
    """
    shapes = []
    channels, height, width = history_length, screen_height, screen_width
    for filters, size, stride in CONVOLUTIONS:
        shapes.append((channels * size * size, filters))
        channels = filters
        height = (height - size) // stride + 1
        width = (width - size) // stride + 1
    return [*shapes, (HIDDEN_UNITS, channels * height * width), (num_actions, HIDDEN_UNITS)]


def xavier_weights(
    shapes: list[tuple[int, int]], generator: np.random.Generator
) -> list[np.ndarray]:
    """Initial weights, uniform within ±√(3 / fan_in) (Neon's Xavier), float64 in Neon's layout."""
    weights = []
    for index, shape in enumerate(shapes):
        fan_in = shape[0] if index < len(CONVOLUTIONS) else shape[1]
        bound = np.sqrt(3 / fan_in)
        weights.append(generator.uniform(-bound, bound, shape))
    return weights

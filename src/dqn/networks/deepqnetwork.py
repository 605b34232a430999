"""The contract of a deep Q-network, and the choice of the engine that computes it."""

from abc import ABC, abstractmethod

import numpy as np

from dqn.replay_memory import Minibatch
from dqn.snapshot import Layer

ENGINES = ("torch",)

# (filters, size, stride) of the convolutions, and the width of the hidden affine layer
# (Mnih et al. 2015, Methods, "Model architecture").
CONVOLUTIONS = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
HIDDEN_UNITS = 512
# The smallest screen that leaves the last convolution one output.
MIN_SCREEN_SIZE = 36


class DeepQNetwork(ABC):
    """Q(s, ·; θ), learned against a target network Q(s, ·; θ⁻).

    `train_iterations` counts the weight updates.
    """

    train_iterations: int

    @abstractmethod
    def predict(self, states: np.ndarray) -> np.ndarray:
        """Q-values, float (n, num_actions), of n states, uint8 (n, history, height, width)."""

    @abstractmethod
    def train(self, minibatch: Minibatch) -> float:
        """Make one weight update (Mnih et al. 2015, algorithm 1) and return its cost."""

    @abstractmethod
    def update_target_network(self) -> None:
        """θ⁻ := θ."""

    @abstractmethod
    def get_layers(self) -> list[Layer]:
        """Copies of the five layers' weights and optimizer states, in Neon's layout."""

    @abstractmethod
    def set_layers(self, layers: list[Layer]) -> None:
        """Take weights and optimizer states over; the target network becomes equal.

        Raises UserError if they are of another shape.
        """


def layer_shapes(
    num_actions: int, history_length: int, screen_height: int, screen_width: int
) -> list[tuple[int, int]]:
    """The weights' shapes in Neon's layout: (C·R·S, K) and (n_out, n_in)."""
    shapes = []
    channels, height, width = history_length, screen_height, screen_width
    for filters, size, stride in CONVOLUTIONS:
        shapes.append((channels * size * size, filters))
        channels = filters
        height = (height - size) // stride + 1
        width = (width - size) // stride + 1
    shapes.append((HIDDEN_UNITS, channels * height * width))
    shapes.append((num_actions, HIDDEN_UNITS))
    return shapes


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


def create_network(
    engine: str, num_actions: int, *, generator: np.random.Generator, **settings
) -> DeepQNetwork:
    """The deep Q-network of `engine`; its module is imported only here.

    `settings` are those of the engine's constructor. Raises UserError if it cannot run here.
    """
    if engine == "torch":
        from dqn.networks.torch_network import TorchNetwork

        return TorchNetwork(num_actions, generator=generator, **settings)
    raise ValueError(f"unknown engine {engine}")

"""The contract of a deep Q-network, and the choice of the engine that computes it."""

from abc import ABC, abstractmethod

import numpy as np

from dqn.replay_memory import Minibatch
from dqn.snapshot import Layer


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

"""The contract of a deep Q-network."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from dqn.networks.layers import Layer
from dqn.replay.minibatch import Minibatch


class Update(NamedTuple):
    """What one weight update found.

    costs: ½Σw(q−y)² over the minibatch, divided by its size. On a GPU, which computes it later,
    those of none or several earlier updates instead; `late_costs` tells what is missing then.
    errors: |q−y|, float (n,), if the minibatch has weights w, else None.
    """

    costs: list[float]
    errors: np.ndarray | None


class DeepQNetwork(ABC):
    """Q(s, ·; θ), learned against a target network Q(s, ·; θ⁻).

    `train_iterations` counts the weight updates. `device` is PyTorch's name of the processor that
    learns, beside which the replay memory may be kept; "cpu" for all that PyTorch does not know.
    """

    train_iterations: int
    device: str = "cpu"

    @abstractmethod
    def predict(self, states: np.ndarray) -> np.ndarray:
        """Q-values, float (n, num_actions), of n states, (n, *state_shape)."""

    def predict_learned(self, states: np.ndarray) -> np.ndarray:
        """As `predict`, with the weights after the last update, whichever are acted with."""
        return self.predict(states)

    @abstractmethod
    def train(self, minibatch: Minibatch) -> Update:
        """Make one weight update (Mnih et al. 2015, algorithm 1)."""

    @abstractmethod
    def set_learning_rate(self, learning_rate: float) -> None:
        """Make the updates to come with this learning rate."""

    def late_costs(self) -> list[float]:
        """Costs of all updates that `train` has not told, in their order; waits for them."""
        return []

    @abstractmethod
    def update_target_network(self) -> None:
        """θ⁻ := θ, or a step towards it (Lillicrap et al. 2016, algorithm 1)."""

    def acting_copy(self, in_use: bool) -> None:
        """Predict with a copy of the weights, made now, or (False) with those that `train` changes.

        With a copy, `predict` may run while `train` does.
        """
        if in_use:
            raise NotImplementedError("this engine cannot act and learn at the same time")

    @abstractmethod
    def get_layers(self) -> list[Layer]:
        """Copies of the layers' weights and optimizer states, in Neon's layout."""

    @abstractmethod
    def set_layers(self, layers: list[Layer]) -> None:
        """Take weights and optimizer states over; the target network becomes equal.

        Raises UserError if they are of another shape, or too large for the type of the weights.
        """

    @abstractmethod
    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps: copies of everything that later updates depend on."""

    @abstractmethod
    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned, to the last bit on a CPU."""

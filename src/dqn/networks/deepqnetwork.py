"""The contract of a deep Q-network, and the choice of the engine that computes it."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from dqn.errors import UserError
from dqn.networks.neon_engine.compatibility import make_neon_importable
from dqn.replay.memory import Minibatch
from dqn.replay.storage import Screens
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

    def act_with_present_weights(self) -> None:
        """Predict with a copy of the weights as they are now, whatever `train` does meanwhile."""
        raise NotImplementedError("this engine cannot act and learn at the same time")

    def act_with_learned_weights(self) -> None:
        """Predict with the weights that `train` changes, as at first."""
        raise NotImplementedError("this engine cannot act and learn at the same time")

    def device_screens(self, size: int, *, screen_height: int, screen_width: int) -> Screens | None:
        """Room for the replay memory where minibatches are learned from; None if it does not fit.

        A network on a CPU has no memory of its own.
        """
        return None

    @abstractmethod
    def get_layers(self) -> list[Layer]:
        """Copies of the five layers' weights and optimizer states, in Neon's layout."""

    @abstractmethod
    def set_layers(self, layers: list[Layer]) -> None:
        """Take weights and optimizer states over; the target network becomes equal.

        Raises UserError if they are of another shape.
        """

    @abstractmethod
    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps: copies of everything that later updates depend on."""

    @abstractmethod
    def set_state(self, state: dict[str, Any]) -> None:
        """Go on, to the last bit on a CPU, as the network did from which `state` was taken."""


def create_network(
    engine: str, num_actions: int, *, batch_size: int, generator: np.random.Generator, **settings
) -> DeepQNetwork:
    """The deep Q-network of `engine`; its module is imported only here.

    `settings` are those of the engine's constructor. Raises UserError if it cannot run here.
    """
    if engine == "torch":
        from dqn.networks.torch_engine.network import TorchNetwork

        return TorchNetwork(num_actions, generator=generator, **settings)
    if engine == "neon":
        make_neon_importable()
        from dqn.networks.neon_engine.network import NeonNetwork

        return NeonNetwork(num_actions, batch_size=batch_size, generator=generator, **settings)
    raise ValueError(f"unknown engine {engine}")


def learns_on_gpu(engine: str, backend: str) -> bool:
    """Whether the network of `engine` will be on a GPU."""
    if engine == "torch" and backend == "auto":
        import torch

        return torch.cuda.is_available()
    return backend == "gpu"


def check_layers(layers: list[Layer], shapes: list[tuple[int, int]], batch_norm: bool) -> None:
    """See that `layers` fit a network whose weights have `shapes`; raises UserError if not."""
    found = [layer.weights.shape for layer in layers]
    if found != shapes:
        raise UserError(
            f"the snapshot's layers are of the shapes {_text(found)}, but this network's of "
            f"{_text(shapes)}: --history_length, --screen_width, --screen_height and "
            "--minimal_action_set must be as in its training"
        )
    has_norm = layers[0].batch_norm is not None
    if has_norm != batch_norm:
        raise UserError(
            f"the snapshot was trained {'with' if has_norm else 'without'} batch "
            f"normalisation: use --batch_norm {str(has_norm).lower()}"
        )


def _text(shapes: list[tuple[int, int]]) -> str:
    return ", ".join("×".join(map(str, shape)) for shape in shapes)

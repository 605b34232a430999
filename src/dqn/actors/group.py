"""The contract of the actors that step together, wherever they do."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dqn.actors.actor import Actor
from dqn.actors.events import Transition
from dqn.errors import UserError


class ActorLost(UserError):
    """A process of actors ended unexpectedly; its games are lost."""


class Actors(ABC):
    """Actors that step together.

    `states`, (num_actors, history, *shape), is what they see. `ready`, bool (num_actors,), says
    which of them take an action of the policy next; the others' episodes are still starting.
    """

    states: np.ndarray
    ready: np.ndarray

    def __len__(self) -> int:
        return len(self.states)

    @property
    @abstractmethod
    def first(self) -> Actor:
        """The first actor, which is in this process; the others' games are alike."""

    @abstractmethod
    def start(self) -> list[int]:
        """Begin the first game of each, unless one is in play already; the actors that began."""

    @abstractmethod
    def restart(self) -> None:
        """Begin a new game of each; those in play are dropped."""

    @abstractmethod
    def act(
        self,
        chosen: Sequence[int],
        actions: Sequence[int],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Sequence[Transition | None]:
        """Take an agent step with each of the `chosen` actors, in ascending order, by its action.

        They must be ready; each of the others takes one action of its start. `meanwhile` is called
        while other processes act. The result has None for an actor that was lost.
        """

    @abstractmethod
    def get_state(self) -> Sequence[dict[str, Any] | None]:
        """What a checkpoint keeps of each, between two steps; None for one that was lost."""

    @abstractmethod
    def set_state(self, states: Sequence[dict[str, Any] | None]) -> None:
        """Restore what `get_state` returned; where that is None, the actor begins a new game."""

    @abstractmethod
    def check(self) -> None:
        """Raises ActorLost if an actor was lost."""

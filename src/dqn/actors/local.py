"""Actors that step together in this process."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dqn.actors.actor import Actor
from dqn.actors.events import Transition


class Actors:
    """Actors that step together, in this process.

    `states`, uint8 (num_actors, history, height, width), is what they see, in the array given.
    """

    def __init__(self, actors: list[Actor], states: np.ndarray | None = None):
        self._actors = actors
        self.states = np.stack([a.state for a in actors]) if states is None else states

    def __len__(self) -> int:
        return len(self._actors)

    @property
    def first(self) -> Actor:
        """The first actor; the others' games are alike."""
        return self._actors[0]

    def start(self) -> None:
        """Begin the first game of each, unless one is in play already."""
        for i, actor in enumerate(self._actors):
            actor.start()
            self.states[i] = actor.state

    def restart(self) -> None:
        """Begin a new game of each; those in play are dropped."""
        for i, actor in enumerate(self._actors):
            actor.restart()
            self.states[i] = actor.state

    def act(self, chosen: Sequence[int], actions: Sequence[int]) -> list[Transition]:
        """Take an agent step with each of the `chosen` actors, by its action."""
        transitions = []
        for i, action in zip(chosen, actions, strict=True):
            transitions.append(self._actors[i].act(action))
            self.states[i] = self._actors[i].state
        return transitions

    def get_state(self) -> list[dict[str, Any]]:
        """What a checkpoint keeps, between two steps."""
        return [actor.get_state() for actor in self._actors]

    def set_state(self, states: list[dict[str, Any] | None]) -> None:
        """Go on as the actors did from which `states` were taken; where None, with a new game."""
        for i, (actor, state) in enumerate(zip(self._actors, states, strict=True)):
            if state is not None:
                actor.set_state(state)
                self.states[i] = actor.state

    def check(self) -> None:
        """Raises UserError if an actor was lost, which cannot be in this process."""

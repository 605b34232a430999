"""Actors that step together in this process."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dqn.actors.actor import Actor
from dqn.actors.events import Transition
from dqn.actors.group import Actors


class LocalActors(Actors):
    """Actors that step one after another; `states` is the array given, if any."""

    def __init__(self, actors: list[Actor], states: np.ndarray | None = None):
        self._actors = actors
        self.states = np.stack([a.state for a in actors]) if states is None else states

    @property
    def first(self) -> Actor:
        return self._actors[0]

    def start(self) -> list[int]:
        begun = [i for i, actor in enumerate(self._actors) if actor.start()]
        for i, actor in enumerate(self._actors):
            self.states[i] = actor.state
        return begun

    def restart(self) -> None:
        for i, actor in enumerate(self._actors):
            actor.restart()
            self.states[i] = actor.state

    def act(self, chosen: Sequence[int], actions: Sequence[int]) -> list[Transition]:
        transitions = []
        for i, action in zip(chosen, actions, strict=True):
            transitions.append(self._actors[i].act(action))
            self.states[i] = self._actors[i].state
        return transitions

    def get_state(self) -> list[dict[str, Any]]:
        return [actor.get_state() for actor in self._actors]

    def set_state(self, states: Sequence[dict[str, Any] | None]) -> None:
        for i, (actor, state) in enumerate(zip(self._actors, states, strict=True)):
            if state is not None:
                actor.set_state(state)
                self.states[i] = actor.state

    def close(self) -> None:
        """Let the games go."""
        for actor in self._actors:
            actor.environment.close()

    def check(self) -> None:
        pass  # in this process, none is lost

"""Actors that step together in this process."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dqn.actors.actor import Actor
from dqn.actors.events import Transition
from dqn.actors.group import Actors


class LocalActors(Actors):
    """Actors that step one after another; `states` and `ready` are the arrays given, if any."""

    def __init__(
        self,
        actors: list[Actor],
        states: np.ndarray | None = None,
        ready: np.ndarray | None = None,
    ):
        self._actors = actors
        self.states = np.stack([a.state for a in actors]) if states is None else states
        self.ready = np.empty(len(actors), bool) if ready is None else ready
        self.ready[:] = True

    @property
    def first(self) -> Actor:
        return self._actors[0]

    def start(self) -> list[int]:
        begun = [i for i, actor in enumerate(self._actors) if actor.start()]
        for i in range(len(self._actors)):
            self._show(i)
        return begun

    def restart(self) -> None:
        for i, actor in enumerate(self._actors):
            actor.restart()
            self._show(i)

    def act(
        self,
        chosen: Sequence[int],
        actions: Sequence[int],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> list[Transition]:
        meanwhile()
        starting = np.flatnonzero(~self.ready).tolist()
        transitions = []
        for i, action in zip(chosen, actions, strict=True):
            transitions.append(self._actors[i].act(action))
            self._show(i)
        for i in starting:
            self._actors[i].continue_start()
            self._show(i)
        return transitions

    def get_state(self) -> list[dict[str, Any]]:
        return [actor.get_state() for actor in self._actors]

    def set_state(self, states: Sequence[dict[str, Any] | None]) -> None:
        for i, (actor, state) in enumerate(zip(self._actors, states, strict=True)):
            if state is not None:
                actor.set_state(state)
                self._show(i)

    def _show(self, i: int) -> None:
        self.states[i] = self._actors[i].state
        self.ready[i] = self._actors[i].is_ready

    def close(self) -> None:
        """Let the games go."""
        for actor in self._actors:
            actor.environment.close()

    def check(self) -> None:
        pass  # in this process, none is lost

"""Games in play, with the states that the agent sees of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dqn.environments.environment import Environment
from dqn.state_buffer import StateBuffer

NO_OP = 0


class Game(NamedTuple):
    """A finished game: its unclipped score, and its length in agent steps and emulated frames.

    The steps and the score include those of the random start. `actor` is the one that played it.
    """

    score: float
    steps: int
    frames: int
    actor: int = 0


class Transition(NamedTuple):
    """What followed an action.

    screen: uint8 (height, width), the one right after the action; games: those that ended since
    the transition before it, random starts included.
    """

    reward: float
    screen: np.ndarray
    terminal: bool
    episode_end: bool
    games: list[Game]


class Actor:
    """An environment that restarts itself, and the buffer of its last screens.

    Every episode begins with a random start: `history_length` to `random_starts` no-ops, drawn
    uniformly, which fill the state and make games differ (Mnih et al. 2015, Methods, "Evaluation
    procedure"). Fewer `random_starts` than `history_length` mean exactly `history_length`.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        screen_height: int,
        screen_width: int,
        history_length: int,
        random_starts: int,
        generator: np.random.Generator,
    ):
        self.environment = environment
        self._buffer = StateBuffer(
            history_length=history_length, screen_height=screen_height, screen_width=screen_width
        )
        self._min_no_ops = history_length
        self._max_no_ops = max(history_length, random_starts)
        self._generator = generator
        self._is_started = False
        self._score: float = 0
        self._steps = 0
        self._finished: list[Game] = []  # games that no step has reported yet
        self._action: int | None = None

    @property
    def state(self) -> np.ndarray:
        """The current state, uint8 (history, height, width)."""
        return self._buffer.state

    @property
    def score(self) -> float:
        """The unclipped score of the game in play so far."""
        return self._score

    @property
    def finished(self) -> list[Game]:
        """The games that ended and that no step has reported yet."""
        return self._finished

    @property
    def action(self) -> int | None:
        """The action that is taken, or was taken last; None before the first."""
        return self._action

    def start(self) -> None:
        """Begin the first game, unless one is in play already."""
        if not self._is_started:
            self.restart()

    def restart(self) -> None:
        """Begin a new game; one in play is dropped."""
        self._is_started = True
        self._new_game()
        self._random_start()

    def act(self, action: int) -> Transition:
        """Take one agent step; where it ends the episode, the next one is begun."""
        reward = self._act(action)
        screen = self.environment.get_screen()
        self._buffer.add(screen)
        terminal = self.environment.is_terminal()
        episode_end = terminal or self.environment.is_game_over()
        self._finish_game()
        if episode_end:
            self._random_start()
        games, self._finished = self._finished, []
        return Transition(reward, screen, terminal, episode_end, games)

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps, between two calls of `act`."""
        return {
            "environment": self.environment.get_state(),
            "screens": self.state.copy(),
            "is_started": self._is_started,
            "score": self._score,
            "steps": self._steps,
            "generator": self._generator.bit_generator.state,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on as the actor did from which `state` was taken."""
        self.environment.set_state(state["environment"])
        for screen in state["screens"]:
            self._buffer.add(screen)
        self._is_started = state["is_started"]
        self._score = state["score"]
        self._steps = state["steps"]
        self._generator.bit_generator.state = state["generator"]

    def _act(self, action: int) -> float:
        self._action = action
        reward = self.environment.act(action)
        self._score += reward
        self._steps += 1
        return reward

    def _new_game(self) -> None:
        self.environment.restart()
        self._score: float = 0
        self._steps = 0

    def _finish_game(self) -> None:
        """If the game has just ended, note it and begin a new one."""
        if self.environment.is_game_over():
            frames = self.environment.frame_number()
            self._finished.append(Game(self._score, self._steps, frames))
            self._new_game()

    def _random_start(self) -> None:
        no_ops = self._generator.integers(self._min_no_ops, self._max_no_ops, endpoint=True)
        for _ in range(no_ops):
            self._act(NO_OP)
            self._finish_game()  # also a game that a no-op ends is counted
            self._buffer.add(self.environment.get_screen())


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

    def act(self, chosen: Sequence[int], rounds: Sequence[Sequence[int]]) -> list[list[Transition]]:
        """Take agent steps with the `chosen` actors: in every round, one with each, by its action.

        Returns each actor's transitions.
        """
        transitions = []
        for i, actions in zip(chosen, zip(*rounds, strict=True), strict=True):
            transitions.append([self._actors[i].act(action) for action in actions])
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

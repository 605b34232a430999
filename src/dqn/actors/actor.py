"""A game in play, with the states that the agent sees of it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from dqn.actors.events import FinishedGame, Transition
from dqn.actors.starts import STARTS, THIRD_ACTION, WrappedStart
from dqn.actors.state_buffer import StateBuffer
from dqn.environments.environment import Environment
from dqn.machine.state_values import (
    take,
    take_array,
    take_flag,
    take_integer,
    take_integers,
    take_number,
)


class Actor:
    """An environment that restarts itself, and the buffer of its last observations, of `dtype`.

    Every episode begins with a random start: `history_length` to `random_starts` no-ops, drawn
    uniformly, which fill the state and make games differ (Mnih et al. 2015, Methods, "Evaluation
    procedure"). Fewer `random_starts` than `history_length` mean exactly `history_length`. In a
    game without a no-op, its first observation fills the state instead. With `fires_on_start`, FIRE
    follows, in games that have it: some wait for it. `episode_start` may name another way to begin
    in `STARTS`; where that does something after a lost life, the environment must end the episode
    with it. While `on_new_game` is not None it is called right before each game.

    An actor that `spreads_starts` leaves the start of an episode after the first to its caller, so
    that others need not wait for all of its no-ops: until it `is_ready` again, `continue_start`
    takes one of them.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        state_shape: tuple[int, ...],
        dtype: npt.DTypeLike = np.uint8,
        random_starts: int,
        fires_on_start: bool = False,
        episode_start: str = "nature",
        spreads_starts: bool = False,
        generator: np.random.Generator,
    ):
        self.environment = environment
        self._buffer = StateBuffer(state_shape, dtype)
        self._history_length = state_shape[0]
        self._max_no_ops = max(self._history_length, random_starts)
        self._no_op = environment.no_op or 0
        fire = environment.fire if fires_on_start else None
        self._last_of_start = [] if fire is None else [fire]
        self._begin_episode = self._random_start
        if environment.no_op is None:
            self._begin_episode = self._repeat_observation
        elif (style := STARTS[episode_start]) is not None:
            self._begin_episode = partial(self._wrapped_start, style)
            self._max_no_ops = max(1, random_starts)  # frames
        self._spreads_starts = spreads_starts
        self._start_actions: list[int] = []  # that the start of the episode still takes
        self._lives = 0  # at the start of the episode
        self._generator = generator
        self._is_started = False
        self._score: float = 0
        self._steps = 0
        self._finished: list[FinishedGame] = []  # games that no step has reported yet
        self._action: int | None = None
        self.on_new_game: Callable[[], None] | None = None

    @property
    def state(self) -> np.ndarray:
        """The current state, (history, *observation)."""
        return self._buffer.state

    @property
    def score(self) -> float:
        """The unclipped score of the game in play so far."""
        return self._score

    @property
    def finished(self) -> list[FinishedGame]:
        """The games that ended and that no step has reported yet."""
        return self._finished

    @property
    def action(self) -> int | None:
        """The action that is taken, or was taken last; None before the first."""
        return self._action

    @property
    def is_ready(self) -> bool:
        """Whether the next action is the policy's, as the episode's start is over."""
        return not self._start_actions

    def start(self) -> bool:
        """Begin the first game, unless one is in play already; whether one was begun."""
        begins = not self._is_started
        if begins:
            self.restart()
        return begins

    def restart(self) -> None:
        """Begin a new game; one in play is dropped."""
        self._is_started = True
        self._new_game()
        self._begin_episode()
        self._complete_start()

    def act(self, action: int) -> Transition:
        """Take one agent step; where it ends the episode, the next one is begun.

        The actor must be ready.
        """
        reward = self._act(action)
        observation = self.environment.observe()
        self._buffer.add(observation)
        terminal = self.environment.is_terminal()
        episode_end = terminal or self.environment.is_game_over()
        self._finish_game()
        if episode_end:
            self._begin_episode()
            if not self._spreads_starts:
                self._complete_start()
        games, self._finished = self._finished, []
        return Transition(reward, observation, terminal, episode_end, games)

    def continue_start(self) -> None:
        """Take one action of the start of an episode; only if the actor is not ready."""
        self._act(self._start_actions.pop(0))
        self._finish_game()  # also a game that this ends is counted
        self._buffer.add(self.environment.observe())

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps, between two steps.

        Where the environment cannot be restored, that is all but the game in play.
        """
        return {
            "environment": self.environment.get_state(),
            "screens": self.state.copy(),
            "is_started": self._is_started,
            "score": self._score,
            "steps": self._steps,
            "start_actions": list(self._start_actions),
            "generator": self._generator.bit_generator.state,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned."""
        self.environment.set_state(take(state, "environment"))
        self._lives = self.environment.lives
        for observation in take_array(state, "screens", self.state.dtype, self.state.shape):
            self._buffer.add(observation)
        self._is_started = take_flag(state, "is_started") and self.environment.is_in_play
        self._score = take_number(state, "score")
        self._steps = take_integer(state, "steps")
        self._start_actions = []
        if "start_actions" in state:  # as in all checkpoints since 2026-11-26
            most = self.environment.num_actions - 1
            self._start_actions = take_integers(state, "start_actions", most)
        self._generator.bit_generator.state = take(state, "generator")

    def _act(self, action: int) -> float:
        self._action = action
        reward = self.environment.act(action)
        self._score += reward
        self._steps += 1
        return reward

    def _new_game(self) -> None:
        self._score = 0
        self._steps = 0
        if self.on_new_game:
            self.on_new_game()
        self.environment.restart()

    def _finish_game(self) -> None:
        """If the game has just ended, note it and begin a new one."""
        if self.environment.is_game_over():
            frames = self.environment.frame_number()
            self._finished.append(FinishedGame(self._score, self._steps, frames))
            self._new_game()

    def _random_start(self) -> None:
        fewest = self._history_length
        no_ops = self._generator.integers(fewest, self._max_no_ops, endpoint=True)
        self._start_actions = [self._no_op] * no_ops + self._last_of_start

    def _repeat_observation(self) -> None:
        for _ in range(self._history_length):
            self._buffer.add(self.environment.observe())
        self._start_actions = list(self._last_of_start)

    def _complete_start(self) -> None:
        while self._start_actions:
            self.continue_start()

    def _wrapped_start(self, style: WrappedStart) -> None:
        environment = self.environment
        if self._steps:  # in play: the number of lives has changed
            is_lost = 0 < environment.lives < self._lives
            self._lives = environment.lives
            if not (is_lost and style.in_every_life):
                return
            self._play([self._no_op])
        if not self._steps:
            frames = self._generator.integers(1, self._max_no_ops, endpoint=True)
            self._score += environment.idle(int(frames))
            self._finish_game()
        if style.in_every_life and environment.fire is not None:
            self._play([environment.fire, THIRD_ACTION])
        self._lives = environment.lives
        first = environment.observe()
        blank = first if style.repeats_screen else np.zeros_like(first)
        for _ in range(self._history_length - 1):
            self._buffer.add(blank)
        self._buffer.add(first)

    def _play(self, actions: list[int]) -> None:
        for action in actions:
            self._act(action)
            self._finish_game()

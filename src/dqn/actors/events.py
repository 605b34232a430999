"""What happens in the games, as agent, statistics and displays are told of it."""

from typing import NamedTuple

import numpy as np


class FinishedGame(NamedTuple):
    """A game that ended: its unclipped score, and its length in agent steps and emulated frames.

    The steps and the score include those of the random start. `actor` is the one that played it.
    """

    score: float
    steps: int
    frames: int
    actor: int = 0


class Transition(NamedTuple):
    """What followed an action.

    observation: (*shape), the one right after the action; games: those that ended since
    the transition before it, random starts included.
    """

    reward: float
    observation: np.ndarray
    terminal: bool
    episode_end: bool
    games: list[FinishedGame]


class Step(NamedTuple):
    """One agent step of each actor that took part in it.

    actions: theirs; exploration_rate: the ε by which they were chosen; games: those that ended in
    it; costs: of the network updates made after it.
    """

    actions: list[int]
    exploration_rate: float
    games: list[FinishedGame]
    costs: list[float]

"""Moments of a game: states in which the choice mattered, and what the chosen value depended on."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dqn.networks.inspector import NetworkInspector
from dqn.visualization.saliency import METHODS, Saliency, create_saliency

MOST_KEPT = 64  # moments, while a game is played


@dataclass(frozen=True)
class Moment:
    """A state of a game, uint8 (*state_shape), with Q-values, float (num_actions,).

    picture: uint8 (height, width, 3), the screen as a person sees it, or None; action: the one
    taken; step: of the game, from 0.
    """

    step: int
    state: np.ndarray
    picture: np.ndarray | None
    q_values: np.ndarray
    action: int

    @property
    def spread(self) -> float:
        """How much the choice mattered: the highest less the lowest Q-value."""
        return float(self.q_values.max() - self.q_values.min())


class MomentKeeper:
    """Keeps moments as evenly as possible over a game of unknown length.

    All at first; whenever there are MOST_KEPT, every other one leaves, and half as many come.
    """

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self._every = 1

    def is_due(self, step: int) -> bool:
        """Whether the moment of a step is to be kept."""
        return step % self._every == 0

    def add(self, moment: Moment) -> None:
        """Keep a moment that is due."""
        self.moments.append(moment)
        if len(self.moments) == MOST_KEPT:
            self._every *= 2
            self.moments = self.moments[::2]


def choose(moments: list[Moment], count: int) -> list[Moment]:
    """Of each of `count` equal parts of a game, the moment in which the choice mattered most."""
    bounds = np.linspace(0, len(moments), min(count, len(moments)) + 1).astype(int)
    parts = [moments[first:last] for first, last in pairwise(bounds)]
    return [max(part, key=lambda moment: moment.spread) for part in parts]


@dataclass(frozen=True)
class MomentView:
    """A moment with the saliency of the taken action, by method, in 0..1: float (height, width).

    guided: the guided gradient of its value, float (*state_shape). of_random and guided_of_random:
    the same for a network with random weights, or empty and None.
    """

    moment: Moment
    maps: dict[str, np.ndarray]
    guided: np.ndarray
    of_random: dict[str, np.ndarray]
    guided_of_random: np.ndarray | None


def look_at_moments(
    moments: list[Moment], inspector: NetworkInspector, random: NetworkInspector | None = None
) -> list[MomentView]:
    """What the value of the taken action depended on in each moment, by all methods."""
    ours = {method: create_saliency(method, inspector) for method in METHODS}
    theirs = {method: create_saliency(method, random) for method in METHODS} if random else {}
    return [
        MomentView(
            moment,
            _maps(ours, moment),
            _guided(inspector, moment),
            _maps(theirs, moment),
            _guided(random, moment) if random else None,
        )
        for moment in moments
    ]


def _maps(methods: dict[str, Saliency], moment: Moment) -> dict[str, np.ndarray]:
    return {name: _scaled(look(moment.state, moment.action)) for name, look in methods.items()}


def _guided(inspector: NetworkInspector, moment: Moment) -> np.ndarray:
    states, actions = moment.state[np.newaxis], np.array([moment.action])
    return inspector.guided_gradient(states, actions)[0]


def _scaled(saliency: np.ndarray) -> np.ndarray:
    greatest = float(saliency.max())
    return saliency / greatest if greatest > 0 else saliency

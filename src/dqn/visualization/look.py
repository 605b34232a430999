"""Looks inside a network while it plays a game."""

import numpy as np

from dqn.environments.environment import Frame
from dqn.exploration import Policy
from dqn.networks.inspector import NetworkInspector
from dqn.visualization.filters import FilterWatch, look_at_filter
from dqn.visualization.findings import Findings, LayerView
from dqn.visualization.inputs import look_at_inputs
from dqn.visualization.moments import Moment, MomentKeeper, choose, look_at_moments
from dqn.visualization.saliency import has_screens

BATCH = 32  # states that are looked at together
MOMENTS = 4  # that a page shows


class GameWatch:
    """Watches a game that `policy` plays: what activates each filter, Q-values, moments.

    `q_values`, float (num_actions,) each, are of all steps so far.
    """

    def __init__(self, inspector: NetworkInspector, policy: Policy):
        self._inspector = inspector
        self._policy = policy
        self._filters = FilterWatch(inspector)
        self._moments = MomentKeeper()
        self._waiting: list[tuple[np.ndarray, int, np.ndarray | None]] = []
        self._picture: np.ndarray | None = None
        self.q_values: list[np.ndarray] = []

    def choose_actions(self, states: np.ndarray, exploration_rate: float) -> list[int]:
        """What the policy chooses for one state, uint8 (1, *state_shape), which is looked at."""
        actions = self._policy(states, exploration_rate)
        step = len(self.q_values) + len(self._waiting)
        picture = self._picture if self._moments.is_due(step) else None
        self._waiting.append((states[0].copy(), actions[0], picture))
        if len(self._waiting) == BATCH:
            self._look()
        return actions

    def on_frame(self, frame: Frame) -> None:
        """Note what a person sees."""
        self._picture = frame.picture

    def findings(
        self, num_filters: int, first_weights: np.ndarray, random: NetworkInspector | None = None
    ) -> Findings:
        """What was found, of the first `num_filters` of each layer; a game must have been played.

        `first_weights` are those of the first layer in Neon's layout. A `random` network is looked
        at beside.
        """
        if self._waiting:
            self._look()
        layers = []
        for found in self._filters.strongest():
            views = [
                look_at_filter(of_filter, self._inspector, first_weights, random)
                for of_filter in found[:num_filters]
            ]
            dead = [of_filter.unit.filter for of_filter in found if of_filter.is_dead]
            layers.append(LayerView(views, dead))
        moments = self._moments.moments
        if not has_screens(self._inspector.architecture):
            inputs = look_at_inputs(moments, self._inspector)
            of_random = look_at_inputs(moments, random) if random else None
            return Findings(layers, [], inputs, of_random, has_random=random is not None)
        chosen = look_at_moments(choose(moments, MOMENTS), self._inspector, random)
        return Findings(layers, chosen, has_random=random is not None)

    def _look(self) -> None:
        """Look at the states that wait, together."""
        states = np.stack([state for state, *_ in self._waiting])
        first_step = len(self.q_values)
        self._filters.add(states, first_step)
        q_values = self._inspector.predict(states)
        for n, (state, action, picture) in enumerate(self._waiting):
            step = first_step + n
            if self._moments.is_due(step):
                self._moments.add(Moment(step, state, picture, q_values[n], action))
        self.q_values += list(q_values)
        self._waiting.clear()

"""The ε-greedy policy, and schedules: of ε, its exploration rate, and of the learning rate."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dqn.networks.deepqnetwork import DeepQNetwork

# Chooses the actions for n states, (n, history, *observation), at an exploration rate
Policy = Callable[[np.ndarray, float], list[int]]
# A rate as a function of the training step: ε, in 0..1, or the learning rate
Schedule = Callable[[int], float]


@dataclass(frozen=True)
class LinearDecay:
    """A rate that falls linearly from `start` at step 0 to `end` at step `decay_steps`.

    There it stays (Mnih et al. 2015, Methods, "Training details", for ε).
    """

    start: float = 1
    end: float = 0.1
    decay_steps: float = 1000000

    def __call__(self, step: int) -> float:
        """The rate at training step `step`."""
        if step >= self.decay_steps:
            return self.end
        return self.start - step * (self.start - self.end) / self.decay_steps


@dataclass(frozen=True)
class ExponentialDecay:
    """ε as a function of the training step t: ε_end + (ε_start − ε_end)·e^(−kt).

    It begins at `start` and comes ever closer to `end`; `decay_rate` is k, per step.
    """

    start: float = 1
    end: float = 0.1
    decay_rate: float = 0.00003

    def __call__(self, step: int) -> float:
        """The exploration rate, in 0..1, at training step `step`."""
        return self.end + (self.start - self.end) * math.exp(-self.decay_rate * step)


class EpsilonGreedy:
    """The policy that acts at random with probability ε, else by the highest Q-value."""

    def __init__(self, network: DeepQNetwork, num_actions: int, generator: np.random.Generator):
        self._network = network
        self._num_actions = num_actions
        self._generator = generator

    def __call__(self, states: np.ndarray, exploration_rate: float) -> list[int]:
        """The actions for n states, (n, history, *observation)."""
        actions = [0] * len(states)
        greedy = []
        for i in range(len(states)):
            if self._generator.random() < exploration_rate:
                actions[i] = int(self._generator.integers(self._num_actions))
            else:
                greedy.append(i)
        if greedy:
            q_values = self._network.predict(states[greedy])
            for i, action in zip(greedy, q_values.argmax(axis=1).tolist(), strict=True):
                actions[i] = action
        return actions

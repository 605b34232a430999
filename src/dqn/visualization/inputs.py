"""Which numbers matter to a network that sees numbers and no screens."""

from dataclasses import dataclass

import numpy as np

from dqn.networks.inspector import NetworkInspector
from dqn.visualization.moments import Moment


@dataclass(frozen=True)
class InputView:
    """How much the value of the chosen action depends on each number of an observation.

    occlusion: by how much the value changes, on average, when the number is replaced by its mean
    over the game in all observations of the state; gradient: the mean of |∂Q/∂x| times the standard
    deviation of x over the game. Both are float (numbers,), in units of Q.
    """

    occlusion: np.ndarray
    gradient: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """The numbers' indices, those first that matter most by occlusion."""
        return np.argsort(-self.occlusion, kind="stable")


def look_at_inputs(moments: list[Moment], inspector: NetworkInspector) -> InputView:
    """Measure how much each number matters, over moments of a game."""
    states = np.stack([moment.state for moment in moments])  # (n, history, numbers)
    actions = np.array([moment.action for moment in moments])
    values = _values(inspector, states, actions)
    means = states.mean((0, 1))
    if states.dtype.kind != "f":
        means = np.rint(means)
    means = means.astype(states.dtype)
    occlusion = np.empty(states.shape[-1])
    for number, mean in enumerate(means):
        occluded = states.copy()
        occluded[..., number] = mean
        occlusion[number] = np.abs(_values(inspector, occluded, actions) - values).mean()
    # The network computes with bytes divided by 255.
    deviations = states.std((0, 1)) / (255 if states.dtype == np.uint8 else 1)
    gradients = np.abs(inspector.gradient(states, actions).sum(1)).mean(0)
    return InputView(occlusion, gradients * deviations)


def _values(inspector: NetworkInspector, states: np.ndarray, actions: np.ndarray) -> np.ndarray:
    return inspector.predict(states)[np.arange(len(actions)), actions]

"""A game as it is filmed: its pictures with highlights, and Q-values below."""

from collections.abc import Callable

import cv2
import numpy as np

from dqn.environments.environment import Environment, Frame
from dqn.exploration import Policy
from dqn.visualization.overlay import Highlighter

STRIP_PART = 0.2  # of the picture's height


class Film:
    """Paints the frames of a game that `policy` plays.

    `size` gives width and height of a picture as it is shown, of that of a frame.
    """

    def __init__(
        self,
        environment: Environment,
        policy: Policy,
        highlighter: Highlighter,
        size: Callable[[np.ndarray], tuple[int, int]],
    ):
        self._environment = environment
        self._policy = policy
        self._highlighter = highlighter
        self._size = size

    def choose_actions(self, states: np.ndarray, exploration_rate: float) -> list[int]:
        """What the policy chooses for one state, uint8 (1, *state_shape), which is looked at."""
        actions = self._policy(states, exploration_rate)
        self._highlighter.look(states[0], actions[0])
        return actions

    def paint(self, frame: Frame) -> Frame:
        """The frame with a picture as it is shown."""
        width, height = self._size(frame.picture)
        large = cv2.resize(frame.picture, (width, height), interpolation=cv2.INTER_NEAREST)
        painted = self._highlighter.paint(large)
        strip = self._highlighter.strip(width, 2 * round(STRIP_PART * height / 2))
        if self._environment.is_game_over():
            self._highlighter.forget()
        return frame._replace(picture=np.concatenate([painted, strip]))

"""The last few observations of a game: what the network sees."""

import numpy as np


class StateBuffer:
    """The last observations of one game, oldest first; `state_shape` is (history, *observation).

    It is apart from the replay memory, so that no observation of a test ever enters training.
    """

    def __init__(self, state_shape: tuple[int, ...]):
        self._observations = np.zeros(state_shape, np.uint8)

    def add(self, observation: np.ndarray) -> None:
        """Append the newest observation, uint8 (*observation); the oldest one leaves."""
        self._observations[:-1] = self._observations[1:]
        self._observations[-1] = observation

    @property
    def state(self) -> np.ndarray:
        """The current state, uint8 (history, *observation); a view that `add` changes."""
        return self._observations

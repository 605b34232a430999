"""The last few observations of a game: what the network sees."""

import numpy as np
import numpy.typing as npt


class StateBuffer:
    """The last observations of one game, oldest first; `state_shape` is (history, *observation).

    They are kept in `dtype`. It is apart from the replay memory, so that no observation of a test
    ever enters training.
    """

    def __init__(self, state_shape: tuple[int, ...], dtype: npt.DTypeLike = np.uint8):
        self._observations = np.zeros(state_shape, dtype)

    def add(self, observation: np.ndarray) -> None:
        """Append the newest observation, (*observation); the oldest one leaves."""
        self._observations[:-1] = self._observations[1:]
        self._observations[-1] = observation

    @property
    def state(self) -> np.ndarray:
        """The current state, (history, *observation); a view that `add` changes."""
        return self._observations

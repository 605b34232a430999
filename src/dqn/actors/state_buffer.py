"""The last few screens of a game: what the network sees."""

import numpy as np


class StateBuffer:
    """The last `history_length` screens of one game, oldest first.

    It is apart from the replay memory, so that no screen of a test ever enters training.
    """

    def __init__(self, *, history_length: int, screen_height: int, screen_width: int):
        self._screens = np.zeros((history_length, screen_height, screen_width), np.uint8)

    def add(self, screen: np.ndarray) -> None:
        """Take in the newest screen, uint8 (height, width); the oldest one leaves."""
        self._screens[:-1] = self._screens[1:]
        self._screens[-1] = screen

    @property
    def state(self) -> np.ndarray:
        """The current state, uint8 (history, height, width); a view that `add` changes."""
        return self._screens

"""Saliency as a coloured layer on the game's picture, step after step."""

from collections import deque
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from dqn.networks.inspector import NetworkInspector
from dqn.visualization.saliency import Saliency
from dqn.visualization.strip import draw_strip

# From where little depends on it to where most does: colours that no game of the Atari glows in
RAMP = np.array([(60, 0, 110), (190, 0, 200), (255, 60, 190), (255, 190, 240)], np.float32)
COVERING = 0.65  # how much of the picture the brightest colour hides, at full strength
DIMMED = 0.6  # what is left there of the picture's light where nothing depends on it
FLOOR = 0.08  # of the scale; what is below is noise
# The scale falls by this factor each step until a step exceeds it, so that steps in which nothing
# matters look so.
DECAY = 0.98
STEPS_SHOWN = 150  # of Q-values: ten seconds of an Atari


class Highlighter:
    """Highlights what the chosen action's value depends on.

    `strength`, in 0..1, is that of the colour; `actions` are the actions' names.
    """

    def __init__(
        self,
        saliency: Saliency,
        inspector: NetworkInspector,
        actions: Sequence[str],
        strength: float,
    ):
        self._saliency = saliency
        self._inspector = inspector
        self._actions = actions
        self._strength = strength
        # The Q-values of the last steps, each with the action taken
        self._values: deque[tuple[np.ndarray, int]] = deque(maxlen=STEPS_SHOWN)
        self._scale = 0.0
        self._map: np.ndarray | None = None
        self._layer: tuple[np.ndarray, np.ndarray] | None = None
        self._strip: np.ndarray | None = None

    @property
    def strength(self) -> float:
        """How strong the colour is, in 0..1; what is set beyond is cut off."""
        return self._strength

    @strength.setter
    def strength(self, strength: float) -> None:
        self._strength = min(max(strength, 0.0), 1.0)
        self._layer = None

    def look(self, state: np.ndarray, action: int) -> None:
        """Look at a state, uint8 (*state_shape), in which an action was chosen."""
        self._values.append((self._inspector.predict(state[np.newaxis])[0], action))
        found = self._saliency(state, action)
        self._scale = max(float(found.max()), DECAY * self._scale)
        self._map = found / self._scale if self._scale > 0 else found
        self._layer = self._strip = None

    def forget(self) -> None:
        """Highlight nothing until the next look, as when a game begins."""
        self._values.clear()
        self._map = self._layer = self._strip = None

    def paint(self, picture: np.ndarray) -> np.ndarray:
        """The picture, uint8 (height, width, 3), with what was found in the last look."""
        if self._map is None:
            return picture
        height, width, _ = picture.shape
        if self._layer is None or self._layer[0].shape != picture.shape:
            self._layer = coloured_layer(self._map, height, width, self.strength)
        return laid_over(picture, self._layer)

    def strip(self, width: int, height: int) -> np.ndarray:
        """The Q-values of the last steps as a picture, uint8 (height, width, 3)."""
        if self._strip is None or self._strip.shape != (height, width, 3):
            values = list(self._values)
            self._strip = draw_strip(values, self._actions, width, height, STEPS_SHOWN)
        return self._strip


def coloured_layer(
    saliency: np.ndarray, height: int, width: int, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """A layer for pictures of a size: its colour, and the light that it lets through.

    saliency: float (rows, columns) in 0..1, of the whole picture. Both are uint8 (height, width,
    3); a picture p becomes p · light / 255 + colour.
    """
    large = cv2.resize(saliency.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    amounts = cv2.merge([np.clip(255 * large, 0, 255).astype(np.uint8)] * 3)
    colour, light = _tables(strength)
    return np.asarray(cv2.LUT(amounts, colour)), np.asarray(cv2.LUT(amounts, light))


@lru_cache(maxsize=16)
def _tables(strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Colour and light, uint8 (1, 256, 3) each, of a saliency of 0 to 255."""
    amount = np.clip((np.linspace(0, 1, 256) - FLOOR) / (1 - FLOOR), 0, 1)
    glow = np.sqrt(amount)[:, np.newaxis]
    places = np.linspace(0, 1, len(RAMP))
    colour = np.stack([np.interp(amount, places, channel) for channel in RAMP.T], 1)
    covered = strength * COVERING * glow
    light = (1 - covered) * (1 - strength * (1 - DIMMED) * (1 - glow))
    light = np.repeat(light, 3, axis=1)
    as_bytes = [np.rint(part).astype(np.uint8)[None] for part in (covered * colour, 255 * light)]
    return as_bytes[0], as_bytes[1]


def laid_over(picture: np.ndarray, layer: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The picture, uint8 (height, width, 3), below a layer as `coloured_layer` makes it."""
    colour, light = layer
    return np.asarray(cv2.add(cv2.multiply(picture, light, scale=1 / 255), colour))

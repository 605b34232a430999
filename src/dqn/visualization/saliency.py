"""What the value of an action depends on: by occlusion, and by the gradient."""

from collections.abc import Callable

import cv2
import numpy as np

from dqn.errors import UserError
from dqn.networks.architecture import Architecture
from dqn.networks.inspector import NetworkInspector

METHODS = ("occlusion", "gradient")
OCCLUSION, GRADIENT = METHODS

# Greydanus et al. 2018, section 3.1: a mask every 5 pixels each way, with a variance of 25 pixels²;
# the screen behind it is blurred with a standard deviation of 3 pixels.
MASK_STEP = 5
MASK_SIGMA = 5.0
BLUR_SIGMA = 3.0
# Of a value: what float32 gives for the same state may differ by as much, as batches do in size
ROUNDING = 1e-5
# A gradient of single pixels is a cloud of dots: it is shown over the eye's few pixels.
GRADIENT_SIGMA = 1.5

# Gives how much Q(s, a) depends on each place of the screens, float32 (height, width) from 0 up, of
# a state s, uint8 (*state_shape), and the index of an action a
Saliency = Callable[[np.ndarray, int], np.ndarray]


def create_saliency(method: str, inspector: NetworkInspector) -> Saliency:
    """The saliency by one of METHODS; raises UserError for a network that sees no screens."""
    if not has_screens(inspector.architecture):
        raise UserError(
            "--saliency needs a network that sees screens: of this one, which sees "
            f"{inspector.architecture.state_shape[-1]} numbers, nvis.sh shows which matter"
        )
    return Occlusion(inspector) if method == OCCLUSION else Gradient(inspector)


def has_screens(architecture: Architecture) -> bool:
    """Whether the network sees screens, and not a few numbers."""
    return len(architecture.state_shape) > 2


class Occlusion:
    """½(Q(s, a) − Q(Φ(s, i, j), a))² (Greydanus et al. 2018, equations 1 and 2, of one action).

    Φ(s, i, j) = s⊙(1 − M) + A⊙M blurs all screens of the state around the pixel (i, j): A is the
    blurred state and M a Gaussian of height 1. All masks are one batch; between the pixels that
    have one, the result is interpolated.
    """

    def __init__(self, inspector: NetworkInspector):
        self._inspector = inspector
        *_, height, width = inspector.architecture.state_shape
        rows, columns = mask_centres(height), mask_centres(width)
        self._grid = (len(rows), len(columns))
        self._between_rows = interpolation(rows, height)
        self._between_columns = interpolation(columns, width)
        masks = [gaussian_mask(height, width, row, column) for row in rows for column in columns]
        self._masks = np.stack(masks)[:, np.newaxis]  # (masks, 1, height, width)

    def __call__(self, state: np.ndarray, action: int) -> np.ndarray:
        """As `Saliency` says."""
        screens = state.reshape(-1, *state.shape[-2:]).astype(np.float32)
        occluded = self._masks * (blurred(screens) - screens)
        occluded += screens + 0.5  # to round: the conversion cuts fractions off
        states = occluded.astype(np.uint8).reshape(-1, *state.shape)
        value = self._inspector.predict(state[np.newaxis])[0, action]
        differences = value - self._inspector.predict(states)[:, action]
        differences[np.abs(differences) <= ROUNDING * abs(value)] = 0
        scores = 0.5 * np.square(differences).reshape(self._grid)
        return self._between_rows @ scores @ self._between_columns.T


class Gradient:
    """|∂Q(s, a)/∂s|, the greatest of all screens of the state at each pixel, slightly blurred.

    (Simonyan et al. 2014, section 3.)
    """

    def __init__(self, inspector: NetworkInspector):
        self._inspector = inspector

    def __call__(self, state: np.ndarray, action: int) -> np.ndarray:
        """As `Saliency` says."""
        gradient = self._inspector.gradient(state[np.newaxis], np.array([action]))[0]
        greatest = np.abs(gradient).reshape(-1, *state.shape[-2:]).max(0)
        return cv2.GaussianBlur(greatest, (0, 0), GRADIENT_SIGMA)


def mask_centres(length: int) -> list[int]:
    """The pixels of a row or column that have a mask: every MASK_STEP, as far from both edges."""
    count = max(length // MASK_STEP, 1)
    first = (length - 1 - (count - 1) * MASK_STEP) // 2
    return [first + MASK_STEP * index for index in range(count)]


def interpolation(centres: list[int], length: int) -> np.ndarray:
    """The matrix, float32 (length, centres), that interpolates linearly between the centres."""
    units = np.eye(len(centres), dtype=np.float32)
    places = np.arange(length)
    return np.stack([np.interp(places, centres, unit) for unit in units], 1).astype(np.float32)


def gaussian_mask(height: int, width: int, row: int, column: int) -> np.ndarray:
    """M, float32 (height, width): 1 at a pixel, and less around it."""
    rows, columns = np.arange(height)[:, np.newaxis], np.arange(width)
    distance = (rows - row) ** 2 + (columns - column) ** 2
    return np.exp(-distance / (2 * MASK_SIGMA**2)).astype(np.float32)


def blurred(screens: np.ndarray) -> np.ndarray:
    """A, each of the screens (n, height, width) blurred."""
    return np.stack([cv2.GaussianBlur(screen, (0, 0), BLUR_SIGMA) for screen in screens])

"""Pictures of any size as the network sees them: gray or in colours, and resized."""

from collections.abc import Callable

import cv2
import numpy as np

from dqn.environments.blending import mean
from dqn.environments.settings import ObservationSettings

INTERPOLATIONS = {
    "linear": cv2.INTER_LINEAR,
    "area": cv2.INTER_AREA,
    "nearest": cv2.INTER_NEAREST,
}
# ALE's gray, as in blending.luminance, for OpenCV, which is much faster with whole pictures
LUMINANCE = np.array([[0.2989, 0.5870, 0.1140]], np.float32)

Convert = Callable[[np.ndarray], np.ndarray]


def create_converter(settings: ObservationSettings) -> Convert:
    """What makes observations of `settings.shape` of uint8 pictures.

    These are (height, width), (height, width, 1) or (height, width, 3), RGB. `settings.kind` is
    "screen" or "rgb", of which the latter needs colours.
    """
    size = (settings.width, settings.height)
    interpolation = INTERPOLATIONS[settings.interpolation]
    to_gray = luminance_of_picture if settings.grayscale == "luminance" else mean

    def convert_to_gray(picture: np.ndarray) -> np.ndarray:
        if picture.ndim == 3:
            picture = to_gray(picture) if picture.shape[2] == 3 else picture[..., 0]
        return cv2.resize(np.ascontiguousarray(picture), size, interpolation=interpolation)

    def convert_to_planes(picture: np.ndarray) -> np.ndarray:
        planes = map(np.ascontiguousarray, np.moveaxis(picture, -1, 0))
        return np.stack([cv2.resize(p, size, interpolation=interpolation) for p in planes])

    return convert_to_planes if settings.kind == "rgb" else convert_to_gray


def luminance_of_picture(picture: np.ndarray) -> np.ndarray:
    """ALE's gray of a picture: uint8 (height, width, 3) → (height, width)."""
    return cv2.transform(np.ascontiguousarray(picture), LUMINANCE)

"""Pictures of any size as the network sees them: gray or in colours, and resized."""

from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from dqn.environments.blending import mean, opencv_gray, truncated_luminance
from dqn.environments.settings import ObservationSettings

_OPENCVS = {
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
    resize = create_resizing(settings)
    is_gray_last = settings.grayscale == "opencv_last"
    to_gray = _GRAYS[settings.grayscale]

    def convert_to_gray(picture: np.ndarray) -> np.ndarray:
        if picture.ndim == 3:
            picture = to_gray(picture) if picture.shape[2] == 3 else picture[..., 0]
        return resize(np.ascontiguousarray(picture))

    def convert_to_gray_last(picture: np.ndarray) -> np.ndarray:
        if picture.shape[2:] != (3,):
            return convert_to_gray(picture)
        return to_gray(np.ascontiguousarray(np.moveaxis(convert_to_planes(picture), 0, -1)))

    def convert_to_planes(picture: np.ndarray) -> np.ndarray:
        planes = map(np.ascontiguousarray, np.moveaxis(picture, -1, 0))
        return np.stack([resize(plane) for plane in planes])

    if settings.kind == "rgb":
        return convert_to_planes
    return convert_to_gray_last if is_gray_last else convert_to_gray


def create_resizing(settings: ObservationSettings) -> Convert:
    """What resizes uint8 (height, width) to the size of an observation."""
    size = (settings.width, settings.height)
    if settings.interpolation == "pillow":
        return lambda plane: np.array(
            Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR), np.uint8
        )
    interpolation = _OPENCVS[settings.interpolation]
    return lambda plane: cv2.resize(plane, size, interpolation=interpolation)


def luminance_of_picture(picture: np.ndarray) -> np.ndarray:
    """ALE's gray of a picture: uint8 (height, width, 3) → (height, width)."""
    return cv2.transform(np.ascontiguousarray(picture), LUMINANCE)


_GRAYS: dict[str, Convert] = {
    "luminance": luminance_of_picture,
    "mean": mean,
    "opencv": opencv_gray,
    "opencv_last": opencv_gray,
    "truncated": truncated_luminance,
}

"""States, gradients and weights as pictures, and pictures as text for a page."""

import base64

import cv2
import numpy as np

LAYER_SCALE = 4  # pixels of a page's picture for one of the game's, across
LINE_SCALE = 2
WEBP_QUALITY = 90


def tiles(screens: np.ndarray) -> np.ndarray:
    """A row of pictures, uint8 (height, (1 + n) · width, 3): the trace, then each of n screens.

    One screen alone is its own trace. screens: float in 0..1, gray (n, height, width) or coloured
    (n, 3, height, width), oldest first.
    """
    if len(screens) == 1:
        pictures = [_as_colours(screens[0])]
    else:
        pictures = [trace(screens), *map(_as_colours, screens)]
    return np.rint(255 * np.concatenate(pictures, axis=1)).astype(np.uint8)


def trace(screens: np.ndarray) -> np.ndarray:
    """The last three screens as red, green and blue, from old to new: (height, width, 3).

    What rests is gray; what moves leaves a red, a green and a blue trace. Of two screens the newer
    is green and blue, and one alone is gray.
    """
    gray = screens.mean(1) if screens.ndim == 4 else screens
    newest = gray[-3:]
    of_colours = {1: (0, 0, 0), 2: (0, 1, 1), 3: (0, 1, 2)}[len(newest)]
    return np.stack([newest[index] for index in of_colours], 2)


def signed(numbers: np.ndarray) -> np.ndarray:
    """Numbers as light in 0..1: 0 is middle gray, the greatest in size white or black."""
    greatest = np.abs(numbers).max(initial=0)
    if greatest == 0:
        return np.full(numbers.shape, 0.5, np.float32)
    return (0.5 + 0.5 * numbers / greatest).astype(np.float32)


def weight_tiles(weights: np.ndarray, num_screens: int) -> np.ndarray:
    """The weights of a filter as a row of pictures, one for each screen, with gaps between them.

    weights: float (channels, rows, columns); the channels are `num_screens` times one, or three.
    """
    light = signed(weights).reshape(num_screens, -1, *weights.shape[-2:])
    colours = [_as_colours(screen[0] if len(screen) == 1 else screen) for screen in light]
    gap = np.ones((weights.shape[-2], 1, 3), np.float32)
    row = [part for colour in colours for part in (gap, colour)][1:]
    return np.rint(255 * np.concatenate(row, axis=1)).astype(np.uint8)


def enlarged(picture: np.ndarray) -> np.ndarray:
    """A game's picture, large enough for a layer over it to be smooth."""
    height, width, _ = picture.shape
    size = (LAYER_SCALE * width, LINE_SCALE * height)
    return cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)


def png(picture: np.ndarray) -> str:
    """A picture, uint8 (height, width, 3), as a data URI that loses nothing."""
    return _data_uri(picture, ".png", [cv2.IMWRITE_PNG_COMPRESSION, 9])


def webp(picture: np.ndarray) -> str:
    """A picture as a small data URI."""
    return _data_uri(picture, ".webp", [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY])


def _data_uri(picture: np.ndarray, ending: str, settings: list[int]) -> str:
    _, encoded = cv2.imencode(ending, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), settings)
    return f"data:image/{ending[1:]};base64,{base64.b64encode(encoded.tobytes()).decode()}"


def _as_colours(screen: np.ndarray) -> np.ndarray:
    """A gray (height, width) or coloured (3, height, width) screen as (height, width, 3)."""
    return np.moveaxis(screen, 0, -1) if screen.ndim == 3 else np.repeat(screen[..., None], 3, 2)

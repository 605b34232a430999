"""How large a picture is shown, in square pixels."""

from collections.abc import Callable
from functools import partial

import numpy as np

# A television picture is 4:3, whatever the number of its lines, so an Atari's pixels are wide: 12:7
# with the 210 to 230 lines of NTSC, 25:12 with the 250 of PAL. These whole multiples come within
# 2 % and 4 % of that, keep every pixel sharp, and make of 160×210 exactly 4:3 (1120×840).
LINE_SCALE = 4
NTSC_COLUMN_SCALE, PAL_COLUMN_SCALE = 7, 8
MIN_PAL_LINES = 240
SQUARE_LINES = 480  # about as many has a picture with square pixels

# Width and height of a picture, of its columns and lines
Scale = Callable[[int, int], tuple[int, int]]


def scale_of(has_square_pixels: bool, is_small: bool = False, to_scale: bool = False) -> Scale:
    """How pictures are enlarged: those that are `to_scale` not at all."""
    if to_scale:
        return lambda columns, lines: (columns, lines)
    scale = _scale_square if has_square_pixels else _scale_television
    return partial(scale, parts=2 if is_small else 1)


def size_on_screen(picture: np.ndarray, has_square_pixels: bool = False) -> tuple[int, int]:
    """Width and height of a picture as it is shown."""
    lines, columns, _ = picture.shape
    return scale_of(has_square_pixels)(columns, lines)


def _scale_television(columns: int, lines: int, parts: int) -> tuple[int, int]:
    """Width and height of an Atari's picture in a video, both divided by `parts`."""
    column_scale = PAL_COLUMN_SCALE if lines >= MIN_PAL_LINES else NTSC_COLUMN_SCALE
    return _even(columns * column_scale // parts), _even(lines * LINE_SCALE // parts)


def _even(length: int) -> int:
    """H.264 halves the lines of colours."""
    return length // 2 * 2


def _scale_square(columns: int, lines: int, parts: int) -> tuple[int, int]:
    """The same of a picture with square pixels: whole multiples of it, which must be even."""
    scale = max(1, round(SQUARE_LINES / parts / lines))
    if scale % 2 and (columns % 2 or lines % 2):
        scale += 1
    return columns * scale, lines * scale

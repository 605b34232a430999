"""How large a picture of the Atari is shown."""

import numpy as np

# A television picture is 4:3, whatever the number of its lines, so an Atari's pixels are wide: 12:7
# with the 210 to 230 lines of NTSC, 25:12 with the 250 of PAL. These whole multiples come within
# 2 % and 4 % of that, keep every pixel sharp, and make of 160×210 exactly 4:3 (1120×840).
LINE_SCALE = 4
NTSC_COLUMN_SCALE, PAL_COLUMN_SCALE = 7, 8
MIN_PAL_LINES = 240


def size_on_screen(picture: np.ndarray) -> tuple[int, int]:
    """Width and height, in square pixels, of an Atari's picture as it is shown."""
    lines, columns, _ = picture.shape
    scale = PAL_COLUMN_SCALE if lines >= MIN_PAL_LINES else NTSC_COLUMN_SCALE
    return columns * scale, lines * LINE_SCALE

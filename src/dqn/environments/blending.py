"""The colours of two frames made one, by tables of all pairs of colours.

ALE averages them; the DQN of Nature takes their maximum. ALE's own `color_averaging` averages every
emulated frame, which takes about as long as emulating it. What stands here of it was found by
measuring: `benchmarks/measure_colours.py` tells whether it holds for the ALE that is installed.
"""

from functools import cache

import cv2
import numpy as np

# The colours 0, 2, 4, … 254 in red, green and blue, a hue in each line. Odd numbers are colours
# that a PAL television loses now and then.
NTSC = """
    000000 4a4a4a 6f6f6f 8e8e8e aaaaaa c0c0c0 d6d6d6 ececec
    484800 69690f 86861d a2a22a bbbb35 d2d240 e8e84a fcfc54
    7c2c00 904811 a26221 b47a30 c3903d d2a44a dfb755 ecc860
    901c00 a33915 b55328 c66c3a d5824a e39759 f0aa67 fcbc74
    940000 a71a1a b83232 c84848 d65c5c e46f6f f08080 fc9090
    840064 97197a a8308f b846a2 c659b3 d46cc3 e07cd2 ec8ce0
    500084 68199a 7d30ad 9246c0 a459d0 b56ce0 c57cee d48cfc
    140090 331aa3 4e32b5 6848c6 7f5cd5 956fe3 a980f0 bc90fc
    000094 181aa7 2d32b8 4248c8 545cd6 656fe4 7580f0 8490fc
    001c88 183b9d 2d57b0 4272c2 548ad2 65a0e1 75b5ef 84c8fc
    003064 185080 2d6d98 4288b0 54a0c5 65b7d9 75cceb 84e0fc
    004030 18624e 2d8169 429e82 54b899 65d1ae 75e7c2 84fcd4
    004400 1a661a 328432 48a048 5cba5c 6fd26f 80e880 90fc90
    143c00 355f18 527e2d 6e9c42 87b754 9ed065 b4e775 c8fc84
    303800 505916 6d762b 88923e a0ab4f b7c25f ccd86e e0ec7c
    482c00 694d14 866a26 a28638 bb9f47 d2b656 e8cc63 fce070
"""
PAL = """
    000000 2b2b2b 525252 767676 979797 b6b6b6 d2d2d2 ececec
    000000 2b2b2b 525252 767676 979797 b6b6b6 d2d2d2 ececec
    805800 96711a ab8732 be9c48 cfaf5c dfc06f eed180 fce090
    445c00 5e791a 769332 8cac48 a0c25c b3d76f c4ea80 d4fc90
    703400 89511a a06b32 b68448 c99a5c dcaf6f ecc280 fcd490
    006414 1a8035 329852 48b06e 5cc587 6fd99e 80ebb4 90fcc8
    700014 891a35 a03252 b6486e c95c87 dc6f9e ec80b4 fc90c8
    005c5c 1a7676 328e8e 48a4a4 5cb8b8 6fcbcb 80dcdc 90ecec
    70005c 841a74 963289 a8489e b75cb0 c66fc1 d380d1 e090e0
    003c70 195a89 2f75a0 448eb6 57a5c9 68badc 79ceec 88e0fc
    580070 6e1a89 8332a0 9648b6 a75cc9 b76fdc c680ec d490fc
    002070 193f89 2f5aa0 4474b6 578bc9 68a1dc 79b5ec 88c8fc
    340080 4a1a96 5f32ab 7248be 835ccf 936fdf a280ee b090fc
    000088 1a1a9d 3232b0 4848c2 5c5cd2 6f6fe1 8080ef 9090fc
    000000 2b2b2b 525252 767676 979797 b6b6b6 d2d2d2 ececec
    000000 2b2b2b 525252 767676 979797 b6b6b6 d2d2d2 ececec
"""


class Blending:
    """Makes one value of the two colours that each pixel has in two frames.

    `values`, uint8 (256, 256), has it for every pair of colour numbers.
    """

    def __init__(self, values: np.ndarray):
        self._values = values
        self._values_alone = values.diagonal().copy()

    def blend(self, before: np.ndarray, now: np.ndarray, screen: np.ndarray) -> None:
        """Write the values of two frames into `screen`; all are uint8 (height, width)."""
        cv2.LUT(now, self._values_alone, screen)
        # Few pixels differ, and looking pairs up takes longer.
        changed = np.flatnonzero(before != now)
        pairs = before.reshape(-1)[changed], now.reshape(-1)[changed]
        screen.reshape(-1)[changed] = self._values[pairs]

    def map(self, now: np.ndarray, screen: np.ndarray) -> None:
        """The same for a frame that is like the one before."""
        cv2.LUT(now, self._values_alone, screen)


@cache
def average_colours(palette: str) -> np.ndarray:
    """The colour of every pair of colours averaged, uint8 (256, 256, 3); odd numbers make black.

    As on a phosphor, the brighter value of each of red, green and blue fades towards the other. The
    average is the palette's colour nearest to the result in steps of 4.
    """
    colours = _colours(palette)
    distances = np.zeros((len(colours),) * 3, np.int16)
    for value in colours.T:  # red, green, blue
        low = np.minimum(value[:, np.newaxis], value)
        high = np.maximum(value[:, np.newaxis], value)
        faded = (low + (high - low) * 77 // 100) // 4 * 4
        distances += np.abs(faded[:, :, np.newaxis] - value)
    averages = np.zeros((256, 256, 3), np.uint8)
    averages[::2, ::2] = colours[distances.argmin(axis=-1)]
    return averages


@cache
def brightest_colours(palette: str) -> np.ndarray:
    """The greater of each of red, green and blue of every pair of colours, uint8 (256, 256, 3).

    Odd numbers are shown as ALE does: the colour before, in gray.
    """
    colours = np.zeros((256, 3), np.uint8)
    colours[::2] = _colours(palette)
    colours[1::2] = luminance(colours[::2])[:, np.newaxis]
    return np.maximum(colours[:, np.newaxis], colours)


def luminance(colours: np.ndarray) -> np.ndarray:
    """ALE's gray of colours: uint8 (…, 3) → (…,), 0.2989 R + 0.5870 G + 0.1140 B, rounded."""
    return ((colours @ np.array([2989, 5870, 1140]) + 5000) // 10000).astype(np.uint8)


def mean(colours: np.ndarray) -> np.ndarray:
    """The mean of red, green and blue, rounded down: uint8 (…, 3) → (…,)."""
    return (colours.sum(axis=-1, dtype=np.int64) // 3).astype(np.uint8)


def opencv_gray(colours: np.ndarray) -> np.ndarray:
    """OpenCV's gray of colours: uint8 (height, width, 3) → (height, width)."""
    return cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)


def truncated_luminance(colours: np.ndarray) -> np.ndarray:
    """DQN Zoo's: uint8 (…, 3) → (…,), 0.299 R + 0.587 G + 0.114 B, rounded down."""
    return np.tensordot(colours, [0.299, 0.587, 1 - (0.299 + 0.587)], (-1, 0)).astype(np.uint8)


# How colours become gray, where that comes before resizing
GRAYS = {
    "luminance": luminance,
    "mean": mean,
    "opencv": opencv_gray,
    "truncated": truncated_luminance,
}


def average_grays(palette: str) -> np.ndarray:
    """ALE's gray of every pair of colours averaged, uint8 (256, 256)."""
    return luminance(average_colours(palette))


def _colours(palette: str) -> np.ndarray:
    """The colours with even numbers, int16 (128, 3)."""
    return np.array([list(bytes.fromhex(colour)) for colour in palette.split()], np.int16)

"""Q-values over time, as a strip below a picture."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dqn.machine.fonts import dejavu_sans

Colour = tuple[int, int, int]

BACKGROUND, RULE, TEXT, DIM = (16, 16, 20), (44, 44, 52), (232, 232, 236), (150, 150, 158)
# Okabe and Ito's palette, which people with any colour vision can tell apart, made brighter for
# black; then grays, for games with more actions than anyone tells apart.
PALETTE: tuple[Colour, ...] = (
    (86, 180, 233),
    (255, 176, 40),
    (20, 190, 140),
    (235, 130, 190),
    (240, 228, 66),
    (225, 110, 40),
    (160, 160, 255),
    (235, 235, 235),
)
LEFT_PART, RIGHT_PART = 0.09, 0.16  # of the width: numbers of the axis, names of the actions
MIN_LETTERS = 8  # pixels
LEAST_RANGE = 1e-3  # of Q-values, over the height of a strip
SHIFT = 4  # bits of a pixel's fraction in which OpenCV draws


def draw_strip(
    values: Sequence[tuple[np.ndarray, int]],
    actions: Sequence[str],
    width: int,
    height: int,
    steps: int,
) -> np.ndarray:
    """A strip, uint8 (height, width, 3), of the Q-values of the last `steps` steps.

    values: Q-values, float (num_actions,), and the action taken, for each step, oldest first;
    actions: their names. The line of the action taken last is bright, and ends with a dot. A strip
    that is too small for letters has lines alone.
    """
    strip = np.empty((height, width, 3), np.uint8)
    strip[:] = BACKGROUND
    size = min(height // 8, width // 56)
    has_text = size >= MIN_LETTERS
    if has_text:
        left, right, top, bottom = (
            round(LEFT_PART * width),
            round(RIGHT_PART * width),
            2 * size,
            size,
        )
        _write(strip, "Q-values", left, size, size, DIM, "lm")
    else:
        size = left = right = top = bottom = 2
    right, bottom = width - 1 - right, height - 1 - bottom
    if not values or right <= left or bottom <= top:
        return strip
    curves = np.array([of_step for of_step, _ in values]).T  # (num_actions, steps)
    lowest, highest = float(curves.min()), float(curves.max())
    if highest - lowest < LEAST_RANGE:
        lowest, highest = lowest - LEAST_RANGE / 2, highest + LEAST_RANGE / 2
    rows = bottom - (curves - lowest) / (highest - lowest) * (bottom - top)
    columns = right - np.arange(curves.shape[1])[::-1] * (right - left) / max(steps - 1, 1)
    if has_text:
        for value, row in ((lowest, bottom), (highest, top)):
            cv2.line(strip, (left, row), (right, row), RULE, 1)
            _write(strip, f"{value:.2f}", left - size // 2, row, size, DIM, "rm")
    taken = values[-1][1]
    for index in (*(index for index in range(len(curves)) if index != taken), taken):
        points = np.rint(np.stack([columns, rows[index]], 1) * 2**SHIFT).astype(np.int32)
        thickness = max(size // 6, 1) + (has_text and index == taken)
        cv2.polylines(
            strip, [points], False, _shade(index, index == taken), thickness, cv2.LINE_AA, SHIFT
        )
    dot = right, round(rows[taken, -1])
    cv2.circle(strip, dot, max(size // 3, 1), _shade(taken, True), -1, cv2.LINE_AA)
    if has_text:
        _write_names(strip, actions, curves[:, -1], taken, right + size, size)
    return strip


def _write_names(
    strip: np.ndarray, actions: Sequence[str], values: np.ndarray, taken: int, left: int, size: int
) -> None:
    """List the actions beside their curves, the one with the highest value first."""
    line = round(1.35 * size)
    room = max((len(strip) - size) // line, 1)
    for row, index in enumerate(np.argsort(-values, kind="stable")[:room]):
        name = f"{actions[index]} {values[index]:.2f}"
        colour = _shade(int(index), index == taken)
        _write(strip, name, left, size + row * line, size, colour, "lm")


def _shade(index: int, is_taken: bool) -> Colour:
    colour = PALETTE[index] if index < len(PALETTE) else (110, 110, 118)
    if is_taken:
        return colour
    red, green, blue = (round(0.62 * part) for part in colour)
    return red, green, blue


def _write(
    picture: np.ndarray, text: str, x: int, y: int, size: int, colour: Colour, anchor: str
) -> None:
    """Write into a picture; "lm" puts the text's left end and its middle at (x, y), "rm" the right.

    What does not fit is cut off.
    """
    letters = _letters(text, size)
    height, width = letters.shape
    x -= width if anchor == "rm" else 0
    y -= height // 2
    x, y = max(x, 0), max(y, 0)
    part = picture[y : y + height, x : x + width]
    alpha = letters[: part.shape[0], : part.shape[1], np.newaxis].astype(np.float32) / 255
    part[:] = np.rint(part + alpha * (np.array(colour, np.float32) - part)).astype(np.uint8)


@lru_cache(maxsize=512)
def _letters(text: str, size: int) -> np.ndarray:
    """The text as a mask, uint8 (height, width)."""
    path = dejavu_sans()
    font = ImageFont.truetype(path, size) if path else ImageFont.load_default(size)
    left, _, right, _ = font.getbbox(text)
    image = Image.new("L", (max(int(right - left) + 1, 1), round(1.3 * size)))
    ImageDraw.Draw(image).text((-left, 0), text, fill=255, font=font)
    return np.asarray(image)

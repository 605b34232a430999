"""A terminal's screen of character cells, and the bytes that change it."""

from functools import lru_cache

import cv2
import numpy as np

TRUE_COLOUR, COLOURS_256, PLAIN = 2**24, 256, 0  # how many colours a terminal has

UPPER_HALF = "▀"
RAMP = np.array([ord(character) for character in " .:-=+*#%@"], np.int32)  # dark to light
LEVELS = np.array([0, 95, 135, 175, 215, 255])  # of each colour in the cube of 256 colours
GRAYS = 8 + 10 * np.arange(24)  # their grays
NEAREST_LEVEL = np.abs(np.arange(256)[:, np.newaxis] - LEVELS).argmin(1)
NEAREST_GRAY = np.abs(np.arange(256)[:, np.newaxis] - GRAYS).argmin(1)
FIRST_CUBE, FIRST_GRAY = 16, 232
# What a terminal of plain characters may lack
PLAIN_TEXT = str.maketrans({"×": "x", "–": "-", "ε": "e", "█": "#", "●": "*", "▶": ">", "·": "."})

WHITE, BLACK = (230, 230, 230), (0, 0, 0)


class Cells:
    """Character cells with two colours each; a picture has two pixels in a cell.

    `num_colours` is one of TRUE_COLOUR, COLOURS_256 and PLAIN, where a picture has one character
    for each cell.
    """

    def __init__(self, rows: int, columns: int, num_colours: int):
        self.rows = rows
        self.columns = columns
        self._num_colours = num_colours
        # For each cell the character, its colour and the colour behind it, as the terminal has them
        self._cells = np.zeros((rows, columns, 3), np.int32)
        self._cells[:, :, 0] = ord(" ")
        self._sent = np.full_like(self._cells, -1)

    def clear(self) -> None:
        """Make all cells black."""
        self._cells[:] = (ord(" "), *self._codes(np.array([WHITE, BLACK], np.uint8)))

    def draw(self, picture: np.ndarray, row: int, column: int, rows: int, columns: int) -> None:
        """Draw a picture, uint8 (height, width, 3), over the cells of a rectangle."""
        target = self._cells[row : row + rows, column : column + columns]
        if self._num_colours == PLAIN:
            small = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
            # The square root makes small things, which are dark among so few cells, stand out.
            brightness = np.sqrt(small.max(2) / 256)
            target[:, :, 0] = RAMP[(brightness * len(RAMP)).astype(int)]
            return
        small = cv2.resize(picture, (columns, 2 * rows), interpolation=cv2.INTER_AREA)
        codes = self._codes(small)
        target[:, :, 0] = ord(UPPER_HALF)
        target[:, :, 1] = codes[0::2]
        target[:, :, 2] = codes[1::2]

    def write(
        self,
        row: int,
        column: int,
        text: str,
        colour: tuple[int, int, int] = WHITE,
        behind: tuple[int, int, int] = BLACK,
    ) -> None:
        """Write text into a row; what does not fit is cut off."""
        if not 0 <= row < self.rows:
            return
        if self._num_colours == PLAIN:
            text = text.translate(PLAIN_TEXT)
        text = text[: max(self.columns - column, 0)]
        target = self._cells[row, column : column + len(text)]
        target[:, 0] = [ord(character) for character in text]
        target[:, 1:] = self._codes(np.array([colour, behind], np.uint8))

    def changes(self) -> bytes:
        """What makes the terminal show the cells, if it shows those of the last call."""
        rows, columns = np.nonzero((self._cells != self._sent).any(2))
        parts = []
        position = colour = behind = None
        for row, column, cell in zip(
            rows.tolist(), columns.tolist(), self._cells[rows, columns].tolist(), strict=True
        ):
            if position != (row, column):
                parts.append(f"\x1b[{row + 1};{column + 1}H")
            if cell[1] != colour:
                colour = cell[1]
                parts.append(_colour_sequence(self._num_colours, 38, colour))
            if cell[2] != behind:
                behind = cell[2]
                parts.append(_colour_sequence(self._num_colours, 48, behind))
            parts.append(chr(cell[0]))
            position = (row, column + 1)
        self._sent[:] = self._cells
        return "".join(parts).encode()

    def _codes(self, colours: np.ndarray) -> np.ndarray:
        """The terminal's numbers, int32 (…,), of colours, uint8 (…, 3)."""
        if self._num_colours == TRUE_COLOUR:
            red, green, blue = np.moveaxis(colours.astype(np.int32), -1, 0)
            return red << 16 | green << 8 | blue
        if self._num_colours == COLOURS_256:
            return _nearest_of_256(colours)
        return np.zeros(colours.shape[:-1], np.int32)


def _nearest_of_256(colours: np.ndarray) -> np.ndarray:
    """The numbers of the nearest colours in the cube of 216 and the 24 grays."""
    colours = colours.astype(np.int32)
    levels = NEAREST_LEVEL[colours]
    grays = NEAREST_GRAY[np.rint(colours.mean(-1)).astype(int)]
    cube_error = ((LEVELS[levels] - colours) ** 2).sum(-1)
    gray_error = ((GRAYS[grays][..., np.newaxis] - colours) ** 2).sum(-1)
    cube = FIRST_CUBE + levels @ np.array([36, 6, 1])
    return np.where(gray_error < cube_error, FIRST_GRAY + grays, cube).astype(np.int32)


@lru_cache(maxsize=4096)
def _colour_sequence(num_colours: int, what: int, code: int) -> str:
    """Sets the colour of the character (`what` is 38) or that behind it (48)."""
    if num_colours == TRUE_COLOUR:
        return f"\x1b[{what};2;{code >> 16};{code >> 8 & 255};{code & 255}m"
    if num_colours == COLOURS_256:
        return f"\x1b[{what};5;{code}m"
    return ""

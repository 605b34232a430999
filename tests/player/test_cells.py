"""What a terminal shows after it was sent the changes of its cells."""

import numpy as np
import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqn.player.cells import COLOURS_256, PLAIN, TRUE_COLOUR, Cells

ROWS, COLUMNS = 6, 10


class Emulator:
    """A terminal of the right size."""

    def __init__(self):
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self.screen)

    def feed(self, data):
        self._stream.feed(data)

    def cell(self, row, column):
        cell = self.screen.buffer[row][column]
        return cell.data, cell.fg, cell.bg

    def colours(self):
        """The colours of half blocks, uint8 (2 · rows, columns, 3)."""
        halves = np.zeros((ROWS, 2, COLUMNS, 3), np.uint8)
        for row in range(ROWS):
            for column in range(COLUMNS):
                character, *colours = self.cell(row, column)
                assert character == "▀"
                halves[row, :, column] = [list(bytes.fromhex(colour)) for colour in colours]
        return halves.reshape(2 * ROWS, COLUMNS, 3)


@given(st.integers(0, 2**32 - 1), st.integers(0, 30))
@settings(max_examples=50)
def test_sending_only_the_changes_gives_the_whole_picture(seed, changed_pixels):
    generator = np.random.default_rng(seed)
    picture = generator.integers(0, 256, (2 * ROWS, COLUMNS, 3), np.uint8)
    cells, terminal = Cells(ROWS, COLUMNS, TRUE_COLOUR), Emulator()
    cells.draw(picture, 0, 0, ROWS, COLUMNS)
    first = cells.changes()
    terminal.feed(first)
    np.testing.assert_array_equal(terminal.colours(), picture)
    for _ in range(changed_pixels):
        picture[generator.integers(2 * ROWS), generator.integers(COLUMNS)] = generator.integers(256)
    cells.draw(picture, 0, 0, ROWS, COLUMNS)
    changes = cells.changes()
    terminal.feed(changes)
    np.testing.assert_array_equal(terminal.colours(), picture)
    assert len(changes) < len(first)
    assert cells.changes() == b""


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_of_256_colours_the_nearest_is_taken(colour):
    cells, terminal = Cells(ROWS, COLUMNS, COLOURS_256), Emulator()
    picture = np.full((2 * ROWS, COLUMNS, 3), colour, np.uint8)
    cells.draw(picture, 0, 0, ROWS, COLUMNS)
    terminal.feed(cells.changes())
    shown = terminal.colours()[0, 0].astype(int)
    # The first 16 are different in each terminal.
    palette = np.array([list(bytes.fromhex(code)) for code in pyte.graphics.FG_BG_256[16:]])
    nearest = ((palette - colour) ** 2).sum(1).min()
    # A gray is looked for by the mean, rounded: 30 is what that may make of 4.5 instead of 5.5.
    assert ((shown - colour) ** 2).sum() <= nearest + 30


def test_gray_takes_the_finer_grays():
    cells, terminal = Cells(ROWS, COLUMNS, COLOURS_256), Emulator()
    picture = np.full((2 * ROWS, COLUMNS, 3), 130, np.uint8)
    cells.draw(picture, 0, 0, ROWS, COLUMNS)
    terminal.feed(cells.changes())
    assert terminal.cell(0, 0)[1:] == ("808080", "808080")


def test_a_plain_terminal_gets_ascii_alone():
    cells, terminal = Cells(ROWS, COLUMNS, PLAIN), Emulator()
    picture = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    picture[:, 5:] = 255
    cells.draw(picture, 0, 0, ROWS - 1, COLUMNS)
    cells.write(ROWS - 1, 0, "ε 0.5× ●▶█", (255, 0, 0))
    sent = cells.changes()
    assert sent.isascii()
    terminal.feed(sent)
    assert terminal.screen.display == [*["     @@@@@"] * 5, "e 0.5x *>#"]
    assert terminal.cell(0, 9)[1:] == ("default", "default")


def test_text_is_cut_at_the_edge():
    cells, terminal = Cells(ROWS, COLUMNS, TRUE_COLOUR), Emulator()
    cells.clear()
    cells.write(1, 6, "score 12", (1, 2, 3), (4, 5, 6))
    cells.write(ROWS, 0, "below")
    cells.write(2, COLUMNS + 1, "beside")
    terminal.feed(cells.changes())
    assert terminal.screen.display[1] == "      scor"
    assert terminal.cell(1, 6) == ("s", "010203", "040506")
    assert not "".join(terminal.screen.display).replace("scor", "").strip()


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (50, 200)])
def test_any_size_of_picture_fits(size):
    cells = Cells(*size, TRUE_COLOUR)
    cells.draw(np.full((210, 160, 3), 9, np.uint8), 0, 0, *size)
    assert b"9;9;9" in cells.changes()

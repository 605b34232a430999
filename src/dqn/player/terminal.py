"""The text terminal as a display: a picture of half blocks, also by ssh."""

import contextlib
import io
import logging
import os
import re
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

import numpy as np

from dqn.errors import UserError
from dqn.player.cells import COLOURS_256, PLAIN, TRUE_COLOUR, WHITE, Cells
from dqn.player.display import RECORDING, Display, Insight, View
from dqn.player.keyboard import COMMANDS, Command, Joystick

HOLD_SECONDS = 0.25  # for which a pressed key counts: no terminal tells when it is let go
ESCAPE_SECONDS = 0.1  # after which an escape that nothing followed is the key of that name
LAST_SENDING_SECONDS = 1.0  # at the end, to a terminal that takes nothing any more

ENTER = b"\x1b[?1049h\x1b[?25l\x1b[?7l"  # the other screen, no cursor, no wrapping
LEAVE = b"\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
CLEAR = b"\x1b[0m\x1b[2J"
KEY = re.compile(rb"\x1b[\[O][0-9;]*[A-Za-z~]|\x1b\x1b|\x1b[^\[O]|[^\x1b]", re.DOTALL)
ARROWS = {b"A": "up", b"B": "down", b"C": "right", b"D": "left"}
TERMS_OF_256_COLOURS = re.compile("256color|direct|kitty|alacritty|foot|ghostty|wezterm")

MIN_PANEL, MAX_PANEL = 32, 48  # columns
STRIP_ROWS, MAX_STRIP = 5, 12  # Q-values over time take a fifth of the rows, at most 12
FINER = 2
NAME_COLUMNS = 16  # of an action
MARGIN = 2  # columns beside the text in a box
PERSON, NETWORK, DARK, DIM = (255, 176, 72), (96, 184, 255), (40, 40, 44), (150, 150, 155)
STRIP = (16, 16, 20)
RED = (255, 90, 90)


class Terminal(Display):
    r"""Shows a game on the terminal that the program was started from.

    It never waits for the terminal: pictures that come faster than they can be sent are left out.
    Log lines are kept until the end; the last one stands in the status line. Ctrl-Z and Ctrl-\
    give the terminal back first. Raises UserError if there is none.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ):
        self._num_colours = number_of_colours(environment)
        try:
            # Opened anew, it can be told not to wait without telling the shell's the same.
            self._tty = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            raise UserError(
                f"there is no terminal to show the game on ({error.strerror}): start it in one, or "
                "use --display_screen window"
            ) from error
        self.joystick = Joystick(HOLD_SECONDS)
        self._is_open = True
        self._log = _HeldBackLog()
        self._unsent = b""
        self._typed = b""
        self._typed_at = 0.0
        self._cells = Cells(0, 0, self._num_colours)
        self._signal: int | None = None
        self._handlers = {
            number: signal.signal(number, self._note) for number in (signal.SIGTSTP, signal.SIGQUIT)
        }
        self._enter()

    def show(self, picture: np.ndarray, view: View) -> None:
        if not self._send():
            return
        columns, rows = self._size()
        if (rows, columns) != (self._cells.rows, self._cells.columns):
            self._cells = Cells(rows, columns, self._num_colours)
            self._unsent += CLEAR
        cells = self._cells
        cells.clear()
        panel = min(max(columns // 4, MIN_PANEL), MAX_PANEL)
        has_room = view.insight is not None and columns > 2 * panel
        width = columns - panel * has_room
        strip_rows = min(rows // STRIP_ROWS, MAX_STRIP) if view.strip else 0
        has_colours = self._num_colours != PLAIN
        painted = view.paint(picture) if view.paint and has_colours else picture
        self._draw_picture(painted, rows - 1 - strip_rows, width)
        if view.strip and strip_rows:
            # A cell is two pixels high; the strip is drawn finer and made smaller.
            top = rows - 1 - strip_rows
            strip = view.strip(FINER * width, FINER * 2 * strip_rows)
            strip = strip if has_colours else strip * (strip > max(STRIP))  # on black
            cells.draw(strip, top, 0, strip_rows, width)
            cells.write(top, 1, "Q-values", DIM, STRIP)
        if view.insight:
            self._draw_insight(view.insight, max(columns - panel, 0), panel)
        if view.help:
            self._draw_help(view.help)
        elif view.announcement:
            self._draw_announcement(view.announcement)
        self._draw_status(view)
        self._unsent += cells.changes()
        self._send()

    def poll(self) -> list[Command]:
        if self._signal is not None:
            self._leave()
            self._obey_signal()  # which may be to wait until the shell goes on with us
            self._enter()
        commands = []
        for key in self._keys():
            if key is not None and not self.joystick.press(key) and key in COMMANDS:
                commands.append(COMMANDS[key])
        return commands

    def toggle_full_screen(self) -> None:
        pass

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._leave()
            os.close(self._tty)
            self._obey_signal()
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def _enter(self) -> None:
        self._settings = termios.tcgetattr(self._tty)
        tty.setcbreak(self._tty)
        self._log.begin()
        self._cells = Cells(0, 0, self._num_colours)
        self._unsent = ENTER

    def _leave(self) -> None:
        self._unsent += LEAVE
        end = time.monotonic() + LAST_SENDING_SECONDS
        while not self._send() and time.monotonic() < end:
            select.select([], [self._tty], [], LAST_SENDING_SECONDS)
        with contextlib.suppress(termios.error):  # the terminal has gone
            termios.tcsetattr(self._tty, termios.TCSANOW, self._settings)
        self._log.end()

    def _note(self, number: int, _frame: object) -> None:
        self._signal = number

    def _obey_signal(self) -> None:
        """Do what a signal that has come does by itself."""
        if self._signal is not None:
            number, self._signal = self._signal, None
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            signal.signal(number, self._note)

    def _send(self) -> bool:
        """Send what the terminal takes; whether that was all."""
        while self._unsent:
            try:
                sent = os.write(self._tty, self._unsent)
            except BlockingIOError:
                return False
            except OSError:  # it has gone, and a signal tells the program
                sent = len(self._unsent)
            self._unsent = self._unsent[sent:]
        return True

    def _size(self) -> tuple[int, int]:
        try:
            columns, rows = os.get_terminal_size(self._tty)
        except OSError:
            columns = rows = 0
        return (columns, rows) if columns and rows else (80, 24)

    def _keys(self) -> Iterator[str | None]:
        """The names of the keys typed; None for those without."""
        try:
            typed = os.read(self._tty, 4096)
        except BlockingIOError:
            typed = None
        except OSError:
            typed = b""
        if typed == b"":  # the terminal has gone, and nobody can press a key any more
            yield "escape"
        elif typed:
            self._typed += typed
            self._typed_at = time.monotonic()
        end = 0
        for match in KEY.finditer(self._typed):
            yield _key_name(match[0])
            end = match.end()
        self._typed = self._typed[end:]
        if self._typed and time.monotonic() - self._typed_at > ESCAPE_SECONDS:
            if self._typed == b"\x1b":
                yield "escape"
            self._typed = b""

    def _draw_picture(self, picture: np.ndarray, rows: int, columns: int) -> None:
        """Draw it as large as it fits; a cell is twice as high as wide."""
        aspect = self.aspect_of(picture)
        width = min(columns, int(rows * 2 * aspect))
        height = min(rows, round(width / aspect / 2))
        if width and height:
            top, left = (rows - height) // 2, (columns - width) // 2
            self._cells.draw(picture, top, left, height, width)

    def _draw_status(self, view: View) -> None:
        cells = self._cells
        row = cells.rows - 1
        cells.write(row, 0, " " * cells.columns, behind=DARK)
        parts = view.parts(lambda texts: sum(len(text) + 2 for text in texts) <= cells.columns)
        colours = {view.who: PERSON if view.is_person else NETWORK, RECORDING: RED}
        column = 1
        for text in parts:
            cells.write(row, column, text, colours.get(text, WHITE), DARK)
            column += len(text) + 2
        room = cells.columns - column - 1
        text = view.message or (view.hint if len(view.hint) <= room else "")
        text = text or (self._log.last_line if not view.hint else "")
        if room > 0:
            colour = WHITE if view.message else DIM
            cells.write(row, column, text[:room].rjust(room), colour, DARK)

    def _draw_announcement(self, lines: Sequence[str]) -> None:
        columns = max(map(len, lines))
        self._draw_box(
            [[(text.center(columns), DIM if row else WHITE)] for row, text in enumerate(lines)]
        )

    def _draw_help(self, lines: Sequence[tuple[str, str]]) -> None:
        lines = [line for line in lines if line[0] != "f"]  # a terminal has no full screen
        keys, texts = (max(map(len, column)) for column in zip(*lines, strict=True))
        self._draw_box(
            [[(key.rjust(keys + 1), NETWORK), (f"  {text:<{texts}}", WHITE)] for key, text in lines]
        )

    def _draw_box(self, lines: list[list[tuple[str, tuple[int, int, int]]]]) -> None:
        """Draw lines of the same length, made of texts with their colours, in the middle."""
        cells = self._cells
        columns = sum(len(text) for text, _ in lines[0]) + 2 * MARGIN
        if len(lines) + 2 < cells.rows:
            lines = [[], *lines, []]
        top = max((cells.rows - 1 - len(lines)) // 2, 0)
        left = max((cells.columns - columns) // 2, 0)
        for row, parts in enumerate(lines[: cells.rows - 1], top):
            cells.write(row, left, " " * columns, behind=DARK)
            column = left + MARGIN
            for text, colour in parts:
                cells.write(row, column, text, colour, DARK)
                column += len(text)

    def _draw_insight(self, insight: Insight, left: int, columns: int) -> None:
        """Draw the actions with their Q-values and, as far as there is room, the state below."""
        cells = self._cells
        lines = [("", DIM), (f"  {insight.heading}", DIM), *_action_lines(insight, columns - 1)]
        lines += [("", DIM), (f"  {insight.exploration}", DIM), ("", DIM)]
        for row in range(cells.rows - 1):
            text, colour = lines[row] if row < len(lines) else ("", DIM)
            cells.write(row, left, text.ljust(columns), colour, DARK)
        picture_rows = (columns - 6) // 4  # two of them, each twice as many columns wide, and gaps
        for index, picture in enumerate(insight.pictures):
            row = len(lines) + index // 2 * (picture_rows + 1)
            column = left + 2 + index % 2 * (2 * picture_rows + 2)
            if row + picture_rows < cells.rows and column + 2 * picture_rows <= cells.columns:
                cells.draw(picture, row, column, picture_rows, 2 * picture_rows)


def number_of_colours(environment: Mapping[str, str]) -> int:
    """How many colours the terminal has, as its environment variables tell.

    Raises UserError if it cannot show a picture at all.
    """
    term = environment.get("TERM", "")
    if term in ("", "dumb", "unknown"):
        raise UserError(
            f"the terminal (TERM={term}) cannot place characters: use another one, or "
            "--display_screen window"
        )
    if environment.get("COLORTERM") in ("truecolor", "24bit"):
        return TRUE_COLOUR
    return COLOURS_256 if TERMS_OF_256_COLOURS.search(term) else PLAIN


def _action_lines(insight: Insight, columns: int) -> list[tuple[str, tuple[int, int, int]]]:
    """A line for each action: its name, its Q-value as a bar and as a number."""
    lines = []
    for index, name in enumerate(insight.actions):
        is_taken = index == insight.action
        text = f"{'▶' if is_taken else ' '} {name:<{NAME_COLUMNS}}"
        if insight.q_values is not None:
            number = f"{insight.q_values[index]:8.2f}"
            bar_columns = columns - len(text) - len(number)
            bar = "█" * round(insight.bar(index) * bar_columns)
            text += f"{bar:<{bar_columns}}{number}"
        lines.append((text, NETWORK if is_taken else WHITE))
    return lines


def _key_name(typed: bytes) -> str | None:
    if typed[:1] == b"\x1b":
        return "escape" if typed == b"\x1b\x1b" else ARROWS.get(typed[-1:])
    if typed in (b" ", b"\r", b"\n"):
        return "fire" if typed == b" " else "enter"
    name = typed.decode("latin-1").lower()
    return name if name.isprintable() else None


class _HeldBackLog(io.StringIO):
    """Keeps what goes to standard error, if that is a terminal, from `begin` to `end`."""

    last_line = ""

    def write(self, text: str) -> int:
        self.last_line = text.rstrip("\n") or self.last_line
        return super().write(text)

    def begin(self) -> None:
        self._stderr = sys.stderr
        if self._stderr.isatty():
            _redirect(self._stderr, self)

    def end(self) -> None:
        if sys.stderr is self:
            _redirect(self, self._stderr)
            with contextlib.suppress(OSError):
                self._stderr.write(self.getvalue())
                self._stderr.flush()
            self.seek(0)
            self.truncate()


def _redirect(old: TextIO, new: TextIO) -> None:
    """Let what goes to standard error, and the log, go to another stream."""
    sys.stderr = new
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is old:
            handler.setStream(new)

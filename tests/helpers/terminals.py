"""The program in a terminal that a test reads and types into."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pyte

from helpers.forked import Program, take_terminal
from helpers.watched import PATIENCE

TRUE_COLOUR = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """Runs `command` in a terminal of its own; a context manager that kills it at the end.

    If `is_program`, the command is what src/main.py is given. `received` is all that it wrote,
    `screen` what that looks like.
    """

    def __init__(self, command, *, rows=40, columns=132, environment=TRUE_COLOUR, is_program=False):
        self._master, self._slave = pty.openpty()
        self._nothing = os.open(os.devnull, os.O_RDWR)
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.resize(rows, columns)
        self.settings = termios.tcgetattr(self._slave)
        self.received = b""
        unwanted = ("DISPLAY", "WAYLAND_DISPLAY", "COLORTERM", "TERM")
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        options = {
            "env": {**kept, "SDL_AUDIODRIVER": "dummy", **environment},
            "start_new_session": True,
        }
        command = list(map(str, command))
        if is_program:
            terminal = os.ttyname(self._slave)
            options |= {"stdin": terminal, "stdout": terminal, "stderr": terminal}
            self.process = Program(command, prepare=take_terminal, **options)
        else:
            options |= {"stdin": self._slave, "stdout": self._slave, "stderr": self._slave}
            self.process = subprocess.Popen(command, preexec_fn=take_terminal, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.close()
        os.close(self._slave)
        os.close(self._nothing)

    def close(self):
        """Take the terminal away, as by closing its window."""
        if self._master is not None:
            os.close(self._master)
            self._master = None

    @property
    def lines(self):
        """What stands on the screen."""
        return self.screen.display

    @property
    def text(self):
        """The same, in one text."""
        return "\n".join(self.lines)

    def type(self, keys):
        """Press keys."""
        os.write(self._master, keys)

    def resize(self, rows, columns):
        """Give the terminal another size."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def wait_for(self, condition, what="the condition", *, typing=b""):
        """Read on until `condition` is true, as if the keys `typing` were held meanwhile."""
        end = time.monotonic() + PATIENCE
        next_press = 0.0
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}:\n{self.text}"
            if typing and time.monotonic() >= next_press:
                self.type(typing)
                next_press = time.monotonic() + 0.1
            self._read(0.05)

    def wait_for_text(self, text, **arguments):
        """Read on until `text` stands on the screen."""
        self.wait_for(lambda: text in self.text, repr(text), **arguments)

    def end(self):
        """Wait until the process has ended; returns its exit status."""
        self.wait_for(lambda: self.process.poll() is not None, "the end")
        while self._read(0):
            pass
        return self.process.returncode

    def hang_up(self):
        """Go away, as a window that is closed or an ssh that is cut."""
        for descriptor in (self._master, self._slave):
            os.dup2(self._nothing, descriptor)

    def assert_restored(self):
        """The settings are as they were, and what was on the screen is back."""
        assert termios.tcgetattr(self._slave) == self.settings
        assert self.received.count(ENTER) == self.received.count(LEAVE) > 0
        *_, last = self.received.split(ENTER)
        assert b"\x1b[?25h" in last  # the cursor
        assert b"\x1b[?7h" in last  # and lines that wrap

    @property
    def output(self):
        """What was written after the terminal was restored."""
        return self.received.split(LEAVE)[-1].decode()

    def _read(self, seconds):
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        data = os.read(self._master, 65536)
        self.received += data
        self._stream.feed(data)
        return True


def play(*arguments, **settings):
    """src/main.py in a terminal, playing slowly enough to be tested."""
    arguments = ["--play_games", 1, *arguments, "--display_screen", "terminal"]
    return Terminal(arguments, is_program=True, **settings)

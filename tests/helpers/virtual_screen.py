"""A virtual screen with a keyboard."""

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from helpers.watched import wait_for


class Screen:
    """An X server without hardware: what is pressed goes to the window in its middle."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        read_end, write_end = os.pipe()
        self._server = subprocess.Popen(
            # Without -noreset it begins anew when the last window closes, and refuses others then.
            [
                "Xvfb",
                "-displayfd",
                str(write_end),
                "-screen",
                "0",
                "1280x800x24",
                "-noreset",
                "-fbdir",
                self._folder.name,
            ],
            pass_fds=[write_end],
            stderr=subprocess.DEVNULL,
        )
        os.close(write_end)
        with open(read_end) as pipe:
            self.name = ":" + pipe.readline().strip()

    @property
    def environment(self):
        """The variables of a program that is to be shown here."""
        kept = {name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"}
        return {**kept, "DISPLAY": self.name, "SDL_VIDEODRIVER": "x11", "SDL_AUDIODRIVER": "dummy"}

    def xdotool(self, *arguments):
        """What xdotool prints; an empty text if it finds nothing."""
        done = subprocess.run(
            ["xdotool", *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def press(self, *keys):
        """Press keys and let them go, one after the other."""
        self.xdotool("key", *keys)

    def hold(self, *keys):
        """Press keys that stay down."""
        for key in keys:
            self.xdotool("keydown", key)

    def release(self, *keys):
        """Let keys go."""
        for key in keys:
            self.xdotool("keyup", key)

    def window(self):
        """Wait for the one window, give it the keyboard, and return its number."""
        number = wait_for(self.has_window, "a window")
        self.xdotool("windowfocus", "--sync", number)
        return number

    def has_window(self):
        """The number of the window; an empty text if there is none."""
        return self.xdotool("search", "--onlyvisible", "--class", ".")

    def window_size(self, number):
        """Width and height of a window."""
        values = self._geometry(number)
        return values["WIDTH"], values["HEIGHT"]

    def picture_of_window(self, number):
        """What a window shows, uint8 (height, width, 3)."""
        values = self._geometry(number)
        x, y = values["X"], values["Y"]
        return self.picture()[y : y + values["HEIGHT"], x : x + values["WIDTH"]]

    def _geometry(self, number):
        lines = self.xdotool("getwindowgeometry", "--shell", number).splitlines()
        return {name: int(value) for name, value in (line.split("=") for line in lines)}

    def picture(self):
        """All that is on the screen, uint8 (height, width, 3); the file is one of xwd."""
        data = Path(self._folder.name, "Xvfb_screen0").read_bytes()
        header = np.frombuffer(data, ">u4", 25)
        size, height, bytes_of_line, num_colours = header[[0, 5, 12, 19]].tolist()
        pixels = np.frombuffer(data, np.uint8, height * bytes_of_line, size + 12 * num_colours)
        return pixels.reshape(height, -1, 4)[:, : header[4], 2::-1].copy()

    def close(self):
        self._server.terminate()
        self._server.wait()
        self._folder.cleanup()

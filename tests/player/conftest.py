"""A virtual screen with a keyboard."""

import os
import shutil
import subprocess

import pytest

from dqn.networks.architecture import Architecture
from dqn.snapshots.file import save_snapshot
from dqn.snapshots.snapshot import Metadata, Snapshot
from helpers.networks import make_network
from helpers.watched import wait_for


class Screen:
    """An X server without hardware: what is pressed goes to the window in its middle."""

    def __init__(self):
        read_end, write_end = os.pipe()
        self._server = subprocess.Popen(
            # Without -noreset it begins anew when the last window closes, and refuses others then.
            ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "1280x800x24", "-noreset"],
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
        lines = self.xdotool("getwindowgeometry", "--shell", number).splitlines()
        values = dict(line.split("=") for line in lines)
        return int(values["WIDTH"]), int(values["HEIGHT"])

    def close(self):
        self._server.terminate()
        self._server.wait()


@pytest.fixture(scope="session")
def screen():
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: run_tests.sh --system does it")
    pytest.importorskip("pygame", reason="pygame-ce is not installed")
    screen = Screen()
    yield screen
    screen.close()


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory):
    """A snapshot of a network that plays Breakout, though it never learned to."""
    path = tmp_path_factory.mktemp("snapshots") / "breakout_1.pkl"
    metadata = Metadata("breakout", [0, 1, 3, 4], (4, 84, 84))
    save_snapshot(Snapshot(make_network().get_layers(), Architecture(4), metadata), path)
    return path

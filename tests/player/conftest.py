"""A virtual screen with a keyboard, and something to show on it."""

import shutil

import pytest

from dqn.networks.architecture import Architecture
from dqn.snapshots.file import save_snapshot
from dqn.snapshots.snapshot import Metadata, Snapshot
from helpers.networks import make_network
from helpers.virtual_screen import Screen


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

"""Settings of all tests, and the parts that several of them need."""

import os
import signal
import sys

import pytest

from dqn.machine.cores import usable_cores
from dqn.machine.setup import set_up_emulators

# One thread each: with more, tests on a busy machine mostly wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Hundreds of processes import the program: it is compiled once, also where nobody else wants that.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# A shell ignores Ctrl-C for what it starts in the background, and so would all programs tested.
signal.signal(signal.SIGINT, signal.default_int_handler)
set_up_emulators()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """What `-n auto` means: one more than cores, as many tests wait for a clock or a scheduler."""
    return usable_cores() + 1

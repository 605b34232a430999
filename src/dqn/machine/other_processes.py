"""Other processes: whether one is alive, and letting one end with this one."""

import contextlib
import ctypes
import signal
import sys
from collections.abc import Callable

import psutil

PR_SET_PDEATHSIG = 1  # of Linux's prctl


def is_alive(pid: int, since: float) -> bool:
    """Whether a process of this number runs that was started before `since`, by the clock."""
    try:
        process = psutil.Process(pid)
        return process.create_time() <= since + 1 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError):
        return False


def ends_with_this_one() -> Callable[[], None] | None:
    """What a new process calls, so that it gets SIGTERM when this one is gone; None if it cannot.

    It is for `preexec_fn` of subprocess. Only Linux knows that.
    """
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)  # loaded here, because a forked process must do little

    def call() -> None:
        with contextlib.suppress(OSError, AttributeError):
            library.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return call

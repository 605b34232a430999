"""Ending a run from outside: signals, and a limit of its computing time."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# What signal.signal returns and takes again
Handler = Callable[[int, FrameType | None], object] | int | None

# What a cluster sends before a job's end, and what a terminal sends
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP)
TIME_IS_UP = 75  # EX_TEMPFAIL of sysexits.h: a later try goes on


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block, and raise KeyboardInterrupt only then.

    For the import of compiled packages: some abort the process where Python raises an exception in
    the midst of it. Handlers other than Python's own stay as they are.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    came = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: came.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if came.is_set():
            raise KeyboardInterrupt


class Stopped(Exception):
    """The run was ended before all was done; `status` is the exit status that says why."""

    def __init__(self, status: int):
        super().__init__("the time is up" if status == TIME_IS_UP else "a signal came")
        self.status = status


class Interruption:
    """Notes signals while it is entered, so that a run can end between two steps.

    `max_seconds` (None: no limit) count from `start`, a time of time.monotonic. A second Ctrl-C
    raises KeyboardInterrupt at once. A signal that was ignored before (by nohup, say) still is.
    """

    def __init__(self, max_seconds: float | None, start: float):
        self._deadline = None if max_seconds is None else start + max_seconds
        self._signal: int | None = None
        self._handlers: dict[int, Handler] = {}

    def __enter__(self) -> "Interruption":
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    @property
    def status(self) -> int | None:
        """The exit status, if the run is to end now: 128 + the signal, or 75 for the time limit."""
        if self._signal is not None:
            return 128 + self._signal
        if self._deadline is not None and time.monotonic() >= self._deadline:
            return TIME_IS_UP
        return None

    def _note(self, number: int, _frame: object) -> None:
        if number == signal.SIGINT and self._signal == signal.SIGINT:
            raise KeyboardInterrupt
        self._signal = number

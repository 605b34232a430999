"""The log while a run is prepared: held back, so that an error is not the last of many lines."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from logging.handlers import MemoryHandler

from dqn.errors import UserError

ALL = sys.maxsize


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Hold the lines of the log back until `release` is called, or the block ends.

    If a UserError or an OSError ends it before, nothing was begun: only the warnings are shown.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)
            root.addHandler(MemoryHandler(ALL, flushLevel=ALL, target=handler, flushOnClose=False))
    try:
        yield
    except (UserError, OSError):
        release(logging.WARNING)
        raise
    finally:
        release()


def release(level: int = logging.NOTSET) -> None:
    """Show the lines from `level` on that were held back, if any, and all that follow."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, MemoryHandler) and isinstance(handler.target, logging.StreamHandler):
            root.removeHandler(handler)
            handler.target.setStream(sys.stderr)  # a display in the terminal may have it by now
            root.addHandler(handler.target)
            handler.buffer = [record for record in handler.buffer if record.levelno >= level]
            handler.flush()
            handler.close()

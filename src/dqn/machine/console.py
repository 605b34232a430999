"""What every program shares with its terminal: streams that fail, Ctrl-C, missing packages.

Every program starts with it. Until it has been imported, Ctrl-C gives a traceback: it imports
little, and the rest where that is used.
"""

import contextlib
import io
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from dqn.machine.interruption import Handler

PROJECT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
SCRIPTS = {
    "main.py": "train.sh",
    "plot.py": "plot.sh",
    "convert.py": "convert.sh",
    "sweep.py": "sweep.sh",
    "report.py": "report.sh",
    "nvis.py": "nvis.sh",
    "share.py": "share.sh",
}
INTERRUPTED = 128 + signal.SIGINT
BROKEN_PIPE = 128 + signal.SIGPIPE  # what a program that a closed pipe kills ends with


@contextlib.contextmanager
def starting(name: str) -> Iterator[None]:
    """Prepare the process for a program, then guard its imports.

    `name` is the `__name__` of the program's module: where that is only imported, nothing is done.
    Until `run` is called, Ctrl-C ends the process with one line. So do a missing package and a
    UserError.
    """
    if name != "__main__":
        yield
        return
    _open_closed_descriptors()
    sys.stdout = _make_unbreakable(sys.stdout, 1)
    sys.stderr = _make_unbreakable(sys.stderr, 2)
    # An exception would be of no use: many packages turn it into one of their own.
    _handle_interrupts(_end_at_once)
    try:
        yield
    except ImportError as error:
        sys.exit(_fail(_describe_import(error), 2))
    except Exception as error:
        from dqn.errors import UserError

        if not isinstance(error, UserError):
            raise
        sys.exit(_fail(str(error), 2))


def run(main: Callable[[list[str]], int]) -> None:
    """Run a program's `main` on the command line, and end the process with its exit status."""
    try:
        _handle_interrupts(signal.default_int_handler)
        status = _run(main)
    except KeyboardInterrupt:
        status = _fail("interrupted", INTERRUPTED)
    except ImportError as error:
        status = _fail(_describe_import(error), 2)
    _handle_interrupts(signal.SIG_DFL)  # nothing is left to tidy up
    import logging

    logging.disable()  # PyTorch logs at the interpreter's end, below our last line
    failure = _flush_output()
    if failure and not status:
        is_unwanted = isinstance(failure, BrokenPipeError)  # by `--help | head`, say
        status = BROKEN_PIPE if is_unwanted else _fail(_describe_output(failure), 2)
    sys.exit(status)


def print_results(*lines: str) -> None:
    """Print what a command is for to standard output.

    Raises UserError, with these lines in it, if they cannot be written.
    """
    for line in lines:
        print(line)
    failure = _flush_output()
    if lines and failure:
        from dqn.errors import UserError

        raise UserError(f"{_describe_output(failure)}: {'; '.join(lines)}")


def as_typed(path: str | os.PathLike[str]) -> str:
    """The path as a user would type it in the current folder: relative if that is shorter."""
    import shlex

    typed = os.fspath(path)
    with contextlib.suppress(FileNotFoundError):  # the current folder is gone
        absolute = os.path.abspath(path)
        typed = min(os.path.relpath(absolute), absolute, key=len)
    return shlex.quote(typed)


def command(script: str) -> str:
    """One of the project's shell scripts as a user would type it in the current folder."""
    typed = as_typed(os.path.join(PROJECT, script))
    return typed if "/" in typed else f"./{typed}"


class _UnbreakableFile(io.FileIO):
    """A file that drops what cannot be written; `failure` is the first reason."""

    failure: OSError | None = None

    def write(self, data: "ReadableBuffer") -> int:
        try:
            while (written := super().write(data)) is None:  # another program made it non-blocking
                select.select([], [self], [])
        except OSError as error:
            self.failure = self.failure or error
            return memoryview(data).nbytes
        return written


def _open_closed_descriptors() -> None:
    """Open the standard streams that the process was started without, so that no file gets theirs.

    They are opened for reading: it is noticed that nothing can be written.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free one is this one. The processes of actors inherit it.
            os.set_inheritable(os.open(os.devnull, os.O_RDONLY), True)


def _make_unbreakable(stream: TextIO | None, descriptor: int) -> io.TextIOWrapper:
    """The same stream, but that neither a failure nor a strange character raises an exception."""
    return io.TextIOWrapper(
        io.BufferedWriter(_UnbreakableFile(descriptor, "w", closefd=False)),
        encoding=stream.encoding if stream else "utf-8",
        errors="backslashreplace",
        line_buffering=descriptor == 2 or os.isatty(descriptor),
    )


def _flush_output() -> OSError | None:
    """Write what was printed, and return why that failed, if it did."""
    sys.stdout.flush()
    file = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return file.failure if isinstance(file, _UnbreakableFile) else None


def _describe_output(failure: OSError) -> str:
    return f"cannot write to standard output ({failure.strerror})"


def _handle_interrupts(handler: "Handler") -> None:
    """Set what Ctrl-C does, unless whoever started the process had it ignored."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def _end_at_once(_number: int, _frame: object) -> None:
    with contextlib.suppress(OSError):
        os.write(2, b"error: interrupted\n")
    os._exit(INTERRUPTED)


def _run(main: Callable[[list[str]], int]) -> int:
    try:
        return main(sys.argv[1:])
    except SystemExit as end:  # argparse, after --help
        return end.code if isinstance(end.code, int) else int(bool(end.code))


def _fail(reason: str, status: int) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return status


def _describe_import(error: ImportError) -> str:
    """What to do about a package that cannot be imported; passes on what is the project's fault."""
    package = (error.name or "").partition(".")[0]
    if package in ("", "dqn"):
        raise error
    if isinstance(error, ModuleNotFoundError):
        what = f"this Python ({sys.executable}) has no {package}"
    else:
        what = f"this Python ({sys.executable}) cannot import {package} ({_first_line(error)})"
    program = sys.argv[0]
    python = as_typed(os.path.join(PROJECT, ".venv", "bin", "python"))
    script = command(SCRIPTS.get(os.path.basename(program), "train.sh"))
    return f"{what}: use {script}, or {python} {as_typed(program)}"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]

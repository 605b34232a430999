"""What ends a run with a line for the user instead of a traceback."""

import argparse
import errno
from typing import NoReturn, Protocol

MAX_ERROR = 1000  # characters, in which any two usual paths have room


class UserError(Exception):
    """Something that the user can put right.

    Its text is one line that says what was wrong and what to do; the programs print it as the last
    line on standard error and exit with status 2. What cannot be printed, as in a hostile file's
    name, is escaped.
    """

    def __str__(self) -> str:
        return one_line(super().__str__())


class NonFiniteWeights(UserError):
    """The network has diverged to infinity or NaN; it is never saved."""


def one_line(text: str) -> str:
    """Return `text` with escapes for what breaks a line or a terminal, such as a file's name.

    The middle of a very long text is left out.
    """
    if len(text) > MAX_ERROR:
        text = f"{text[: MAX_ERROR // 2]} … {text[-MAX_ERROR // 2 :]}"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class ArgumentParser(argparse.ArgumentParser):
    """Raises a UserError where Python's own would print its usage in several lines."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (--help explains every option)")


class Refusal(Protocol):
    """What an OSError says, and one of FFmpeg's errors, too."""

    @property
    def errno(self) -> int | None: ...

    @property
    def strerror(self) -> str | None: ...


def explain(error: Refusal) -> str:
    """Why the system refused something, and what to do: "(No space left …): free some …".

    It is the end of a sentence that says what was refused. FFmpeg's errors will do, too.
    """
    advice = _ADVICE.get(error.errno or 0, "see that the disk works, or use another one")
    return f"({error.strerror or error}): {advice}"


def unforeseen(error: OSError) -> UserError:
    """What is said of an error of the system where nothing more is known of it."""
    return UserError(f"cannot use {error.filename or 'a file'} {explain(error)}")


_ADVICE = {
    number: advice
    for numbers, advice in (
        ((errno.ENOSPC, errno.EDQUOT), "free some disk space"),
        ((errno.EACCES, errno.EPERM), "change the permissions, or choose another place"),
        ((errno.EROFS,), "choose a place on a disk that can be written"),
        ((errno.EFBIG,), "raise the limit of a file's size (ulimit -f), or choose another disk"),
        ((errno.ENAMETOOLONG,), "choose a shorter name"),
        ((errno.ENOENT,), "check the name"),
        (
            (
                *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY),
                *(errno.ELOOP, errno.ENXIO),
            ),
            "something else is in its place: move that away, or choose another name",
        ),
        ((errno.EMFILE, errno.ENFILE), "close other programs, or raise the limit (ulimit -n)"),
        ((errno.ENOMEM, errno.EAGAIN), "close other programs"),
    )
    for number in numbers
}

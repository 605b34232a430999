"""Writing files so that nothing of the user's is ever lost."""

import contextlib
import errno
import fcntl
import itertools
import logging
import os
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from dqn.errors import UserError, explain

logger = logging.getLogger(__name__)

# Bytes of what is added to a name that a user gives, such as "_<epoch>.pkl.new.<process>.part" or
# ".checkpoint/generation-<number>.part/arrays.npz"
ROOM_FOR_ENDINGS = 64


class CannotMoveAside(UserError):
    """What is in the way of a new file stays there."""


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a file that replaces `path` as a whole when the block ends, or not at all.

    Raises OSError (a full disk, say); `path` is then what it was before.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb", opener=no_link) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def move_aside(path: Path) -> None:
    """Rename an existing file `path` to the first free of `path.1`, `path.2`, …, and log it.

    Raises CannotMoveAside if `path` is something else than a file, or may not be renamed.
    """
    if not os.path.lexists(path):
        return
    try:
        if not path.is_file():
            raise CannotMoveAside(
                f"{path} is not a file that could be moved aside: choose another name"
            )
        rename_aside(path)
    except OSError as error:
        raise CannotMoveAside(f"cannot move the older {path} aside {explain(error)}") from error


def rename_aside(path: Path) -> None:
    """The same for whatever is there; OSError passes through."""
    aside = first_free_name(path)
    path.rename(aside)
    logger.info("Moved the older %s to %s", path, aside.name)


def first_free_name(path: Path) -> Path:
    """The first of `path.1`, `path.2`, … that does not exist."""
    numbers = itertools.count(1)
    names = (path.with_name(f"{path.name}.{number}") for number in numbers)
    return next(name for name in names if not os.path.lexists(name))


def regular(path: str, flags: int) -> int:
    """An `opener` for `open` that takes regular files, and links to them, alone.

    A pipe, for one, would be waited for, and a device might never end. Raises OSError.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EEXIST, "Not a regular file", path)
    return descriptor


def no_link(path: str, flags: int) -> int:
    """The same, but no links: for files that only this program writes."""
    return regular(path, flags | os.O_NOFOLLOW)


def open_locked(path: Path, opener: Callable[[str, int], int] = regular) -> BinaryIO:
    """Open a file to read it and append to it, and lock it until it is closed; make it if missing.

    A crash releases the lock. Raises BlockingIOError if another process has it, or another OSError.
    """
    while True:
        file = open(path, "a+b", buffering=0, opener=opener)  # noqa: SIM115
        refusal = None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            refusal = error
        except OSError as error:
            logger.warning(
                "This file system knows no locks (%s): see that no other process writes to %s",
                error.strerror,
                path,
            )
        # Meanwhile the process that had the lock may have deleted or renamed what was opened here.
        if is_at(file, path):
            if refusal is None:
                return file
            file.close()
            raise refusal
        file.close()


def lock_holder(path: Path) -> str:
    """Who has the lock of a file, as far as Linux tells."""
    with contextlib.suppress(OSError):
        status = path.stat()
        place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
        for line in Path("/proc/locks").read_text().splitlines():
            match line.split():
                case [_, "FLOCK", _, _, pid, where, *_] if where == place and int(pid) > 0:
                    return f"process {pid} on {socket.gethostname()}"
    return "another process"


def is_at(file: BinaryIO, path: Path) -> bool:
    """Whether an open file is the one that `path` names now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def sync(path: Path) -> None:
    """Wait until a file, or the names of the files in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_writable_folder(folder: Path) -> None:
    """Make `folder` and its parents, and try whether a file can be written there.

    Raises UserError if not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"cannot write into the folder {folder} {explain(error)}") from error


@contextlib.contextmanager
def naming(folder: Path) -> Iterator[None]:
    """Make a UserError of an OSError, which names the file in `folder` that it is about."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot use {error.filename or folder} {explain(error)}") from error


def can_be_asked_for(name: str) -> bool:
    """Whether the system could be asked for a file of this name."""
    try:
        return b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        return False


def check_name(path: Path) -> None:
    """See that the name of `path` leaves room for what will be added to it; makes nothing.

    Raises UserError that says how many characters fit.
    """
    name = os.fsencode(path.name)
    try:
        folder = next(folder for folder in path.absolute().parents if folder.is_dir())
        room = min(
            os.pathconf(folder, "PC_NAME_MAX"),
            os.pathconf(folder, "PC_PATH_MAX") - len(os.fsencode(path.parent) + b"/" + b"\0"),
        )
    except OSError as error:
        raise UserError(f"cannot write into the folder {path.parent} {explain(error)}") from error
    room = max(0, room - ROOM_FOR_ENDINGS)
    if len(name) > room:
        fitting = len(name[:room].decode(errors="ignore"))
        raise UserError(
            f"the name {path.name[:20]}… is too long: {fitting} characters of it fit into "
            f"{path.parent}, with what is added to them"
        )

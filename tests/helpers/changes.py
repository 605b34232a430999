"""What may happen to a file while a run writes it."""

import ctypes
import os
import sys
from pathlib import Path

from dqn.machine.files import first_free_name

CHANGES = (
    *("move", "delete", "cut", "empty", "lengthen", "overwrite", "replace", "append"),
    *("append to the row", "double", "copy", "chmod"),
)


def apply(change: str, path: Path, number: int = 7, mine: bytes = b"mine, and precious\n") -> None:
    """Do to a file, if it is there, what its owner may do; `number` says where in it."""
    if not path.exists():
        return
    if path.is_file():
        path.chmod(0o644)
    size = path.stat().st_size
    match change:
        case "move":
            path.rename(first_free_name(path.with_name("moved")))
        case "delete":
            path.unlink()
        case "cut":
            os.truncate(path, number % (size + 1))
        case "empty":
            path.write_bytes(b"")
        case "lengthen":
            os.truncate(path, size + 1 + number)
        case "overwrite":
            path.write_bytes(mine)
        case "replace":
            _replace(path, mine)
        case "append":
            with open(path, "ab") as file:
                file.write(mine)
        case "append to the row":
            with open(path, "r+b") as file:
                file.seek(number % (size + 1))
                file.write(mine)
            os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))  # where clocks are coarse
        case "double":
            with open(path, "ab") as file:
                file.write(path.read_bytes())
        case "copy":
            _replace(path, path.read_bytes())
        case "chmod":
            path.chmod(0)


def read(path: Path) -> bytes:
    """What is in a file, also where nobody may read it."""
    mode = path.stat().st_mode
    path.chmod(mode | 0o400)
    content = path.read_bytes()
    path.chmod(mode)
    return content


def _replace(path: Path, content: bytes) -> None:
    new = path.with_name("new")
    new.write_bytes(content)
    new.rename(path)


def give_up_capabilities() -> None:
    """Let permissions count in this process, even if it is root's."""
    if sys.platform == "linux" and os.geteuid() == 0:
        version_3, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        if ctypes.CDLL(None, use_errno=True).capset(version_3, nothing):
            raise OSError(ctypes.get_errno(), "cannot give the capabilities up")

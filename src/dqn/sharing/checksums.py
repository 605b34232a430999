"""The SHA-256 of each file of a shared folder, in the format of sha256sum."""

import hashlib
import re
from pathlib import Path

from dqn.errors import UserError
from dqn.sharing.names import CHECKSUMS

MAX_BYTES = 2**16
_LINE = re.compile(r"([0-9a-f]{64}) [ *]([A-Za-z0-9][A-Za-z0-9._-]{0,199})")

Checksums = dict[str, str]  # file → SHA-256, in hexadecimal


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal; OSError passes through."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def checksums_of(folder: Path) -> Checksums:
    """Those of all files in a folder but the list itself; OSError passes through."""
    files = sorted(path for path in folder.iterdir() if path.name != CHECKSUMS)
    return {path.name: sha256_of(path) for path in files}


def as_text(checksums: Checksums) -> str:
    """The text of the list."""
    return "".join(f"{checksum}  {name}\n" for name, checksum in checksums.items())


def read_checksums(path: Path) -> Checksums:
    """What a list says, which may come from anywhere; raises UserError if it is none."""
    try:
        with open(path, "rb") as file:
            text = file.read(MAX_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError):
        text = "?"
    lines = [_LINE.fullmatch(line) for line in text.splitlines()]
    if len(text) > MAX_BYTES or not lines or not all(lines):
        raise UserError(f"{path} is no list of checksums: use another folder or repository")
    return {found[2]: found[1] for found in lines if found}

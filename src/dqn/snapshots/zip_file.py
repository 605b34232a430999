"""Reads entries of a ZIP archive from elsewhere, none larger than what the archive can hold."""

import os
import struct
import zipfile
import zlib
from typing import BinaryIO

from dqn.snapshots.snapshot import Unusable

MAX_DIRECTORY = 2**20  # bytes; some 10,000 entries
MAX_ENTRY = 2**30  # bytes
MOST_INFLATED = 20  # times; weights hardly compress at all
STORED_OR_DEFLATED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_DAMAGED = "is truncated, damaged or no ZIP archive: copy or download it again"
_END, _END64 = b"PK\5\6", b"PK\6\6"
_COMMENT = 2**16  # bytes; at most so many follow the end of the directory


class ZipFile:
    """The archive in `file`, which must be seekable, and closed by the caller.

    The names and sizes in the archive are only what it claims: an entry is never read further than
    to its claimed size, and all sizes together are at most a small multiple of the file's. Raises
    Unusable; OSError passes through.
    """

    def __init__(self, file: BinaryIO):
        size = file.seek(0, os.SEEK_END)
        _check_directory(file, size)
        try:
            self._archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, struct.error) as error:
            raise Unusable(_DAMAGED) from error
        entries = self._archive.infolist()
        self._entries = {entry.filename: entry for entry in entries}
        self.size = sum(entry.file_size for entry in entries)
        if self.size > MOST_INFLATED * size:
            raise Unusable(
                f"is an archive that claims {MOST_INFLATED} times as many bytes as it has: do not "
                "trust this file"
            )

    @property
    def names(self) -> list[str]:
        """The entries' names."""
        return list(self._entries)

    def read(self, name: str, most: int = MAX_ENTRY) -> bytes:
        """The contents of an entry of at most `most` bytes."""
        entry = self._entries.get(name)
        if entry is None:
            raise Unusable(f"is damaged or of another kind: it has no {name[:60]!a} in it")
        if entry.file_size > most:
            raise Unusable(f"is too large: its {name[:60]!a} has more than {most} bytes")
        if entry.compress_type not in STORED_OR_DEFLATED or entry.flag_bits & 1:
            raise Unusable(f"is packed in a way that is not supported ({name[:60]!a})")
        try:
            return self._archive.read(entry)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
            raise Unusable(_DAMAGED) from error
        except (NotImplementedError, RuntimeError) as error:
            raise Unusable(f"is packed in a way that is not supported ({name[:60]!a})") from error


def _check_directory(file: BinaryIO, size: int) -> None:
    """Raises Unusable if the list of entries is too long to be read in a moment."""
    start = max(0, size - _COMMENT - 200)
    file.seek(start)
    tail = file.read()
    end = tail.rfind(_END)
    if end < 0 or end + 22 > len(tail):
        raise Unusable(_DAMAGED)
    (directory,) = struct.unpack_from("<L", tail, end + 12)
    end64 = tail.rfind(_END64, 0, end)
    if 0 <= end64 <= len(tail) - 56:
        (directory,) = struct.unpack_from("<Q", tail, end64 + 40)
    elif directory == 2**32 - 1:
        raise Unusable(_DAMAGED)
    if directory > MAX_DIRECTORY:
        raise Unusable("is an archive of more entries than such a file has: do not trust it")

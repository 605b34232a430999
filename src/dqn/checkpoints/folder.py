"""Checkpoints on disk: a folder with the last two generations of a run's state, and a lock.

    <folder>/lock                        who runs it, while somebody does
    <folder>/generation-000007/state.json     plain values, and the checksums of both files
    <folder>/generation-000007/arrays.npz     arrays, read without pickles
    <folder>/steps/                      the replay memory (replay_log.py)

A generation appears whole, by being renamed, or not at all.
"""

import contextlib
import errno
import hashlib
import io
import json
import logging
import os
import re
import shutil
import socket
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dqn.checkpoints.replay_log import has_steps
from dqn.errors import UserError
from dqn.machine.files import (
    first_free_name,
    is_at,
    make_writable_folder,
    naming,
    no_link,
    open_locked,
    regular,
    rename_aside,
    sync,
)
from dqn.machine.memory_limit import available_memory

logger = logging.getLogger(__name__)

FORMAT = "simple_dqn checkpoint"
VERSION = 1
MAX_JSON = 64 * 2**20  # bytes: the scores of a phase are what grows in it
GENERATION = re.compile(r"generation-(\d{6,})")
UNFINISHED = re.compile(rf"{GENERATION.pattern}\.part")
FILES = ("arrays.npz", "state.json")
KEPT_GENERATIONS = 2
ARRAY = "array"  # the one key of a dictionary in JSON that stands for an array


class _Damaged(Exception):
    """Why a generation cannot be used, as the end of a sentence that names it."""


class CheckpointFolder:
    """The checkpoints of one run in `path`, locked until `close`.

    Raises UserError if another process has them, or the folder cannot be written.
    """

    def __init__(self, path: Path):
        self.path = path
        make_writable_folder(path)
        with naming(path):
            self._lock = self._take_lock()
            for unfinished in [p for p in path.iterdir() if UNFINISHED.fullmatch(p.name)]:
                _discard(unfinished)

    def close(self) -> None:
        """Let others have it; without any checkpoint it is deleted."""
        with contextlib.suppress(OSError):
            if is_at(self._lock, self.path / "lock"):
                self._delete_if_empty()
        self._lock.close()

    def move_aside(self) -> None:
        """Rename the folder, with all that is in it, and begin an empty one; raises UserError."""
        with naming(self.path):
            if self._generations():
                rename_aside(self.path)
                lock = self._take_lock()
                self._lock.close()
                self._lock = lock

    def keep_lock(self) -> None:
        """Make and lock the folder again if somebody moved it, or its lock, away.

        Raises OSError if another process has it now.
        """
        if is_at(self._lock, self.path / "lock"):
            return
        try:
            lock = self._take_lock()
        except UserError as error:
            raise OSError(errno.EBUSY, str(error)) from error
        self._lock.close()
        self._lock = lock

    def load(self) -> dict[str, Any] | None:
        """The newest state that is whole; None if there is none at all.

        A damaged one is named in the log and moved aside. Raises UserError if all are damaged, or
        one may not be read.
        """
        with naming(self.path):
            return self._load()

    def _load(self) -> dict[str, Any] | None:
        damaged = []
        for generation in reversed(self._generations()):
            try:
                state = _read(generation)
                if not self._has_steps(state):
                    raise _Damaged("needs steps that are missing or damaged")
            except _Damaged as error:
                damage = f"the checkpoint {generation} cannot be used: it {error}"
                damaged.append(generation)
                continue
            for other in damaged:
                logger.warning("%s; going on from the one before it", damage)
                other.rename(first_free_name(other.with_name(f"damaged-{other.name}")))
            return state
        if damaged:
            raise UserError(f"{damage}; --restart begins anew and keeps it aside")
        return None

    def save(self, state: dict[str, Any]) -> None:
        """Write a state of plain values and arrays as the newest generation.

        OSError passes through; the generations before are then as they were.
        """
        older = self._generations()
        generation = self.path / f"generation-{_number(older[-1]) + 1 if older else 1:06d}"
        part = generation.with_suffix(".part")
        if os.path.lexists(part):
            _discard(part)
        part.mkdir()
        try:
            _write(part, state)
            part.rename(generation)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        sync(self.path)
        for old in older[: 1 - KEPT_GENERATIONS]:
            _discard(old)

    def size_of(self, pattern: str) -> int:
        """Bytes of the files in it that match a pattern, in whatever folder."""
        return sum(path.stat().st_size for path in self.path.rglob(pattern) if path.is_file())

    def _delete_if_empty(self) -> None:
        with contextlib.suppress(OSError):  # that it is not empty, say
            if not self._generations():
                for folder in (*(self.path / "steps").iterdir(), self.path / "steps"):
                    folder.rmdir()
        if {path.name for path in self.path.iterdir()} == {"lock"}:
            (self.path / "lock").unlink()
            self.path.rmdir()  # unless another process has just begun to use it

    def _generations(self) -> list[Path]:
        """From the oldest to the newest."""
        found = [path for path in self.path.iterdir() if GENERATION.fullmatch(path.name)]
        return sorted(found, key=_number)

    def _has_steps(self, state: Any) -> bool:
        logs = state.get("logs") if isinstance(state, dict) else None
        try:
            return has_steps(self.path / "steps", logs)
        except PermissionError:
            raise
        except OSError as error:
            raise _Damaged(f"needs steps that cannot be read ({error.strerror})") from error

    def _take_lock(self) -> BinaryIO:
        path = self.path / "lock"
        try:
            file = open_locked(path, no_link)
        except FileNotFoundError:  # the process before has just deleted the folder
            self.path.mkdir(parents=True, exist_ok=True)
            return self._take_lock()
        except BlockingIOError:
            raise UserError(
                f"{self.path} is in use by {_holder(path)}: wait for it, stop it, or give this run "
                "another label"
            ) from None
        file.seek(0)
        if file.read(len(b"process ")) not in (b"", b"process "):
            file.close()
            raise OSError(errno.EEXIST, "Not a lock", str(path))
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        return file


def _discard(generation: Path) -> None:
    """Delete a generation; move aside what has something else in it, or is something else."""
    if generation.is_dir() and not generation.is_symlink():
        contents = list(generation.iterdir())
        if all(p.name in FILES and p.is_file() and not p.is_symlink() for p in contents):
            shutil.rmtree(generation)
            return
    rename_aside(generation)


def _holder(lock: Path) -> str:
    """Who has a lock, as that process wrote into it."""
    with contextlib.suppress(OSError), open(lock, errors="replace", opener=no_link) as file:
        if text := file.read(200).strip():
            return text
    return "another process"


def _number(generation: Path) -> int:
    return int(generation.name.removeprefix("generation-"))


def size_on_disk(state: dict[str, Any]) -> int:
    """Bytes that `save` would write, nearly."""
    arrays: dict[str, np.ndarray] = {}
    text = _text(_without_arrays(state, arrays))
    return len(text) + sum(array.nbytes for array in arrays.values())


def _write(folder: Path, state: dict[str, Any]) -> None:
    arrays: dict[str, np.ndarray] = {}
    buffer = io.BytesIO()
    content = {"format": FORMAT, "version": VERSION, "state": _without_arrays(state, arrays)}
    np.savez(buffer, allow_pickle=False, **arrays)
    content["arrays_sha256"] = _digest(buffer.getvalue())
    content["sha256"] = _digest(_text(content))
    for name, data in (("arrays.npz", buffer.getvalue()), ("state.json", _text(content))):
        with open(folder / name, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    sync(folder)


def _read(folder: Path) -> dict[str, Any]:
    """Raises _Damaged or PermissionError, and runs no code, whatever the files hold."""
    try:
        content = json.loads(_read_file(folder / "state.json", MAX_JSON))
        if content["format"] != FORMAT:
            raise _Damaged("is not one of this program's")
        if content["version"] != VERSION:
            raise _Damaged(f"was made by another version of this program ({content['version']!r})")
        digest = content.pop("sha256")
        data = _read_file(folder / "arrays.npz", available_memory() // 2)
        if digest != _digest(_text(content)) or content["arrays_sha256"] != _digest(data):
            raise _Damaged("is damaged, or its files are of different checkpoints")
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            if any(info.compress_type != zipfile.ZIP_STORED for info in file.infolist()):
                raise _Damaged("is not one of this program's")
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = dict(file)
        if not all(isinstance(array, np.ndarray) for array in arrays.values()):
            raise _Damaged("is not one of this program's")
        return _with_arrays(content["state"], arrays)
    except PermissionError:
        raise
    except OSError as error:
        raise _Damaged(f"cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise _Damaged("is damaged") from error
    except (RecursionError, MemoryError) as error:
        raise _Damaged("is too large") from error


def _read_file(path: Path, limit: int) -> bytes:
    with open(path, "rb", opener=regular) as file:
        if os.fstat(file.fileno()).st_size > limit:
            raise _Damaged("is too large")
        return file.read()


def _text(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _without_arrays(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The same value for JSON: each array goes into `arrays` and leaves its name behind."""
    if isinstance(value, np.ndarray):
        name = f"array_{len(arrays)}"
        arrays[name] = value
        return {ARRAY: name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _without_arrays(item, arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_arrays(item, arrays) for item in value]
    return value


def _with_arrays(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {ARRAY}:
            return arrays[value[ARRAY]]
        return {key: _with_arrays(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_arrays(item, arrays) for item in value]
    return value

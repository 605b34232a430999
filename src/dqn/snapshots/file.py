"""Reading and writing snapshots: what a file's name ends with decides on its format."""

import errno
import stat
from pathlib import Path
from types import ModuleType

from dqn.errors import NonFiniteWeights, UserError, explain
from dqn.machine.files import atomic_write
from dqn.snapshots import neon_format
from dqn.snapshots.snapshot import NonFiniteArray, Snapshot, SnapshotError, Unusable
from dqn.snapshots.validation import validate

# bytes: room for 35 million weights, as keras-rl2's network has, with Adadelta's states in float32
# or Adam's in float64. A pickle takes two bytes for each one above 127.
MAX_FILE_SIZE = 2 * 2**30

_TOO_LARGE = f"too large for a snapshot (more than {MAX_FILE_SIZE // 2**20} MiB)"
_ADVICE = {
    errno.ENOENT: "does not exist: check the name",
    errno.EACCES: "may not be read by you: change its permissions",
}


def save_snapshot(snapshot: Snapshot, path: Path) -> None:
    """Write `snapshot` to `path`, whole or not at all; the same snapshot makes the same bytes.

    Raises NonFiniteWeights if the network has diverged, SnapshotError where load_snapshot would
    refuse the file, and lets OSError (a full disk, say) pass; `path` is then what it was before.
    """
    try:
        validate(neon_format.from_neon(neon_format.to_neon(snapshot)))
        with atomic_write(path) as file:
            _format_of(path).write(file, snapshot)
            if file.tell() > MAX_FILE_SIZE:
                raise Unusable(f"is {_TOO_LARGE}: use smaller screens or a smaller network")
    except Unusable as error:
        kind = NonFiniteWeights if isinstance(error, NonFiniteArray) else SnapshotError
        raise kind(f"the network was not saved to {path}: it {error}") from error


def load_snapshot(path: Path) -> Snapshot:
    """Read a snapshot that this program or Neon wrote; everything is checked and nothing is run.

    The arrays are C-contiguous, writable, finite, in native byte order and share no memory.
    Raises SnapshotError; UserError if the library of the format is missing.
    """
    try:
        check_file(path)
        snapshot = _format_of(path).read(path)
        validate(snapshot)
        return snapshot
    except Unusable as error:
        reason = str(error)
    except MemoryError:
        reason = "does not fit into memory: close other programs"
    except OSError as error:
        reason = _ADVICE.get(error.errno or 0, f"cannot be read {explain(error)}")
    raise SnapshotError(f"the snapshot {path} cannot be loaded: it {reason}")


def _format_of(path: Path) -> ModuleType:
    """The module that reads and writes such files; only that of safetensors needs its library."""
    if path.suffix.lower() != ".safetensors":
        return neon_format
    try:
        from dqn.snapshots import safetensors_format
    except ImportError as error:
        raise UserError(f"{error}: pip install safetensors, or use a .pkl snapshot") from error
    return safetensors_format


def check_file(path: Path) -> None:
    """See that `path` is a file that can be read to its end; raises Unusable, or OSError."""
    try:
        status = path.stat()
    except ValueError:  # what Python says to a name that no file can have, with a zero byte, say
        raise Unusable(_ADVICE[errno.ENOENT]) from None
    if stat.S_ISDIR(status.st_mode):
        raise Unusable("is a folder: name a file in it")
    if not stat.S_ISREG(status.st_mode):  # a pipe or /dev/zero, say, which may never end
        raise Unusable("is not a regular file: copy the snapshot into one")
    if status.st_size == 0:
        raise Unusable("is empty: use another snapshot")
    if status.st_size > MAX_FILE_SIZE:
        raise Unusable(f"is {_TOO_LARGE}: use another file")

"""Where the replay memory keeps its observations: in memory, or in a file."""

import math
import mmap
import os
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dqn.errors import UserError, explain
from dqn.machine.memory_limit import available_memory
from dqn.replay.minibatch import States

# What a step takes beside its observation: action, reward, terminal, end of an episode
OTHER_BYTES = 7
# Everything else in the process but the network and its optimizer: PyTorch, two emulators
OTHER_MEMORY = int(0.6 * 2**30)
LEAST_USEFUL_SIZE = 1000  # steps; it is no advice to have a smaller replay memory


class Storage(Protocol):
    """Room for `size` observations, `dtype` (*shape), wherever it is."""

    size: int

    @property
    def dtype(self) -> np.dtype:
        """That of each number."""

    @property
    def shape(self) -> tuple[int, ...]:
        """That of one observation: (height, width) of a gray screen, for example."""

    def write(self, indexes: int | np.ndarray, observations: np.ndarray) -> None:
        """Keep one observation under its index, or n of them, (n, *shape)."""

    def read(self, indexes: np.ndarray) -> np.ndarray:
        """A copy of n observations, (n, *shape)."""

    def gather(self, windows: np.ndarray) -> States:
        """Observations, (n, w, *shape), of indexes (n, w); the next call overwrites them."""


class Observations:
    """`size` observations, `dtype` (*shape), in memory.

    Raises UserError if the machine has too little of it for them and the `other_memory`, in bytes,
    that the process is going to take.
    """

    def __init__(
        self,
        size: int,
        *,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike = np.uint8,
        other_memory: int = OTHER_MEMORY,
    ):
        self.size = size
        self._observations = self._allocate((size, *shape), np.dtype(dtype), other_memory)
        self._windows = np.empty((0, 0, *shape), self.dtype)

    def _allocate(self, shape: tuple[int, ...], dtype: np.dtype, other_memory: int) -> np.ndarray:
        _check_available_memory(self.size, math.prod(shape) * dtype.itemsize, other_memory)
        return np.empty(shape, dtype)

    @property
    def dtype(self) -> np.dtype:
        return self._observations.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self._observations.shape[1:]

    def write(self, indexes: int | np.ndarray, observations: np.ndarray) -> None:
        self._observations[indexes] = observations

    def read(self, indexes: np.ndarray) -> np.ndarray:
        return self._observations[indexes]

    def gather(self, windows: np.ndarray) -> np.ndarray:
        if self._windows.shape[:2] != windows.shape:
            self._windows = np.empty((*windows.shape, *self.shape), self.dtype)
        # mode="clip" only spares NumPy a copy: no index is out of range
        return np.take(self._observations, windows, axis=0, out=self._windows, mode="clip")


class ObservationsInFile(Observations):
    """The same in a file, which must not exist yet: its name is taken away at once.

    Raises UserError if there is no room for it, or for what is in memory nevertheless.
    """

    def __init__(
        self,
        size: int,
        *,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike = np.uint8,
        file: Path,
        other_memory: int = OTHER_MEMORY,
    ):
        self._path = file
        super().__init__(size, shape=shape, dtype=dtype, other_memory=other_memory)

    def _allocate(self, shape: tuple[int, ...], dtype: np.dtype, other_memory: int) -> np.ndarray:
        _check_available_memory(self.size, 0, other_memory)
        self._file = _map_file(self._path, math.prod(shape) * dtype.itemsize)
        return np.frombuffer(self._file, dtype).reshape(shape)

    def gather(self, windows: np.ndarray) -> np.ndarray:
        self._read_ahead(windows)
        return super().gather(windows)

    def _read_ahead(self, windows: np.ndarray) -> None:
        """Ask for all observations at once, so that the disk need not be waited for one by one."""
        observation_bytes = math.prod(self.shape) * self.dtype.itemsize
        # One call for all that lie in a row, as those of a state do where no ring ends
        indexes = windows.ravel()
        breaks = np.flatnonzero(np.diff(indexes) != 1) + 1
        firsts = np.concatenate(([0], breaks))
        lengths = np.diff(firsts, append=len(indexes)) * observation_bytes
        starts = indexes[firsts] * observation_bytes
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            page = start - start % mmap.PAGESIZE
            self._file.madvise(mmap.MADV_WILLNEED, page, start + length - page)


def _map_file(path: Path, size: int) -> mmap.mmap:
    """So many bytes in a new file, whose room on the disk is taken now."""
    try:
        with open(path, "x+b") as file:
            path.unlink()
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):  # not on macOS
                os.posix_fallocate(file.fileno(), 0, size)  # a disk that fills later is a crash
            mapping = mmap.mmap(file.fileno(), size)
            mapping.madvise(mmap.MADV_RANDOM)  # read observations, not what stands around them
            return mapping
    except FileExistsError as error:
        raise UserError(f"{path} exists: name a new file for the replay memory") from error
    except OSError as error:
        raise UserError(
            f"cannot keep the replay memory, {size / 2**30:.2f} GiB, in {path} {explain(error)}"
        ) from error


def _check_available_memory(size: int, bytes_of_observations: int, other_memory: int) -> None:
    # The memory is taken little by little as it fills: hours later is too late to find out.
    needed = bytes_of_observations + size * OTHER_BYTES
    available = available_memory()
    if size and needed + other_memory > available:
        fitting = max(0, available - other_memory) * size // needed
        advice = "free some, or lower --batch_size, --history_length or --actors"
        if fitting >= LEAST_USEFUL_SIZE:
            advice = f"--replay_size {fitting} would fit"
        raise UserError(
            f"a replay memory of {size} steps takes {needed / 2**30:.2f} GiB and the "
            f"rest of the program {other_memory / 2**30:.1f} GiB, but {available / 2**30:.2f} GiB "
            f"are free: {advice}"
        )

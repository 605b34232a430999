"""The replay memory: what happened, sampled uniformly (Mnih et al. 2015, algorithm 1)."""

import math
import mmap
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dqn.errors import UserError
from dqn.memory_limit import available_memory

# A minibatch that is still not full after so many draws of all its entries means that (nearly) no
# episode in the memory is longer than a state and its successor.
MAX_DRAWS = 1000
# Everything else in the process: the network, its optimizer, PyTorch, two emulators
OTHER_MEMORY = int(0.6 * 2**30)


class Minibatch(NamedTuple):
    """Transitions (s, a, r, s′, terminal) of batch size n.

    prestates and poststates: uint8 (n, history, height, width); actions: uint8 (n,); rewards:
    float32 (n,), unclipped; terminals: bool (n,), True where nothing is to be bootstrapped.
    """

    prestates: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    poststates: np.ndarray
    terminals: np.ndarray


class ReplayMemory:
    """A ring of the last `size` steps that keeps every screen once, as uint8.

    Entry i holds an action, and the reward, screen and end that followed it. A state is
    `history_length` screens in a row, and its successor the same moved on by one. `added` counts
    all steps ever added; step number t is entry t modulo `size`. With a `file`, which must not
    exist yet, the screens are kept in it and not in memory; its name is taken away, and the file
    goes with the process.
    Raises UserError if the machine has too little memory or disk for it.
    """

    def __init__(
        self,
        size: int,
        *,
        screen_height: int,
        screen_width: int,
        history_length: int,
        batch_size: int,
        generator: np.random.Generator,
        file: Path | None = None,
    ):
        _check_available_memory(size, 0 if file else screen_height * screen_width)
        self.size = size
        self.batch_size = batch_size
        self._history_length = history_length
        self._generator = generator
        shape = (size, screen_height, screen_width)
        self._file = _map_file(file, math.prod(shape)) if file and size else None
        if self._file:
            self._screens = np.frombuffer(self._file, np.uint8).reshape(shape)
        else:
            self._screens = np.empty(shape, np.uint8)
        self._actions = np.empty(size, np.uint8)
        self._rewards = np.empty(size, np.float32)
        self._terminals = np.empty(size, bool)
        self._episode_ends = np.empty(size, bool)  # a game cut off ends without being terminal
        self.added = 0
        # One gather fetches a state and its successor: they share all screens but two.
        self._windows = np.empty(
            (batch_size, history_length + 1, screen_height, screen_width), np.uint8
        )

    def __len__(self) -> int:
        return min(self.added, self.size)

    @property
    def entry_dtype(self) -> np.dtype:
        """What `read` and `restore` take an entry for, without padding."""
        screen = (np.uint8, self._screens.shape[1:])
        names = ("action", "reward", "terminal", "episode_end", "screen")
        return np.dtype(list(zip(names, (np.uint8, "<f4", bool, bool, screen), strict=True)))

    def read(self, start: int, stop: int) -> np.ndarray:
        """A copy of the steps number `start` to `stop`, `entry_dtype` (n,), which are all kept."""
        entries = np.empty(stop - start, self.entry_dtype)
        indexes = np.arange(start, stop) % self.size
        for name, array in self._arrays.items():
            entries[name] = array[indexes]
        return entries

    def restore(self, start: int, entries: np.ndarray) -> None:
        """Set the steps from number `start` on to `entries`; they become the newest ones."""
        stop = start + len(entries)
        indexes = np.arange(start, stop) % self.size
        for name, array in self._arrays.items():
            array[indexes] = entries[name]
        self.added = stop

    @property
    def _arrays(self) -> dict[str, np.ndarray]:
        return {
            "action": self._actions,
            "reward": self._rewards,
            "terminal": self._terminals,
            "episode_end": self._episode_ends,
            "screen": self._screens,
        }

    def add(
        self, action: int, reward: float, screen: np.ndarray, terminal: bool, episode_end: bool
    ) -> None:
        """Keep one step; `screen`, uint8 (height, width), is the one after the action."""
        current = self.added % self.size
        self._actions[current] = action
        self._rewards[current] = reward
        self._screens[current] = screen
        self._terminals[current] = terminal
        self._episode_ends[current] = episode_end
        self.added += 1

    @property
    def can_sample(self) -> bool:
        """Whether there are enough entries for a minibatch."""
        return len(self) > max(self.batch_size, self._history_length)

    def sample(self) -> Minibatch:
        """Draw a minibatch uniformly; its arrays are overwritten by the next call.

        Raises UserError if the episodes are too short for a state and its successor.
        """
        indexes = self._sample_indexes()
        if self._file:
            self._read_ahead(indexes)
        window = indexes[:, np.newaxis] + np.arange(-self._history_length, 1)
        # mode="clip" only spares NumPy a copy: no index is out of range
        np.take(self._screens, window, axis=0, out=self._windows, mode="clip")
        return Minibatch(
            prestates=self._windows[:, :-1],
            actions=self._actions[indexes],
            rewards=self._rewards[indexes],
            poststates=self._windows[:, 1:],
            terminals=self._terminals[indexes],
        )

    def _read_ahead(self, indexes: np.ndarray) -> None:
        """Ask for all screens at once, so that the disk need not be waited for one by one."""
        screen_bytes = self._screens[0].nbytes
        length = (self._history_length + 1) * screen_bytes
        for index in indexes.tolist():
            start = (index - self._history_length) * screen_bytes
            page = start - start % mmap.PAGESIZE
            self._file.madvise(mmap.MADV_WILLNEED, page, start + length - page)

    def _sample_indexes(self) -> np.ndarray:
        """Indexes, int64 (batch_size,), of poststates' last screens."""
        indexes = np.empty(0, np.int64)
        for _ in range(MAX_DRAWS):
            missing = self.batch_size - len(indexes)
            drawn = self._generator.integers(self._history_length, len(self), size=missing)
            indexes = np.concatenate((indexes, drawn[self._is_whole(drawn)]))
            if len(indexes) == self.batch_size:
                return indexes
        raise UserError(
            f"the replay memory holds no {self._history_length + 1} screens in a row of one game: "
            "lower --frame_skip or --history_length, or raise --max_game_frames"
        )

    def _is_whole(self, indexes: np.ndarray) -> np.ndarray:
        """Whether the screens up to each of `indexes` follow one another in one episode."""
        first = indexes - self._history_length
        oldest = self.added % self.size  # the next one to be written over, in a full ring
        over_write_position = (first < oldest) & (oldest <= indexes)
        # The poststate's last screen may end the episode; those before it may not.
        before = first[:, np.newaxis] + np.arange(self._history_length)
        return ~over_write_position & ~self._episode_ends[before].any(axis=1)


def _map_file(path: Path, size: int) -> mmap.mmap:
    """So many bytes in a new file, whose room on the disk is taken now."""
    try:
        with open(path, "x+b") as file:
            path.unlink()
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):  # not on macOS
                os.posix_fallocate(file.fileno(), 0, size)  # a disk that fills later is a crash
            mapping = mmap.mmap(file.fileno(), size)
            mapping.madvise(mmap.MADV_RANDOM)  # read screens, not what stands around them
            return mapping
    except OSError as error:
        raise UserError(
            f"cannot keep the replay memory, {size / 2**30:.2f} GiB, in {path} "
            f"({error.strerror}): name a new file on a disk that has room"
        ) from error


def _check_available_memory(size: int, screen_bytes: int) -> None:
    # The memory is taken little by little as it fills: hours later is too late to find out.
    entry_bytes = screen_bytes + sum(
        np.dtype(dtype).itemsize for dtype in (np.uint8, np.float32, bool, bool)
    )
    available = available_memory()
    if size and size * entry_bytes + OTHER_MEMORY > available:
        fitting = max(0, available - OTHER_MEMORY) // entry_bytes
        raise UserError(
            f"a replay memory of {size} steps takes {size * entry_bytes / 2**30:.2f} GiB and the "
            f"rest of the program {OTHER_MEMORY / 2**30:.1f} GiB, but {available / 2**30:.2f} GiB "
            f"are free: --replay_size {fitting} would fit"
        )

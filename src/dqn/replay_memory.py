"""The replay memory: what happened, sampled uniformly (Mnih et al. 2015, algorithm 1)."""

from typing import NamedTuple

import numpy as np

from dqn.errors import UserError
from dqn.screens import Screens

# A minibatch that is still not full after so many draws of all its entries means that (nearly) no
# episode in the memory is longer than a state and its successor.
MAX_DRAWS = 1000


class Minibatch(NamedTuple):
    """Transitions (s, a, r, s′, terminal) of batch size n.

    prestates and poststates: uint8 (n, history, height, width), arrays, or tensors where the
    screens are kept on a GPU; actions: uint8 (n,); rewards: float32 (n,), unclipped; terminals:
    bool (n,), True where nothing is to be bootstrapped.
    """

    prestates: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    poststates: np.ndarray
    terminals: np.ndarray

    def prestates_on_host(self) -> np.ndarray:
        """A copy of the prestates as an array, wherever they are."""
        if isinstance(self.prestates, np.ndarray):
            return self.prestates.copy()
        return self.prestates.cpu().numpy().copy()


class ReplayMemory:
    """The last steps of `num_streams` actors, which share `screens` evenly; every screen once.

    An entry holds an action, and the reward, screen and end that followed it. A state is
    `history_length` screens of one stream in a row, and its successor the same moved on by one.
    """

    def __init__(
        self,
        screens: Screens,
        *,
        history_length: int,
        batch_size: int,
        generator: np.random.Generator,
        num_streams: int = 1,
    ):
        self.batch_size = batch_size
        self._history_length = history_length
        self._generator = generator
        self._entries = _Entries(screens)
        stream_size = screens.size // num_streams
        self.streams = [
            ReplayStream(self._entries, i * stream_size, stream_size) for i in range(num_streams)
        ]
        self._firsts = np.array([stream.first for stream in self.streams])

    @property
    def size(self) -> int:
        """How many steps it can hold."""
        return sum(stream.size for stream in self.streams)

    @property
    def state_shape(self) -> tuple[int, int, int]:
        """That of one state: (history, height, width)."""
        return (self._history_length, *self._entries.screens.shape)

    def __len__(self) -> int:
        return sum(map(len, self.streams))

    @property
    def can_sample(self) -> bool:
        """Whether there are enough entries for a minibatch."""
        enough = len(self) > max(self.batch_size, self._history_length)
        return enough and any(len(stream) > self._history_length for stream in self.streams)

    def sample(self) -> Minibatch:
        """Draw a minibatch uniformly; its arrays are overwritten by the next call.

        Raises UserError if the episodes are too short for a state and its successor.
        """
        indexes = self._sample_indexes()
        windows = indexes[:, np.newaxis] + np.arange(-self._history_length, 1)
        # One gather fetches a state and its successor: they share all screens but two.
        screens = self._entries.screens.gather(windows)
        return Minibatch(
            prestates=screens[:, :-1],
            actions=self._entries.actions[indexes],
            rewards=self._entries.rewards[indexes],
            poststates=screens[:, 1:],
            terminals=self._entries.terminals[indexes],
        )

    def _sample_indexes(self) -> np.ndarray:
        """Indexes, int64 (batch_size,), of poststates' last screens."""
        candidates = [max(0, len(stream) - self._history_length) for stream in self.streams]
        ends = np.cumsum(candidates)
        starts = ends - candidates
        oldest = np.array([stream.oldest for stream in self.streams])
        indexes = np.empty(0, np.int64)
        for _ in range(MAX_DRAWS):
            drawn = self._generator.integers(ends[-1], size=self.batch_size - len(indexes))
            stream = np.searchsorted(ends, drawn, side="right")
            positions = drawn - starts[stream] + self._history_length
            drawn = self._firsts[stream] + positions
            is_whole = self._is_whole(drawn, positions, oldest[stream])
            indexes = np.concatenate((indexes, drawn[is_whole]))
            if len(indexes) == self.batch_size:
                return indexes
        raise UserError(
            f"the replay memory holds no {self._history_length + 1} screens in a row of one game: "
            "lower --frame_skip or --history_length, or raise --max_game_frames"
        )

    def _is_whole(
        self, indexes: np.ndarray, positions: np.ndarray, oldest: np.ndarray
    ) -> np.ndarray:
        """Whether the screens up to each of `indexes` follow one another in one episode.

        In its stream, each has its position, and the oldest entry its own.
        """
        # The oldest one is the next to be written over, in a full ring.
        over_write_position = (positions - self._history_length < oldest) & (oldest <= positions)
        # The poststate's last screen may end the episode; those before it may not.
        before = indexes[:, np.newaxis] - np.arange(1, self._history_length + 1)
        return ~over_write_position & ~self._entries.episode_ends[before].any(axis=1)


class ReplayStream:
    """A ring of the last `size` steps of one actor: the memory's entries from `first` on.

    `added` counts all steps ever added; step number t is entry t modulo `size`.
    """

    def __init__(self, entries: "_Entries", first: int, size: int):
        self._entries = entries
        self.first = first
        self.size = size
        self.added = 0

    def __len__(self) -> int:
        return min(self.added, self.size)

    @property
    def oldest(self) -> int:
        """The entry that the next step takes, counted from `first`."""
        return self.added % self.size

    def add(
        self, action: int, reward: float, screen: np.ndarray, terminal: bool, episode_end: bool
    ) -> None:
        """Keep one step; `screen`, uint8 (height, width), is the one after the action."""
        index = self.first + self.oldest
        self._entries.actions[index] = action
        self._entries.rewards[index] = reward
        self._entries.screens.write(index, screen)
        self._entries.terminals[index] = terminal
        self._entries.episode_ends[index] = episode_end
        self.added += 1

    def cut(self) -> None:
        """Let no state reach over the newest step: what comes next is another game."""
        if self.added:
            self._entries.episode_ends[self.first + (self.added - 1) % self.size] = True

    @property
    def entry_dtype(self) -> np.dtype:
        """What `read` and `restore` take an entry for, without padding."""
        screen = (np.uint8, self._entries.screens.shape)
        names = ("action", "reward", "terminal", "episode_end", "screen")
        return np.dtype(list(zip(names, (np.uint8, "<f4", bool, bool, screen), strict=True)))

    def read(self, start: int, stop: int) -> np.ndarray:
        """A copy of the steps number `start` to `stop`, `entry_dtype` (n,), which are all kept."""
        entries = np.empty(stop - start, self.entry_dtype)
        indexes = self.first + np.arange(start, stop) % self.size
        for name, array in self._entries.columns().items():
            entries[name] = array[indexes]
        entries["screen"] = self._entries.screens.read(indexes)
        return entries

    def restore(self, start: int, entries: np.ndarray) -> None:
        """Set the steps from number `start` on to `entries`; they become the newest ones."""
        stop = start + len(entries)
        indexes = self.first + np.arange(start, stop) % self.size
        for name, array in self._entries.columns().items():
            array[indexes] = entries[name]
        self._entries.screens.write(indexes, entries["screen"])
        self.added = stop


class _Entries:
    """What all streams keep of their steps."""

    def __init__(self, screens: Screens):
        size = screens.size
        self.screens = screens
        self.actions = np.empty(size, np.uint8)
        self.rewards = np.empty(size, np.float32)
        self.terminals = np.empty(size, bool)
        self.episode_ends = np.empty(size, bool)  # a game cut off ends without being terminal

    def columns(self) -> dict[str, np.ndarray]:
        """All but the screens, by their names in `ReplayStream.entry_dtype`."""
        return {
            "action": self.actions,
            "reward": self.rewards,
            "terminal": self.terminals,
            "episode_end": self.episode_ends,
        }

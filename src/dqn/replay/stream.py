"""One actor's steps in the replay memory, as a ring."""

from collections.abc import Sequence

import numpy as np

from dqn.replay.storage import Storage


class Entries:
    """What all streams keep of their steps; `added` counts those ever added to each, int64 (n,)."""

    def __init__(self, observations: Storage, num_streams: int):
        size = observations.size
        self.added = np.zeros(num_streams, np.int64)
        self.observations = observations
        self.actions = np.empty(size, np.uint8)
        self.rewards = np.empty(size, np.float32)
        self.terminals = np.empty(size, bool)
        self.episode_ends = np.empty(size, bool)  # a game cut off ends without being terminal

    def columns(self) -> dict[str, np.ndarray]:
        """All but the observations, by their names in `ReplayStream.entry_dtype`."""
        return {
            "action": self.actions,
            "reward": self.rewards,
            "terminal": self.terminals,
            "episode_end": self.episode_ends,
        }


class ReplayStream:
    """A ring of the last `size` steps of one actor: the memory's entries from `first` on.

    It is the stream of that `number`; its step number t is entry t modulo `size`. `cuts` are the
    numbers of the steps that `cut` was called after.
    """

    def __init__(self, entries: Entries, number: int, first: int, size: int):
        self._entries = entries
        self._number = number
        self.first = first
        self.size = size
        self.cuts: list[int] = []

    @property
    def added(self) -> int:
        """How many steps were ever added."""
        return int(self._entries.added[self._number])

    def __len__(self) -> int:
        return min(self.added, self.size)

    @property
    def oldest(self) -> int:
        """The entry that the next step takes, counted from `first`."""
        return self.added % self.size

    def add(
        self, action: int, reward: float, observation: np.ndarray, terminal: bool, episode_end: bool
    ) -> None:
        """Keep one step; `observation`, (*shape), is the one after the action."""
        index = self.first + self.oldest
        self._entries.actions[index] = action
        self._entries.rewards[index] = reward
        self._entries.observations.write(index, observation)
        self._entries.terminals[index] = terminal
        self._entries.episode_ends[index] = episode_end
        self._entries.added[self._number] += 1

    def cut(self) -> None:
        """Let no state reach over the newest step: what comes next is another game."""
        newest = self.added - 1
        if self.added and self.cuts[-1:] != [newest]:
            self._entries.episode_ends[self.first + newest % self.size] = True
            self.cuts.append(newest)

    @property
    def entry_dtype(self) -> np.dtype:
        """What `read` and `restore` take an entry for, without padding."""
        observation = (self._entries.observations.dtype, self._entries.observations.shape)
        names = ("action", "reward", "terminal", "episode_end", "observation")
        return np.dtype(list(zip(names, (np.uint8, "<f4", bool, bool, observation), strict=True)))

    def read(self, start: int, stop: int) -> np.ndarray:
        """A copy of the steps number `start` to `stop`, `entry_dtype` (n,), which are all kept."""
        entries = np.empty(stop - start, self.entry_dtype)
        indexes = self.first + np.arange(start, stop) % self.size
        for name, array in self._entries.columns().items():
            entries[name] = array[indexes]
        entries["observation"] = self._entries.observations.read(indexes)
        return entries

    def restore(self, start: int, entries: np.ndarray, cuts: Sequence[int] = ()) -> None:
        """Set the steps from number `start` on to `entries`; they become the newest ones.

        Those of them whose numbers are in `cuts` are cut again.
        """
        stop = start + len(entries)
        indexes = self.first + np.arange(start, stop) % self.size
        for name, array in self._entries.columns().items():
            array[indexes] = entries[name]
        self._entries.observations.write(indexes, entries["observation"])
        for number in cuts:
            if start <= number < stop:
                self._entries.episode_ends[self.first + number % self.size] = True
                self.cuts.append(number)
        self._entries.added[self._number] = stop

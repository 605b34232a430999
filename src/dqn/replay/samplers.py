"""Which transitions of the replay memory are learned from."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from dqn.errors import UserError
from dqn.replay.stream import Entries, ReplayStream

# A minibatch that is still not full after so many draws of all its entries means that (nearly) no
# episode in the memory is longer than a state and its successor.
MAX_DRAWS = 1000


class Sampler(Protocol):
    """Draws the entries that minibatches are made of."""

    def sample(self, batch_size: int) -> np.ndarray:
        """Indexes, int64 (batch_size,), of entries: each is an action and what followed it.

        Raises UserError if the episodes are too short for a state and its successor.
        """

    def weights(self, indexes: np.ndarray) -> np.ndarray | None:
        """How much the `indexes` that were just drawn count, float64 (n,); None: all 1."""

    def set_errors(self, indexes: np.ndarray | None, errors: np.ndarray | None) -> None:
        """Take the absolute errors |δ|, float (n,), that the network made in entries."""

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps, besides the entries and the generator."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned, after the streams."""


class UniformSampler:
    """Draws transitions uniformly (Mnih et al. 2015, algorithm 1) from all `streams`."""

    def __init__(
        self,
        entries: Entries,
        streams: Sequence[ReplayStream],
        *,
        history_length: int,
        generator: np.random.Generator,
    ):
        self._entries = entries
        self._stream_size = streams[0].size
        self._history_length = history_length
        self._generator = generator
        self._firsts = np.array([stream.first for stream in streams])

    def sample(self, batch_size: int) -> np.ndarray:
        """Indexes, int64 (batch_size,), of entries: each is an action and what followed it.

        Raises UserError if the episodes are too short for a state and its successor.
        """
        added = self._entries.added
        lengths = np.minimum(added, self._stream_size)
        candidates = np.maximum(lengths - self._history_length, 0)
        ends = np.cumsum(candidates)
        starts = ends - candidates
        oldest = added % self._stream_size
        indexes = np.empty(0, np.int64)
        for _ in range(MAX_DRAWS):
            drawn = self._generator.integers(ends[-1], size=batch_size - len(indexes))
            stream = np.searchsorted(ends, drawn, side="right")
            positions = drawn - starts[stream] + self._history_length
            drawn = self._firsts[stream] + positions
            is_whole = self._is_whole(drawn, positions, oldest[stream])
            indexes = np.concatenate((indexes, drawn[is_whole]))
            if len(indexes) == batch_size:
                return indexes
        raise too_short_episodes(self._history_length)

    def weights(self, indexes: np.ndarray) -> None:
        """None: all transitions count alike."""

    def set_errors(self, indexes: np.ndarray | None, errors: np.ndarray | None) -> None:
        """Do nothing: no error makes a transition more likely."""

    def get_state(self) -> dict[str, Any]:
        """Nothing: all that matters is in the entries and the generator."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Do nothing."""

    def _is_whole(
        self, indexes: np.ndarray, positions: np.ndarray, oldest: np.ndarray
    ) -> np.ndarray:
        """Whether the observations up to each of `indexes` follow one another in one episode.

        `positions` and `oldest` are offsets within each index's stream.
        """
        # The oldest one is the next to be written over, in a full ring.
        over_write_position = (positions - self._history_length < oldest) & (oldest <= positions)
        # The next state's last observation may end the episode; those before it may not.
        before = indexes[:, np.newaxis] - np.arange(1, self._history_length + 1)
        return ~over_write_position & ~self._entries.episode_ends[before].any(axis=1)


def too_short_episodes(history_length: int) -> UserError:
    """What is said where no state and its successor are in one episode."""
    return UserError(
        f"the replay memory holds no {history_length + 1} screens in a row of one game: "
        "lower --frame_skip or --history_length, or raise --max_game_frames"
    )

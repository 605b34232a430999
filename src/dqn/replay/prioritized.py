"""Prioritized replay: surprising transitions are learned from more often (Schaul et al. 2016)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dqn.errors import NonFiniteWeights
from dqn.machine.state_values import take_array, take_integer, take_number
from dqn.replay.samplers import too_short_episodes
from dqn.replay.settings import PrioritySettings
from dqn.replay.stream import Entries, ReplayStream
from dqn.replay.sum_tree import SumTree

# ε of p = (|δ| + ε)^α, which keeps transitions without an error from never being drawn again
PRIORITY_OFFSET = 1e-6
# The sum of a billion priorities of such errors is far from infinity.
MAX_ERROR = 1e38


class PrioritizedSampler:
    """Draws transition i with probability P(i) = p_i / Σp (Schaul et al. 2016, equation 1).

    The priority is p = (|δ| + ε)^α (section 3.3, proportional), whose exponent α is applied when it
    is set; ε is PRIORITY_OFFSET. New transitions get the greatest priority so far, which is 1 at
    first (algorithm 1, line 6). Those that UniformSampler refuses have priority 0.

    β rises linearly from its start at minibatch 0 to its end at minibatch `planned_minibatches`
    (section 3.4); `num_minibatches` were drawn before.
    """

    def __init__(
        self,
        entries: Entries,
        streams: Sequence[ReplayStream],
        *,
        history_length: int,
        generator: np.random.Generator,
        settings: PrioritySettings,
        planned_minibatches: int,
        num_minibatches: int = 0,
    ):
        self._entries = entries
        self._streams = streams
        self._history_length = history_length
        self._generator = generator
        self._settings = settings
        self._planned_minibatches = max(1, planned_minibatches)
        self._num_minibatches = num_minibatches
        self._importance_exponent = settings.importance_start
        self._tree = SumTree(len(entries.actions))
        self._greatest = 1.0
        self._firsts = np.array([stream.first for stream in streams])
        self._sizes = np.array([stream.size for stream in streams])
        self._added = np.zeros(len(streams), np.int64)  # the steps that the tree knows

    def sample(self, batch_size: int) -> np.ndarray:
        """Indexes, int64 (batch_size,), of entries: each is an action and what followed it.

        One is drawn from each of `batch_size` equal parts of the sum of all priorities (appendix
        B.2.1). Raises UserError if the episodes are too short for a state and its successor.
        """
        self._update_tree()
        total = self._tree.total
        if not total:
            raise too_short_episodes(self._history_length)
        progress = min(1, self._num_minibatches / self._planned_minibatches)
        start, end = self._settings.importance_start, self._settings.importance_end
        self._importance_exponent = start + progress * (end - start)
        self._num_minibatches += 1
        parts = np.arange(batch_size) + self._generator.random(batch_size)
        return self._tree.find(parts * (total / batch_size))

    def weights(self, indexes: np.ndarray) -> np.ndarray:
        """The weights w = (N·P)^−β / max w, float64 (n,), of the `indexes` that were just drawn.

        (Section 3.4 and algorithm 1, line 10; the greatest one is that of the minibatch.) The
        number N of transitions and the sum in P are the same in all of them, and cancel.
        """
        priorities = self._tree.get(indexes)
        weights: np.ndarray = (priorities / priorities.min()) ** -self._importance_exponent
        return weights

    def set_errors(self, indexes: np.ndarray | None, errors: np.ndarray | None) -> None:
        """Set the priorities of entries by the absolute errors |δ|, float (n,), made in them.

        Raises NonFiniteWeights if the errors are no finite numbers.
        """
        if indexes is None or errors is None:
            raise NotImplementedError("this engine computes no errors to set priorities by")
        if not (errors <= MAX_ERROR).all():
            raise NonFiniteWeights("the errors diverged to infinity or NaN")
        priorities = (errors.astype(np.float64) + PRIORITY_OFFSET) ** self._settings.exponent
        self._greatest = max(self._greatest, float(priorities.max()))
        # Some may be written over, or about to be, since they were drawn: priority 0 stays.
        is_allowed = self._tree.get(indexes) > 0
        self._tree.set(indexes[is_allowed], priorities[is_allowed])

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps, besides the entries and the generator."""
        # No errors come between this and the next minibatch: its priorities are the same as if
        # it had been the first to see the new entries.
        self._update_tree()
        return {
            "priorities": self._tree.leaves.copy(),
            "greatest": self._greatest,
            "num_minibatches": self._num_minibatches,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned, after the streams."""
        greatest = float(take_number(state, "greatest", 1, 2 * MAX_ERROR))
        priorities = take_array(state, "priorities", np.float64, (self._tree.size,))
        num_minibatches = take_integer(state, "num_minibatches")
        if not ((priorities >= 0) & (priorities <= greatest)).all():
            raise ValueError("priorities are negative, or above the greatest one")
        if priorities[~self._all_allowed()].any():
            raise ValueError("priorities are of entries that cannot be drawn")
        self._greatest = greatest
        self._num_minibatches = num_minibatches
        self._tree.set_all(priorities)
        self._added = self._count_added()

    def _update_tree(self) -> None:
        """Give priorities to the entries that were added since the last call.

        Those at the write position lose theirs: their states reach over it until they are written
        over themselves.
        """
        added = self._count_added()
        changed = np.flatnonzero(added != self._added)
        if not len(changed):
            return
        history = self._history_length
        stops, sizes = added[changed], self._sizes[changed]
        counts = np.clip(sizes - history, 0, stops - self._added[changed])
        # Of each stream its new steps, and then those whose entries the next ones take
        stream = np.repeat(np.arange(len(changed)), counts + history)
        starts = np.cumsum(counts + history) - (counts + history)
        place = np.arange(len(stream)) - starts[stream]
        positions = ((stops - counts)[stream] + place) % sizes[stream]
        indexes = self._firsts[changed][stream] + positions
        is_allowed = (place < counts[stream]) & self._is_in_an_episode(indexes, positions)
        self._tree.set(indexes, np.where(is_allowed, self._greatest, 0.0))
        self._added = added

    def _all_allowed(self) -> np.ndarray:
        """Whether each entry may be drawn, bool (size,)."""
        is_allowed = np.zeros(self._tree.size, bool)
        for stream in self._streams:
            positions = np.arange(len(stream))
            indexes = stream.first + positions
            is_whole = self._is_in_an_episode(indexes, positions)
            if stream.added > stream.size:  # the oldest are at the write position
                age = (positions - stream.oldest) % stream.size
                is_whole &= age >= self._history_length
            is_allowed[indexes] = is_whole
        return is_allowed

    def _is_in_an_episode(self, indexes: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Whether the observations before each of `indexes` are in a row and of its episode."""
        before = indexes[:, np.newaxis] - np.arange(1, self._history_length + 1)
        crosses_an_end = self._entries.episode_ends[before.clip(0)].any(axis=1)
        is_whole: np.ndarray = (positions >= self._history_length) & ~crosses_an_end
        return is_whole

    def _count_added(self) -> np.ndarray:
        return self._entries.added.copy()

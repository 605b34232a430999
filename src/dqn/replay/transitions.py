"""How a drawn entry becomes a transition of a minibatch: its states, its return, its discount."""

from collections.abc import Sequence

import numpy as np

from dqn.replay.minibatch import Minibatch
from dqn.replay.returns import NStepReturns, OneStepReturns
from dqn.replay.stream import Entries, ReplayStream


class OneStepTransitions:
    """Transitions to the state after the action."""

    def __init__(self, entries: Entries, returns: OneStepReturns, *, history_length: int):
        self._entries = entries
        self._returns = returns
        self._history_length = history_length

    def __call__(self, indexes: np.ndarray, weights: np.ndarray | None) -> Minibatch:
        """The minibatch of the entries at `indexes`, int64 (n,)."""
        windows = indexes[:, np.newaxis] + np.arange(-self._history_length, 1)
        # One gather fetches a state and its successor: they share all observations but two.
        observations = self._entries.observations.gather(windows)
        returns, discounts = self._returns(
            self._entries.rewards[indexes], self._entries.terminals[indexes]
        )
        return Minibatch(
            states=observations[:, :-1],
            actions=self._entries.actions[indexes],
            returns=returns,
            next_states=observations[:, 1:],
            discounts=discounts,
            weights=weights,
            keys=indexes,
        )


class NStepTransitions:
    """Transitions to the state n steps later.

    They end before that with their episode, whose last observation is in their next state, or
    with the newest step of their stream.
    """

    def __init__(
        self,
        entries: Entries,
        streams: Sequence[ReplayStream],
        returns: NStepReturns,
        *,
        history_length: int,
    ):
        self._entries = entries
        self._returns = returns
        self._history_length = history_length
        self._firsts = np.array([stream.first for stream in streams])
        self._stream_size = streams[0].size

    def __call__(self, indexes: np.ndarray, weights: np.ndarray | None) -> Minibatch:
        """The minibatch of the entries at `indexes`, int64 (n,), whose states lie in a row."""
        entries, size, history = self._entries, self._stream_size, self._history_length
        stream = np.searchsorted(self._firsts, indexes, side="right") - 1
        firsts = self._firsts[stream][:, np.newaxis]
        positions = indexes[:, np.newaxis] - firsts
        newest = (entries.added - 1)[stream, np.newaxis]
        ahead = np.arange(self._returns.num_steps)
        steps = firsts + (positions + ahead) % size
        lasts = entries.episode_ends[steps] | (ahead >= (newest - positions) % size)
        returns, discounts, lengths = self._returns(
            entries.rewards[steps], entries.terminals[steps], lasts
        )
        # One gather fetches both states, because another one would write over the first.
        before = np.arange(-history, 0)
        next_windows = firsts + (positions + lengths[:, np.newaxis] + before) % size
        windows = np.concatenate((indexes[:, np.newaxis] + before, next_windows), axis=1)
        observations = entries.observations.gather(windows)
        return Minibatch(
            states=observations[:, :history],
            actions=entries.actions[indexes],
            returns=returns,
            next_states=observations[:, history:],
            discounts=discounts,
            weights=weights,
            keys=indexes,
        )

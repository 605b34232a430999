"""The replay memory: what happened, and minibatches of it (Mnih et al. 2015, algorithm 1)."""

from collections.abc import Callable

import numpy as np

from dqn.replay.minibatch import Minibatch
from dqn.replay.returns import NStepReturns, OneStepReturns
from dqn.replay.samplers import Sampler, UniformSampler
from dqn.replay.storage import Storage
from dqn.replay.stream import Entries, ReplayStream
from dqn.replay.transitions import NStepTransitions, OneStepTransitions


class ReplayMemory:
    """The last steps of `num_streams` actors, which share the storage evenly.

    An entry holds an action, and the reward, observation and end that followed it. A state is
    `history_length` observations of one stream in a row; each is kept once. `make_sampler` makes
    the sampler from the entries, the streams, `history_length` and `generator`.
    """

    def __init__(
        self,
        observations: Storage,
        *,
        history_length: int,
        batch_size: int,
        generator: np.random.Generator,
        num_streams: int = 1,
        returns: OneStepReturns | NStepReturns = OneStepReturns(),  # noqa: B008 (it is frozen)
        make_sampler: Callable[..., Sampler] = UniformSampler,
    ):
        self.batch_size = batch_size
        self._history_length = history_length
        self._entries = Entries(observations, num_streams)
        self._stream_size = observations.size // num_streams
        self.streams = [
            ReplayStream(self._entries, i, i * self._stream_size, self._stream_size)
            for i in range(num_streams)
        ]
        self.sampler = make_sampler(
            self._entries, self.streams, history_length=history_length, generator=generator
        )
        self._make_minibatch: OneStepTransitions | NStepTransitions
        if isinstance(returns, OneStepReturns):
            self._make_minibatch = OneStepTransitions(
                self._entries, returns, history_length=history_length
            )
        else:
            self._make_minibatch = NStepTransitions(
                self._entries, self.streams, returns, history_length=history_length
            )

    @property
    def size(self) -> int:
        """How many steps it can hold."""
        return len(self.streams) * self._stream_size

    @property
    def state_shape(self) -> tuple[int, ...]:
        """That of one state: (history, *observation)."""
        return (self._history_length, *self._entries.observations.shape)

    @property
    def state_dtype(self) -> np.dtype:
        """That of the numbers of a state."""
        return self._entries.observations.dtype

    def __len__(self) -> int:
        return int(self._lengths().sum())

    def _lengths(self) -> np.ndarray:
        return np.minimum(self._entries.added, self._stream_size)

    @property
    def can_sample(self) -> bool:
        """Whether there are enough entries for a minibatch."""
        lengths = self._lengths()
        enough = lengths.sum() > max(self.batch_size, self._history_length)
        return bool(enough and lengths.max() > self._history_length)

    def newest_states(self, most: int) -> np.ndarray:
        """Up to `most` states, (n, history, *shape), of the newest of one stream.

        Some may reach over the end of an episode.
        """
        stream = self.streams[0]
        count = max(0, min(most, len(stream) - self._history_length + 1))
        stop = stream.added
        entries = stream.read(max(0, stop - count - self._history_length + 1), stop)
        return entries["observation"][
            np.arange(count)[:, np.newaxis] + np.arange(self._history_length)
        ]

    def sample(self) -> Minibatch:
        """Draw a minibatch; its arrays are overwritten by the next call.

        Raises UserError if the episodes are too short for a state and its successor.
        """
        indexes = self.sampler.sample(self.batch_size)
        return self._make_minibatch(indexes, self.sampler.weights(indexes))

    def set_errors(self, keys: np.ndarray | None, errors: np.ndarray | None) -> None:
        """Take the absolute errors |δ|, float (n,), that the network made in a minibatch.

        `keys` are the minibatch's. Raises NonFiniteWeights if they are no finite numbers.
        """
        self.sampler.set_errors(keys, errors)

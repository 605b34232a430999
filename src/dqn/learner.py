"""Learning from minibatches, one after the other or beside the acting."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from dqn.errors import NonFiniteWeights
from dqn.machine.setup import set_up_learning_beside_acting
from dqn.machine.state_values import take_list
from dqn.networks.deepqnetwork import DeepQNetwork, Update
from dqn.replay.memory import ReplayMemory


class Learner:
    """Updates the network by minibatches from the replay memory.

    `learning_rate` gives that of a training step; without it, the network's own one stays.
    """

    def __init__(
        self,
        network: DeepQNetwork,
        memory: ReplayMemory,
        learning_rate: Callable[[int], float] | None = None,
    ):
        self._network = network
        self._memory = memory
        self._learning_rate = learning_rate
        self._costs: list[float] = []  # of updates that have ended and are not told yet

    def learn(self, step: int = 0) -> list[float]:
        """Make one update, at training step `step`.

        Returns the costs of the updates that have ended and were not told yet.
        """
        self._set_learning_rate(step)
        minibatch = self._memory.sample()
        update = self._network.train(minibatch)
        self._memory.set_errors(minibatch.keys, update.errors)
        self._costs += update.costs
        return self._tell()

    def update_target_network(self) -> None:
        """θ⁻ := θ, after all updates so far."""
        self._network.update_target_network()

    def finish(self) -> list[float]:
        """Let all updates end, so that the network acts with what it has learned; their costs."""
        self._costs += self._network.late_costs()
        return self._tell()

    def check(self) -> None:
        """Raises NonFiniteWeights if the network has diverged so far that no loss can be computed.

        The squares of its Q-values, for the newest states, are no finite numbers then.
        """
        states = self._memory.newest_states(self._memory.batch_size)
        if len(states):
            with np.errstate(over="ignore", invalid="ignore"):
                loss = np.square(self._network.predict_learned(states)).sum()
            if not np.isfinite(loss):
                raise NonFiniteWeights("the Q-values diverged to infinity or NaN")

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps; to be asked before the network is, whose updates end by it."""
        self._costs += self._network.late_costs()
        return {"costs": list(self._costs)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned, after the network."""
        self._costs = [float(cost) for cost in take_list(state, "costs")]
        self._network.acting_copy(in_use=False)  # an overlapping learner may have made the state

    def _set_learning_rate(self, step: int) -> None:
        if self._learning_rate:
            self._network.set_learning_rate(self._learning_rate(step))

    def _tell(self) -> list[float]:
        costs, self._costs = self._costs, []
        return costs


class OverlappingLearner(Learner):
    """The same in a thread of its own, while the agent acts with the weights before the update.

    An update has its minibatch drawn when it begins, and ends before the next one begins: the same
    seed gives the same numbers, though others than without overlapping.
    """

    def __init__(
        self,
        network: DeepQNetwork,
        memory: ReplayMemory,
        learning_rate: Callable[[int], float] | None = None,
    ):
        super().__init__(network, memory, learning_rate)
        self._thread = ThreadPoolExecutor(1, "learner")
        self._update: Future[Update] | None = None
        self._keys: np.ndarray | None = None  # of the minibatch in that update
        set_up_learning_beside_acting()

    def learn(self, step: int = 0) -> list[float]:
        self._wait()
        self._set_learning_rate(step)
        self._network.acting_copy(in_use=True)
        minibatch = self._memory.sample()
        self._keys = minibatch.keys
        self._update = self._thread.submit(self._network.train, minibatch)
        return self._tell()

    def update_target_network(self) -> None:
        self._wait()
        super().update_target_network()

    def finish(self) -> list[float]:
        self._wait()
        self._network.acting_copy(in_use=False)
        return super().finish()

    def check(self) -> None:
        self._wait()
        super().check()

    def get_state(self) -> dict[str, Any]:
        self._wait()
        return super().get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        self._costs = [float(cost) for cost in take_list(state, "costs")]

    def _wait(self) -> None:
        if self._update:
            update = self._update.result()
            # Here and not in the thread, so that the errors come between the same two steps
            self._memory.set_errors(self._keys, update.errors)
            self._costs += update.costs
            self._update = None

"""The deep Q-learning agent (Mnih et al. 2015, algorithm 1)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from dqn.actors import Actor, Game
from dqn.exploration import LinearDecay
from dqn.networks.deepqnetwork import DeepQNetwork
from dqn.replay_memory import ReplayMemory


class Step(NamedTuple):
    """One agent step as statistics and progress bars see it.

    reward: unclipped; games: those that ended in it; costs: of the network updates made after it.
    """

    action: int
    reward: float
    terminal: bool
    exploration_rate: float
    games: list[Game]
    costs: list[float]


class EpsilonGreedy:
    """The policy that acts at random with probability ε, else by the highest Q-value."""

    def __init__(self, network: DeepQNetwork, num_actions: int, generator: np.random.Generator):
        self._network = network
        self._num_actions = num_actions
        self._generator = generator

    def __call__(self, state: np.ndarray, exploration_rate: float) -> int:
        """The action for a state, uint8 (history, height, width)."""
        if self._generator.random() < exploration_rate:
            return int(self._generator.integers(self._num_actions))
        return int(np.argmax(self._network.predict(state[np.newaxis])[0]))


class Agent:
    """Plays, remembers and learns; every phase is a generator of its steps.

    Training and testing have games of their own, so that a training game waits while the agent is
    tested. Periods count the training steps of a phase from 0. A phase that a checkpoint goes on
    with has some steps `done` already.
    """

    def __init__(
        self,
        train_actor: Actor,
        test_actor: Actor,
        train_policy: EpsilonGreedy,
        test_policy: EpsilonGreedy,
        memory: ReplayMemory,
        network: DeepQNetwork,
        *,
        exploration: LinearDecay,
        exploration_rate_test: float,
        train_frequency: int,
        train_repeat: int,
        target_steps: int,
        total_train_steps: int = 0,
    ):
        self._train_actor = train_actor
        self._test_actor = test_actor
        self._train_policy = train_policy
        self._test_policy = test_policy
        self._memory = memory
        self._network = network
        self._exploration = exploration
        self._exploration_rate_test = exploration_rate_test
        self._train_frequency = train_frequency
        self._train_repeat = train_repeat
        self._target_steps = target_steps
        self.total_train_steps = total_train_steps

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps, between two steps."""
        return {"total_train_steps": self.total_train_steps}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on as the agent did from which `state` was taken."""
        self.total_train_steps = state["total_train_steps"]

    @property
    def exploration_rate(self) -> float:
        """The current ε of training."""
        return self._exploration(self.total_train_steps)

    def explore(self, num_steps: int, exploration_rate: float, done: int = 0) -> Iterator[Step]:
        """Fill the replay memory by `num_steps` steps at a fixed ε, without learning."""
        self._train_actor.start()
        for _ in range(done, num_steps):
            yield self._step_and_remember(exploration_rate)

    def train(self, num_steps: int, done: int = 0) -> Iterator[Step]:
        """Play `num_steps` steps and learn from the replay memory."""
        self._train_actor.start()
        for i in range(done, num_steps):
            step = self._step_and_remember(self.exploration_rate)
            if self._target_steps and i % self._target_steps == 0:
                self._network.update_target_network()
            if i % self._train_frequency == 0 and self._memory.can_sample:
                for _ in range(self._train_repeat):
                    step.costs.append(self._network.train(self._memory.sample()))
            self.total_train_steps += 1
            yield step

    def test(self, num_steps: int, done: int = 0) -> Iterator[Step]:
        """Play `num_steps` steps at the test ε, beginning with a new game."""
        if not done:
            self._test_actor.restart()
        for _ in range(done, num_steps):
            yield self._test_step()

    def test_games(self, num_games: int, done: int = 0, finished: int = 0) -> Iterator[Step]:
        """Play `num_games` whole games at the test ε; `finished` of them ended in `done` steps."""
        if not done:
            self._test_actor.restart()
        while finished < num_games:
            step = self._test_step()
            finished += len(step.games)
            yield step

    def _step_and_remember(self, exploration_rate: float) -> Step:
        action = self._train_policy(self._train_actor.state, exploration_rate)
        reward, screen, terminal, episode_end, games = self._train_actor.act(action)
        self._memory.add(action, reward, screen, terminal, episode_end)
        return Step(action, reward, terminal, exploration_rate, games, [])

    def _test_step(self) -> Step:
        exploration_rate = self._exploration_rate_test
        action = self._test_policy(self._test_actor.state, exploration_rate)
        reward, _, terminal, _, games = self._test_actor.act(action)
        return Step(action, reward, terminal, exploration_rate, games, [])

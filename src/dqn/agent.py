"""The deep Q-learning agent (Mnih et al. 2015, algorithm 1), playing with one actor or several."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dqn.actors.events import Step, Transition
from dqn.actors.group import Actors
from dqn.exploration import Policy, Schedule
from dqn.learner import Learner
from dqn.machine.state_values import take_integer, take_integers
from dqn.replay.memory import ReplayMemory


@dataclass(frozen=True)
class Periods:
    """When the agent learns, in steps of all actors together.

    After every `train_frequency` steps it makes `train_repeat` updates; after every `target_steps`
    it copies the network to the target network (0: there is none).
    """

    train_frequency: int = 4
    train_repeat: int = 1
    target_steps: int = 10000


class Tester:
    """Plays whole games at the test ε and learns nothing; every phase is a generator of its steps.

    A phase that is resumed from a checkpoint has some steps `done` already. Every phase raises
    UserError when an actor was lost, after the step in which it was.
    """

    def __init__(
        self,
        test_actors: Actors,
        test_policy: Policy,
        exploration_rate_test: float,
    ):
        self._test_actors = test_actors
        self._test_policy = test_policy
        self._exploration_rate_test = exploration_rate_test
        self.total_train_steps = 0
        self._testing: list[int] = []  # the actors that still take part in a test

    def check_actors(self) -> None:
        """Raises ActorLost if a process of actors was lost."""
        self._test_actors.check()

    def test(self, num_steps: int, done: int = 0) -> Iterator[Step]:
        """Play `num_steps` steps at the test ε, beginning with new games.

        With several actors, the games that are in play then are played to their end: to drop them
        would favour short games. One actor drops its last game, as the original simple_dqn does.
        """
        self._begin_test(len(self._test_actors), done)
        while self._testing:
            step = self._test_step()
            done += len(step.actions)
            if done >= num_steps:
                ended = {game.actor for game in step.games}
                self._testing = [i for i in self._testing if i not in ended]
                if len(self._test_actors) == 1:
                    self._testing = []
            yield step
            self._test_actors.check()

    def test_games(self, num_games: float, done: int = 0, finished: int = 0) -> Iterator[Step]:
        """Play `num_games` whole games at the test ε; `finished` of them ended in `done` steps.

        No more games are begun than that, so that short ones are not favoured.
        """
        self._begin_test(int(min(num_games, len(self._test_actors))), done)
        while self._testing and finished < num_games:
            step = self._test_step()
            finished += len(step.games)
            for game in step.games:
                if len(self._testing) > num_games - finished and game.actor in self._testing:
                    self._testing.remove(game.actor)
            yield step
            self._test_actors.check()

    def _begin_test(self, num_actors: int, done: int) -> None:
        if done:
            self._test_actors.start()  # an actor that was lost has no game
        else:
            self._test_actors.restart()
            self._testing = list(range(num_actors))

    def _test_step(self) -> Step:
        chosen = _await_ready(self._test_actors, self._testing)
        actions = self._test_policy(self._test_actors.states[chosen], self._exploration_rate_test)
        transitions = self._test_actors.act(chosen, actions)
        return _summarize(chosen, actions, transitions, self._exploration_rate_test)


class Agent(Tester):
    """Plays, remembers and learns, and is tested in between.

    Training and testing have games of their own, so that a training game waits while the agent is
    tested. All counts and periods are of the steps of all actors together; periods count the
    training steps of a phase from 0.

    With `learns_meanwhile` the updates that are due after a step are made while the actors take the
    next one, for which the actions are chosen before.
    """

    def __init__(
        self,
        train_actors: Actors,
        test_actors: Actors,
        train_policy: Policy,
        test_policy: Policy,
        memory: ReplayMemory,
        learner: Learner,
        *,
        exploration: Schedule,
        exploration_rate_test: float,
        periods: Periods,
        total_train_steps: int = 0,
        learns_meanwhile: bool = False,
    ):
        super().__init__(test_actors, test_policy, exploration_rate_test)
        self._train_actors = train_actors
        self._train_policy = train_policy
        self._memory = memory
        self._learner = learner
        self._exploration = exploration
        self._periods = periods
        self.total_train_steps = total_train_steps
        self._learns_meanwhile = learns_meanwhile
        self._due = range(0)  # training steps of this phase whose updates are still to come
        self._costs: list[float] = []  # of updates that no step has told yet

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps, between two steps."""
        return {
            "total_train_steps": self.total_train_steps,
            "testing": self._testing,
            "due": [self._due.start, self._due.stop],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned."""
        self.total_train_steps = take_integer(state, "total_train_steps")
        self._testing = take_integers(state, "testing", len(self._test_actors) - 1)
        if self._testing != sorted(set(self._testing)):
            raise ValueError("testing names an actor twice")
        if "due" in state:  # as in all checkpoints since 2026-11-26
            start, stop = take_integers(state, "due")
            if not 0 <= stop - start <= len(self._train_actors):
                raise ValueError("more steps are due than there are actors")
            self._due = range(start, stop)

    def check(self) -> None:
        """Raises NonFiniteWeights if the network has diverged."""
        self._learner.check()

    @property
    def exploration_rate(self) -> float:
        """The current ε of training."""
        return self._exploration(self.total_train_steps)

    def check_actors(self) -> None:
        self._train_actors.check()
        super().check_actors()

    def explore(self, num_steps: int, exploration_rate: float, done: int = 0) -> Iterator[Step]:
        """Fill the replay memory by `num_steps` steps at a fixed ε, without learning."""
        self._start()
        while done < num_steps:
            step = self._step_and_remember(num_steps - done, exploration_rate)
            done += len(step.actions)
            yield step
            self._train_actors.check()

    def train(self, num_steps: int, done: int = 0) -> Iterator[Step]:
        """Play `num_steps` steps and learn from the replay memory."""
        self._start()
        while done < num_steps:
            step = self._step_and_remember(num_steps - done, self.exploration_rate)
            self._due = range(done, done + len(step.actions))
            done = self._due.stop
            self.total_train_steps += len(step.actions)
            if done >= num_steps or not self._learns_meanwhile:
                self._learn_due()
            if done >= num_steps:
                self._costs += self._learner.finish()
            step.costs.extend(self._costs)
            self._costs = []
            yield step
            self._train_actors.check()

    def _learn_due(self) -> None:
        """Make the updates that follow the steps before."""
        target_steps, train_frequency = self._periods.target_steps, self._periods.train_frequency
        due, self._due = self._due, range(0)
        for i in due:
            if target_steps and i % target_steps == 0:
                self._learner.update_target_network()
            if i % train_frequency == 0 and self._memory.can_sample:
                for _ in range(self._periods.train_repeat):
                    self._costs += self._learner.learn(self.total_train_steps)

    def _start(self) -> None:
        """Begin games where none is in play; one that was not restored ends in the memory."""
        for actor in self._train_actors.start():
            self._memory.streams[actor].cut()

    def _step_and_remember(self, most: int, exploration_rate: float) -> Step:
        """A step of every actor that is ready, or of the first `most`."""
        chosen = _await_ready(self._train_actors, range(len(self._train_actors)))[:most]
        actions = self._train_policy(self._train_actors.states[chosen], exploration_rate)
        transitions = self._train_actors.act(chosen, actions, self._learn_due)
        for i, action, transition in zip(chosen, actions, transitions, strict=True):
            stream = self._memory.streams[i]
            if transition is None:
                stream.cut()
                continue
            reward, observation, terminal, episode_end, _ = transition
            stream.add(action, reward, observation, terminal, episode_end)
        return _summarize(chosen, actions, transitions, exploration_rate)


def _await_ready(actors: Actors, wanted: Sequence[int]) -> list[int]:
    """Those of the `wanted` actors that are ready, at least one."""
    while not (ready := [i for i in wanted if actors.ready[i]]):
        actors.act([], [])
        actors.check()
    return ready


def _summarize(
    chosen: Sequence[int],
    actions: list[int],
    transitions: Sequence[Transition | None],
    exploration_rate: float,
) -> Step:
    """What those actors did that were not lost."""
    step = Step([], exploration_rate, [], [])
    for actor, action, transition in zip(chosen, actions, transitions, strict=True):
        if transition is not None:
            step.actions.append(action)
            step.games.extend(game._replace(actor=actor) for game in transition.games)
    return step

"""The exact order of what the agent does, and a toy game that it learns."""

from dataclasses import fields, replace

import numpy as np
import pytest

from dqn.actors.actor import Actor
from dqn.actors.local import LocalActors
from dqn.agent import Agent, Periods
from dqn.exploration import EpsilonGreedy, LinearDecay
from dqn.learner import Learner
from dqn.networks.architecture import Convolution
from dqn.networks.deepqnetwork import Update
from dqn.replay.memory import ReplayMemory, ReplayStream
from dqn.replay.returns import OneStepReturns
from dqn.replay.storage import Observations
from helpers.networks import make_network
from helpers.toy_games import Catch, ScriptedGame

STATE_SHAPE = (2, 2, 2)


class TapeNetwork:
    """Writes down what it is asked, and prefers the last action."""

    train_iterations = 0

    def __init__(self, tape, num_actions=3):
        self._tape = tape
        self._num_actions = num_actions

    def predict(self, states):
        self._tape.append(("predict", states[:, :, 0, 0].tolist()))
        return np.tile(np.arange(self._num_actions), (len(states), 1))

    def train(self, minibatch):
        self._tape.append("train")
        return Update([0.5], None)

    def late_costs(self):
        return []

    def update_target_network(self):
        self._tape.append("target")


class TapeStream(ReplayStream):
    """Writes down what is added."""

    tape = None

    def add(self, action, reward, screen, terminal, episode_end):
        self.tape.append(("add", action, reward, int(screen[0, 0]), terminal, episode_end))
        super().add(action, reward, screen, terminal, episode_end)


def make_memory(size, state_shape, **settings):
    history_length, *shape = state_shape
    storage = Observations(size, shape=tuple(shape))
    return ReplayMemory(storage, history_length=history_length, **settings)


def make_agent(train_script, test_script="." * 40 + "o", **settings):
    """An agent on scripted games, and the tape on which the games, too, write."""
    train_game, test_game = ScriptedGame(train_script), ScriptedGame(test_script)
    tape = train_game.tape
    test_game.tape = tape
    network = TapeNetwork(tape)
    memory = make_memory(50, STATE_SHAPE, batch_size=2, generator=np.random.default_rng(0))
    for stream in memory.streams:
        stream.__class__ = TapeStream
        stream.tape = tape
    generators = [np.random.default_rng(seed) for seed in (0, 1)]
    actors = [
        LocalActors([Actor(game, state_shape=STATE_SHAPE, random_starts=2, generator=generator)])
        for game, generator in zip((train_game, test_game), generators, strict=True)
    ]
    policies = [EpsilonGreedy(network, 3, generator) for generator in generators]
    defaults = {
        "exploration": LinearDecay(0, 0, 0),
        "exploration_rate_test": 0,
        "periods": Periods(train_frequency=2, target_steps=4),
    }
    return Agent(
        *actors, *policies, memory, Learner(network, memory), **with_periods(defaults, settings)
    ), tape


def with_periods(defaults, settings):
    """The settings of an agent, of which those of its periods may be named alone."""
    settings = {**defaults, **settings}
    names = {field.name for field in fields(Periods)} & settings.keys()
    changed = {name: settings.pop(name) for name in names}
    return {**settings, "periods": replace(settings["periods"], **changed)}


def test_the_tape_of_a_training_phase():
    agent, tape = make_agent("....rl....o", train_repeat=2)
    steps = list(agent.train(5))
    assert tape == [
        *("restart", 0, 0),
        *(("predict", [[1, 2]]), 2, ("add", 2, 0, 3, False, False), "target"),
        *(("predict", [[2, 3]]), 2, ("add", 2, 0, 4, False, False)),
        *(("predict", [[3, 4]]), 2, ("add", 2, 5, 5, False, False), "train", "train"),
        # the lost life: terminal, then no-ops without a restart, whose screens are not remembered
        *(("predict", [[4, 5]]), 2, 0, 0, ("add", 2, 0, 6, True, True)),
        *(("predict", [[7, 8]]), 2, ("add", 2, 0, 9, False, False), "target", "train", "train"),
    ]
    assert [step.costs for step in steps] == [[], [], [0.5, 0.5], [], [0.5, 0.5]]
    assert agent.total_train_steps == 5


def test_random_play_fills_the_memory_and_asks_the_network_nothing():
    agent, tape = make_agent("." * 30)
    steps = list(agent.explore(12, exploration_rate=1))
    added = [entry for entry in tape if isinstance(entry, tuple)]
    assert [entry[0] for entry in added] == ["add"] * 12
    assert {action for _, action, *_ in added} == {0, 1, 2}
    assert "train" not in tape
    assert "target" not in tape
    assert agent.total_train_steps == 0
    assert {step.exploration_rate for step in steps} == {1}


def test_a_test_begins_a_new_game_remembers_nothing_and_the_training_game_waits():
    agent, tape = make_agent("." * 40)
    list(agent.train(2))
    tape.clear()
    steps = list(agent.test(2))
    assert tape == ["restart", 0, 0, ("predict", [[1, 2]]), 2, ("predict", [[2, 3]]), 2]
    assert [step.costs for step in steps] == [[], []]
    tape.clear()
    list(agent.train(1))
    assert tape[0] == ("predict", [[3, 4]])  # where training had stopped


def test_periods_begin_anew_in_each_training_phase():
    agent, tape = make_agent("." * 60)
    list(agent.train(3))
    tape.clear()
    list(agent.train(1))
    assert tape[-2:] == ["target", "train"]


def test_no_target_steps_mean_no_copies():
    agent, tape = make_agent("." * 60, target_steps=0)
    list(agent.train(9))
    assert "target" not in tape


def test_whole_games_are_tested_when_their_number_is_given():
    agent, _ = make_agent("." * 9, test_script="..r...o")
    steps = list(agent.test_games(3))
    games = [game for step in steps for game in step.games]
    assert [(game.score, game.steps) for game in games] == [(5, 7)] * 3
    assert steps[-1].games


def make_agent_of(num_actors, train_scripts, test_scripts, spreads=False, **settings):
    """An agent with several actors; the tape of what its network and its memory do."""
    tape = []
    network = TapeNetwork(tape)
    memory = make_memory(
        60, STATE_SHAPE, batch_size=2, generator=np.random.default_rng(0), num_streams=num_actors
    )
    generators = [np.random.default_rng(seed) for seed in (0, 1)]
    actors = [
        LocalActors(
            [
                Actor(
                    ScriptedGame(script),
                    state_shape=STATE_SHAPE,
                    random_starts=2,
                    spreads_starts=spreads,
                    generator=generator,
                )
                for script in scripts
            ]
        )
        for scripts, generator in zip((train_scripts, test_scripts), generators, strict=True)
    ]
    defaults = {
        "exploration": LinearDecay(0, 0, 0),
        "exploration_rate_test": 0,
        "periods": Periods(train_frequency=4, target_steps=8),
    }
    policies = [EpsilonGreedy(network, 3, generator) for generator in generators]
    learner = Learner(network, memory)
    return (
        Agent(*actors, *policies, memory, learner, **with_periods(defaults, settings)),
        memory,
        tape,
    )


@pytest.mark.parametrize("num_actors", [1, 2, 3, 4, 8])
def test_any_number_of_actors_makes_the_same_number_of_updates_per_step(num_actors):
    scripts = ["." * 90] * num_actors
    agent, memory, tape = make_agent_of(num_actors, scripts, scripts)
    list(agent.explore(21, exploration_rate=0.5))
    tape.clear()
    steps = list(agent.train(30))
    assert sum(len(step.actions) for step in steps) == 30
    assert len(steps[-1].actions) == (30 % num_actors or num_actors)
    assert tape.count("train") == len(range(0, 30, 4))
    assert tape.count("target") == len(range(0, 30, 8))
    assert agent.total_train_steps == 30
    assert sum(stream.added for stream in memory.streams) == 51


def test_all_actors_are_predicted_at_once():
    agent, _, tape = make_agent_of(3, ["." * 90] * 3, ["." * 90] * 3)
    list(agent.explore(6, exploration_rate=0))
    assert [len(entry[1]) for entry in tape] == [3, 3]


def test_a_test_of_several_actors_ends_every_game_that_it_began():
    # Two short games would be over in each of the long ones.
    agent, _, _ = make_agent_of(2, ["." * 9] * 2, ["...o", "........r...............o"])
    steps = list(agent.test(14))
    games = [game for step in steps for game in step.games]
    assert sorted(game.score for game in games)[-1] == 5
    counts = [sum(game.actor == actor for game in games) for actor in (0, 1)]
    assert counts[1] == 1
    # from the 14th step on no game was begun
    done = np.cumsum([len(step.actions) for step in steps])
    late = [game for n, step in zip(done, steps, strict=True) if n > 14 for game in step.games]
    assert len([game for game in late if game.actor == 0]) <= 1


@pytest.mark.parametrize("num_games", [1, 2, 5])
def test_a_test_of_whole_games_begins_no_more_than_it_counts(num_games):
    agent, _, _ = make_agent_of(2, ["." * 9] * 2, ["...o", "......r..o"])
    games = [game for step in agent.test_games(num_games) for game in step.games]
    assert len(games) == num_games


def test_an_actor_whose_episode_is_about_to_start_keeps_no_other_from_acting():
    scripts = ["..." + "l" + "." * 90, "." * 90, "." * 90]
    agent, memory, _ = make_agent_of(3, scripts, scripts, spreads=True)
    steps = list(agent.explore(20, exploration_rate=0))
    # After its second action, the first one has two no-ops to take.
    assert [len(step.actions) for step in steps] == [3, 3, 2, 2, 3, 3, 3, 1]
    assert [stream.added for stream in memory.streams] == [6, 7, 7]


def test_a_step_waits_until_an_actor_is_ready():
    scripts = ["..." + "l" + "." * 90] * 2
    agent, memory, _ = make_agent_of(2, scripts, scripts, spreads=True)
    steps = list(agent.explore(9, exploration_rate=0))
    assert [len(step.actions) for step in steps] == [2, 2, 2, 2, 1]
    assert [stream.added for stream in memory.streams] == [5, 4]


def learn_meanwhile(scripts, **settings):
    return make_agent_of(
        2, scripts, scripts, train_frequency=2, learns_meanwhile=True, target_steps=4, **settings
    )


def test_updates_that_are_due_are_made_after_the_next_actions_are_chosen():
    agent, _, tape = learn_meanwhile(["." * 90] * 2)
    list(agent.explore(8, exploration_rate=0))
    tape.clear()
    steps = list(agent.train(8))
    kinds = [entry if isinstance(entry, str) else entry[0] for entry in tape]
    assert kinds == [
        *("predict", "predict", "target", "train"),
        *("predict", "train"),
        *("predict", "target", "train", "train"),  # at the end nothing stays due
    ]
    assert [step.costs for step in steps] == [[], [0.5], [0.5], [0.5, 0.5]]


def test_a_checkpoint_keeps_what_is_due():
    scripts = ["." * 90] * 2
    whole, parts = learn_meanwhile(scripts), learn_meanwhile(scripts)
    for agent, _, tape in (whole, parts):
        list(agent.explore(8, exploration_rate=0))
        tape.clear()
    list(whole[0].train(8))
    phase = parts[0].train(8)
    next(phase)
    next(phase)
    state = parts[0].get_state()
    assert state["due"] == [2, 4]
    parts[0].set_state({**state, "due": [0, 0]})
    parts[0].set_state(state)
    list(parts[0].train(8, done=4))
    assert parts[2] == whole[2]
    with pytest.raises(ValueError, match="more steps are due"):
        parts[0].set_state({**state, "due": [2, 5]})


def test_epsilon_follows_the_total_of_training_steps():
    agent, _ = make_agent(
        "." * 60, exploration=LinearDecay(1, 0.5, 10), total_train_steps=4, train_frequency=99
    )
    rates = [step.exploration_rate for step in agent.train(3)]
    assert rates == pytest.approx([0.8, 0.75, 0.7])


def test_epsilon_greedy_explores_in_epsilon_of_the_steps():
    policy = EpsilonGreedy(TapeNetwork([]), 3, np.random.default_rng(0))
    states = np.zeros((1000, 2, 2, 2), np.uint8)
    actions = np.array([policy(states, 0.3) for _ in range(4)])
    # the greedy action is 2; a third of the random ones are, too
    assert (actions != 2).mean() == pytest.approx(0.2, abs=0.02)
    assert (actions == 0).mean() == pytest.approx(0.1, abs=0.015)


# One filter sees one cell of the screen. The default network takes ten times as long.
SMALL = {"convolutions": (Convolution(16, 6, 6, 6),), "dense_units": (64,), "learning_rate": 0.001}


@pytest.mark.parametrize(
    "settings", [SMALL, pytest.param({"learning_rate": 0.0005}, marks=pytest.mark.slow)]
)
def test_it_learns_to_catch(settings):
    shape = (2, 54, 36)
    generators = [np.random.default_rng(seed) for seed in range(4)]
    network = make_network(
        num_actions=3,
        history_length=2,
        screen_height=54,
        screen_width=36,
        generator=generators[0],
        **settings,
    )
    returns = OneStepReturns(discount_rate=0.9)
    memory = make_memory(5000, shape, batch_size=32, generator=generators[1], returns=returns)
    actors = [
        LocalActors([Actor(Catch(seed), state_shape=shape, random_starts=0, generator=generator)])
        for seed, generator in enumerate(generators[2:])
    ]
    policies = [EpsilonGreedy(network, 3, generator) for generator in generators[2:]]
    agent = Agent(
        *actors,
        *policies,
        memory,
        Learner(network, memory),
        exploration=LinearDecay(1, 0.1, 2000),
        exploration_rate_test=0,
        periods=Periods(train_frequency=2, target_steps=200),
    )

    def mean_score():
        games = [game for step in agent.test_games(60) for game in step.games]
        return np.mean([game.score for game in games])

    before = mean_score()
    list(agent.explore(300, exploration_rate=1))
    list(agent.train(2500))
    assert before < 0.3
    assert mean_score() > 0.8

"""Which phases are run, in which order, and what a stop in any of them leaves."""

import csv
import errno
import logging
import math
import re
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest

import dqn.agent
from dqn.actors.actor import Actor
from dqn.actors.group import ActorLost
from dqn.actors.local import LocalActors
from dqn.agent import Agent, Periods
from dqn.checkpoints.checkpointer import Checkpointer
from dqn.checkpoints.folder import CheckpointFolder
from dqn.errors import UserError
from dqn.experiment import Experiment, Phases
from dqn.exploration import EpsilonGreedy, LinearDecay
from dqn.learner import Learner
from dqn.machine.interruption import Stopped
from dqn.networks.deepqnetwork import Update
from dqn.origin import last_saved_epoch
from dqn.replay.memory import ReplayMemory
from dqn.replay.storage import Observations
from dqn.results.statistics import Statistics
from helpers.toy_games import ScriptedGame

TIMES = ("total_time", "epoch_time", "steps_per_second", "seconds")
PHASES = Phases(random_steps=5, train_steps=6, test_steps=4, epochs=2)
STEPS = 5 + 2 * (6 + 4)


class Killed(BaseException):
    """The end of a process, wherever it is."""


class Network:
    """A network of one number, that of its updates; it prefers one action after the other."""

    def __init__(self):
        self.train_iterations = 0
        self.cost = 0.5
        self.scale = 1.0

    def predict(self, states):
        return np.tile(np.roll([0, 0, self.scale], self.train_iterations), (len(states), 1))

    predict_learned = predict

    def train(self, minibatch):
        self.train_iterations += 1
        return Update([self.cost], None)

    def late_costs(self):
        return []

    def update_target_network(self):
        pass

    def acting_copy(self, in_use):
        pass

    def get_state(self):
        return {"train_iterations": self.train_iterations}

    def set_state(self, state):
        self.train_iterations = state["train_iterations"]


class LosableActors(LocalActors):
    """Actors whose process may be lost."""

    is_lost = False

    def check(self):
        if self.is_lost:
            raise ActorLost("a process of actors ended")


class TapeSaver:
    """Writes down what it is asked to do; it cannot save those of `failing` epochs."""

    last_good = None

    def __init__(self, tape, failing=()):
        self.failed_epoch = None
        self._tape = tape
        self._failing = failing

    def save(self, epoch, train_steps):
        self._tape.append(f"save {epoch}")
        self.failed_epoch = epoch if epoch in self._failing else None

    def save_within(self, epoch, step, train_steps):
        assert step == train_steps - (epoch - 1) * PHASES.train_steps
        self._tape.append(f"save {epoch}.{step}")

    def on_test(self, epoch, mean_score):
        self._tape.append(f"test {epoch} noted")

    def prune(self):
        self._tape.append("prune")

    def close(self):
        self._tape.append("saver closed")

    def get_state(self):
        return {"failed_epoch": self.failed_epoch}

    def set_state(self, state):
        self.failed_epoch = state["failed_epoch"]


class TapeStatistics(Statistics):
    """Writes down which phases begin and end."""

    tape = None

    def start_phase(self, epoch, phase):
        super().start_phase(epoch, phase)
        if self.tape is not None:
            self.tape.append(f"{phase} {epoch}")

    def end_phase(self):
        self.tape.append(f"{self.num_steps} steps")
        return super().end_phase()


class TapeCheckpointer(Checkpointer):
    """Writes down when it makes a checkpoint, which it cannot while `is_full`."""

    tape = None
    is_full = False

    def save(self):
        self.tape.append("checkpoint")
        return not self.is_full and super().save()


class Run:
    """An experiment with toy games whose files are in `folder`; without one, it has no files.

    After `stop_after` steps of this process a signal comes, after `kill_after` its end.
    """

    def __init__(
        self,
        folder=None,
        *,
        stop_after=None,
        kill_after=None,
        failing=(),
        every_steps=0,
        **settings,
    ):
        self.tape = []
        self.stop_after = stop_after
        self.kill_after = kill_after
        self.steps = []
        self.on_first_step = lambda: None
        self.generators = {
            name: np.random.default_rng(seed)
            for seed, name in enumerate(("train", "test", "memory"))
        }
        self.network = Network()
        self.memory = ReplayMemory(
            Observations(30, shape=(2, 2)),
            history_length=2,
            batch_size=2,
            generator=self.generators["memory"],
        )
        learner = Learner(self.network, self.memory)
        scripts = {
            "train": (".......r..l......o", "..........o"),
            "test": ("..r..o", "...c", "rr...o"),
        }
        self.actors = {
            name: LosableActors(
                [
                    Actor(
                        ScriptedGame(*scripts[name]),
                        state_shape=(2, 2, 2),
                        random_starts=3,
                        generator=self.generators[name],
                    )
                ]
            )
            for name in scripts
        }
        self.agent = Agent(
            *self.actors.values(),
            *(EpsilonGreedy(self.network, 3, self.generators[name]) for name in scripts),
            self.memory,
            learner,
            exploration=LinearDecay(1, 0.1, 10),
            exploration_rate_test=0.3,
            periods=Periods(train_frequency=2, target_steps=4),
        )
        self.saver = TapeSaver(self.tape, failing)
        self.csv_file = folder and folder / "run.csv"
        self.statistics = TapeStatistics(self.agent, self.network, self.memory, self.csv_file)
        self.statistics.tape = self.tape
        names = {field.name for field in fields(Phases)} & settings.keys()
        phases = replace(PHASES, **{name: settings.pop(name) for name in names})
        settings = {"listeners": [self.on_step], **settings}
        self.experiment = Experiment(self.agent, self.statistics, self.saver, phases, **settings)
        self.interruption = SimpleNamespace(status=None)
        self.folder = self.checkpointer = None
        if folder:
            self.folder = CheckpointFolder(folder / "run.checkpoint")
            parts = {
                "learner": learner,
                "network": self.network,
                **{f"{name}_actors": actors for name, actors in self.actors.items()},
                "agent": self.agent,
                "saver": self.saver,
                "statistics": self.statistics,
                "experiment": self.experiment,
            }
            self.checkpointer = TapeCheckpointer(
                *(self.folder, self.memory, parts, self.generators),
                values={},
                every_steps=every_steps,
            )
            self.checkpointer.tape = self.tape

    def on_step(self, step):
        self.steps.append((self.statistics.phase, step.exploration_rate))
        if len(self.steps) == 1:
            self.on_first_step()
        if len(self.steps) == self.stop_after:
            self.interruption.status = 143
        if len(self.steps) == self.kill_after:
            raise Killed

    def run(self):
        """Begin, or go on with a checkpoint; returns the scores."""
        try:
            checkpoint = self.folder and self.folder.load()
            if checkpoint:
                self.checkpointer.restore(checkpoint)
            self.statistics.open_files()
            if self.checkpointer and not checkpoint:
                self.checkpointer.begin()
            self.tape.clear()
            return self.experiment.run(self.interruption, self.checkpointer)
        finally:
            self.statistics.close()
            if self.folder:
                self.folder.close()

    def stop(self, error=Stopped):
        """Run until it is stopped; returns what was raised."""
        with pytest.raises(error) as caught:
            self.run()
        return caught.value

    def results(self):
        """All that must not depend on stops."""
        stream = self.memory.streams[0]
        return {
            "rows": [row for name in ("run.csv", "run.games.csv") for row in self.rows(name)],
            "updates": self.network.train_iterations,
            "train steps": self.agent.total_train_steps,
            "memory": stream.read(stream.added - len(stream), stream.added).tobytes(),
            "chance": {name: g.bit_generator.state for name, g in self.generators.items()},
        }

    def rows(self, name):
        with open(self.csv_file.with_name(name), newline="") as file:
            return [
                {column: value for column, value in row.items() if column not in TIMES}
                for row in csv.DictReader(file)
            ]


def phases(tape):
    """Only the phases that were begun."""
    return [event for event in tape if re.fullmatch(r"(random|train|test|play) \d", event)]


def without_checkpoints(tape):
    return [event for event in tape if event != "checkpoint"]


# The order of the phases


def test_the_order_of_all_that_happens(tmp_path):
    run = Run(tmp_path)
    scores = run.run()
    assert run.tape == [
        *("random 0", "5 steps"),
        *("train 1", "6 steps", "save 1", "test 1", "4 steps", "test 1 noted"),
        *("checkpoint", "prune"),
        *("train 2", "6 steps", "save 2", "test 2", "4 steps", "test 2 noted"),
        *("checkpoint", "prune", "saver closed"),
    ]
    rows = run.rows("run.csv")
    assert [(row["epoch"], row["phase"], row["steps"]) for row in rows] == [
        ("0", "random", "5"),
        *(("1", "train", "6"), ("1", "test", "4"), ("2", "train", "6"), ("2", "test", "4")),
    ]
    assert [s.mean for s in scores] == [
        float(row["average_reward"]) for row in rows if row["phase"] == "test"
    ]


def test_listeners_hear_of_each_step_and_its_exploration_rate():
    run = Run(random_exploration_rate=0.7)
    run.run()
    training = [1 - 0.09 * step for step in range(12)]
    expected = [
        *[("random", 0.7)] * 5,
        *(("train", rate) for rate in training[:6]),
        *[("test", 0.3)] * 4,
        *(("train", max(rate, 0.1)) for rate in training[6:]),
        *[("test", 0.3)] * 4,
    ]
    assert [phase for phase, _ in run.steps] == [phase for phase, _ in expected]
    assert [rate for _, rate in run.steps] == pytest.approx([rate for _, rate in expected])


TRAINED = ["train 1", "train 2"]
TESTED = ["test 1", "test 2"]
BOTH = ["train 1", "test 1", "train 2", "test 2"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["random 0", *BOTH]),
        ({"random_steps": 0}, BOTH),
        ({"test_steps": 0}, ["random 0", *TRAINED]),
        ({"test_games": 0}, ["random 0", *TRAINED]),
        ({"test_steps": 0, "test_games": 3}, ["random 0", *BOTH]),
        ({"random_steps": 0, "train_steps": 0}, TESTED),
        ({"random_steps": 0, "train_steps": 0, "tested_epoch": 7, "epochs": 1}, ["test 7"]),
        ({"tested_epoch": 7}, ["random 0", *BOTH]),
        ({"start_epoch": 1}, ["random 1", "train 2", "test 2"]),
        ({"start_epoch": 2}, ["random 2"]),
        ({"epochs": 0}, ["random 0"]),
        ({"play_games": 2}, ["random 0", *BOTH, "play 0"]),
        ({"random_steps": 0, "epochs": 0, "play_games": 1}, ["play 0"]),
    ],
)
def test_a_phase_of_no_steps_is_left_out(settings, expected):
    run = Run(**settings)
    run.run()
    assert phases(run.tape) == expected
    assert {phase for phase, _ in run.steps} == {event.split()[0] for event in expected}


def test_without_tests_an_epoch_ends_with_its_training(tmp_path):
    run = Run(tmp_path, test_steps=0, epochs=1)
    assert run.run() == []
    assert run.tape[-5:] == ["6 steps", "save 1", "checkpoint", "prune", "saver closed"]


def test_a_test_of_games_ends_with_the_last_of_them(tmp_path):
    run = Run(tmp_path, test_games=3, test_steps=1, epochs=1)
    [scores] = run.run()
    assert scores.games == 3
    assert len([row for row in run.rows("run.games.csv") if row["phase"] == "test"]) == 3


def test_without_a_saver_and_a_checkpointer_it_runs_all_the_same():
    run = Run()
    run.experiment = Experiment(run.agent, run.statistics, None, PHASES)
    assert len(run.run()) == 2
    assert phases(run.tape) == ["random 0", *BOTH]


# Playing


def test_playing_ends_after_its_games():
    run = Run(random_steps=0, epochs=0, play_games=3)
    [scores] = run.run()
    assert scores.games == 3


def test_playing_without_end_ends_when_somebody_quits():
    run = Run(random_steps=0, epochs=0, play_games=math.inf, has_quit=lambda: len(run.steps) == 17)
    [scores] = run.run()
    assert len(run.steps) == 17
    assert scores.games > 0


def test_who_only_plays_needs_nothing_that_learns(tmp_path):
    run = Run()
    tester = dqn.agent.Tester(run.actors["test"], lambda states, rate: [1] * len(states), 0.05)
    statistics = Statistics(tester, None, None, tmp_path / "play.csv")
    statistics.open_files()
    phases = Phases(random_steps=0, train_steps=0, test_steps=0, epochs=0, play_games=2)
    [scores] = Experiment(tester, statistics, None, phases).run(run.interruption, None)
    statistics.close()
    assert scores.games == 2
    [row] = csv.DictReader((tmp_path / "play.csv").open())
    assert (row["phase"], row["nr_games"], row["weight_updates"]) == ("play", "2", "0")


def test_only_playing_asks_whether_somebody_has_quit():
    run = Run(play_games=2, has_quit=lambda: True)
    run.run()
    assert [phase for phase, _ in run.steps].count("play") == 1
    assert len(run.steps) == STEPS + 1


# A stop


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The results of a run that was not stopped, and its tape."""
    run = Run(tmp_path_factory.mktemp("undisturbed"))
    run.run()
    return run.results(), run.tape


def test_a_run_stopped_at_any_step_goes_on_as_if_it_had_not_been(tmp_path, undisturbed):
    expected, tape = undisturbed
    for stop_after in range(1, STEPS + 1):
        folder = tmp_path / str(stop_after)
        first = Run(folder, stop_after=stop_after)
        assert first.stop().status == 143
        assert len(first.steps) == stop_after
        assert first.tape[-1] == "checkpoint"
        second = Run(folder)
        second.run()
        assert len(second.steps) == STEPS - stop_after
        assert second.results() == expected
        # Every phase is begun and ended once, and what follows it is done once.
        assert without_checkpoints(first.tape + second.tape) == without_checkpoints(tape)


WITHIN = ["save 1.2", "save 1.4", "save 1", "save 2.2", "save 2.4", "save 2"]


def saves(tape):
    return [event for event in tape if event.startswith("save ")]


@pytest.mark.parametrize(
    ("snapshot_steps", "expected"),
    [
        (1, [*(f"save 1.{step}" for step in range(1, 6)), "save 1"]),
        (2, ["save 1.2", "save 1.4", "save 1"]),
        (4, ["save 1.4", "save 1"]),
        (6, ["save 1"]),
        (7, ["save 1"]),
    ],
)
def test_snapshots_within_an_epoch(snapshot_steps, expected):
    run = Run(snapshot_steps=snapshot_steps, epochs=1)
    run.run()
    assert saves(run.tape) == expected


def test_without_a_saver_nothing_is_saved_within_an_epoch():
    run = Run()
    phases_ = replace(PHASES, snapshot_steps=2)
    run.experiment = Experiment(run.agent, run.statistics, None, phases_)
    assert len(run.run()) == 2


def test_a_run_stopped_at_any_step_saves_each_snapshot_within_an_epoch_once(tmp_path, undisturbed):
    for stop_after in range(1, STEPS + 1):
        first = Run(tmp_path / str(stop_after), stop_after=stop_after, snapshot_steps=2)
        first.stop()
        second = Run(tmp_path / str(stop_after), snapshot_steps=2)
        second.run()
        assert saves(first.tape + second.tape) == WITHIN
        assert second.results() == undisturbed[0]


def test_a_run_killed_at_any_step_loses_no_snapshot_within_an_epoch(tmp_path, undisturbed):
    for kill_after in range(1, STEPS + 1):
        settings = {"every_steps": 7, "snapshot_steps": 2}
        first = Run(tmp_path / str(kill_after), kill_after=kill_after, **settings)
        first.stop(Killed)
        second = Run(tmp_path / str(kill_after), **settings)
        second.run()
        # Those since the checkpoint are saved again, with the same bytes.
        assert list(dict.fromkeys(saves(first.tape + second.tape))) == WITHIN
        assert second.results() == undisturbed[0]


def test_a_network_that_diverges_is_not_saved_within_an_epoch():
    run = Run(snapshot_steps=2)
    run.network.scale = math.inf
    assert str(run.stop(UserError)).startswith("the Q-values diverged to infinity or NaN by step 2")
    assert saves(run.tape) == []


def test_a_run_killed_at_any_step_goes_on_from_the_checkpoint_before(tmp_path, undisturbed):
    expected, _ = undisturbed
    for kill_after in range(1, STEPS + 1):
        folder = tmp_path / str(kill_after)
        first = Run(folder, kill_after=kill_after, every_steps=7)
        first.stop(Killed)
        assert len(first.steps) == kill_after
        second = Run(folder)
        second.run()
        assert STEPS - kill_after <= len(second.steps) <= STEPS - kill_after + 7
        assert second.results() == expected


def test_a_run_stopped_at_every_step_comes_to_the_same_end(tmp_path, undisturbed):
    expected, _ = undisturbed
    for _ in range(STEPS):
        Run(tmp_path, stop_after=1).stop()
    run = Run(tmp_path)
    run.run()
    assert not run.steps
    assert run.results() == expected


@pytest.mark.parametrize(
    ("stop_after", "where", "snapshot"),
    [
        (1, (0, "random"), 0),
        (5, (0, "random"), 0),
        (6, (1, "train"), 0),
        (11, (1, "train"), 0),
        (12, (1, "test"), 1),
        (15, (1, "test"), 1),
        (16, (2, "train"), 1),
        (25, (2, "test"), 2),
    ],
)
def test_a_checkpoint_tells_the_phase_and_the_last_snapshot(tmp_path, stop_after, where, snapshot):
    Run(tmp_path, stop_after=stop_after).stop()
    folder = CheckpointFolder(tmp_path / "run.checkpoint")
    state = folder.load()["parts"]["experiment"]
    folder.close()
    assert (state["epoch"], state["phase"]) == where
    assert state["is_begun"]
    assert last_saved_epoch(state) == (snapshot if state["phase"] != "random" else 0)


def test_a_run_that_is_done_goes_on_with_more_epochs(tmp_path, undisturbed):
    Run(tmp_path, epochs=1).run()
    run = Run(tmp_path)
    run.run()
    assert phases(run.tape) == ["train 2", "test 2"]
    assert run.results() == undisturbed[0]
    again = Run(tmp_path)
    assert again.run() == []
    assert again.tape == ["saver closed"]


@pytest.mark.parametrize(
    ("stop_after", "changes", "expected"),
    [
        (3, {"random_steps": 0}, BOTH),
        (13, {"test_steps": 0}, ["train 2"]),
        (8, {"train_steps": 3}, ["test 1", "train 2", "test 2"]),
        (3, {"random_steps": 9}, BOTH),
        (13, {"epochs": 1}, []),
    ],
)
def test_a_phase_that_was_under_way_may_be_left_out_or_last_longer_now(
    tmp_path, stop_after, changes, expected
):
    Run(tmp_path, stop_after=stop_after).stop()
    run = Run(tmp_path, **changes)
    run.run()
    assert phases(run.tape) == expected


def test_without_checkpoints_a_stop_ends_the_run_at_once():
    run = Run(stop_after=8)
    assert run.stop().status == 143
    assert run.tape == ["random 0", "5 steps", "train 1"]


def test_the_checkpoint_is_made_although_it_was_the_time_that_was_up(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    run = Run(tmp_path)
    run.interruption.status = 75
    assert run.stop().status == 75
    assert len(run.steps) == 1
    assert "The same command resumes from it" in caplog.text


def test_a_stop_whose_checkpoint_fails_says_that_it_failed(tmp_path, monkeypatch, caplog):
    def full(state):
        raise OSError(errno.ENOSPC, "No space left on device")

    caplog.set_level(logging.INFO)
    run = Run(tmp_path, stop_after=1)
    run.on_first_step = lambda: monkeypatch.setattr(run.folder, "save", full)
    assert "No space left" in str(run.stop(UserError))
    assert "goes on from it" not in caplog.text


# What fails


def test_old_snapshots_stay_while_no_checkpoint_can_be_made(tmp_path):
    run = Run(tmp_path)
    run.on_first_step = lambda: setattr(run.checkpointer, "is_full", True)
    run.run()
    assert run.tape.count("checkpoint") == 2
    assert "prune" not in run.tape


@pytest.mark.parametrize("stop_after", [12, 15])
def test_a_snapshot_that_failed_is_saved_again_while_the_network_is_still_the_same(
    tmp_path, stop_after
):
    Run(tmp_path, stop_after=stop_after, failing={1}).stop()
    run = Run(tmp_path)
    run.run()
    assert run.tape[0] == "save 1"
    assert run.tape.count("save 1") == 1


def test_a_snapshot_that_failed_is_given_up_once_the_next_epoch_trains(tmp_path):
    Run(tmp_path, stop_after=16, failing={1}).stop()
    run = Run(tmp_path)
    run.run()
    assert "save 1" not in run.tape
    assert "save 2" in run.tape


@pytest.mark.parametrize("last_good", [None, "snapshots/game_1.pkl"])
@pytest.mark.parametrize(
    ("failure", "what"),
    [
        ({"cost": math.nan}, "the loss became nan at step 1:"),
        ({"cost": math.inf}, "the loss became inf at step 1:"),
        ({"scale": math.inf}, "the Q-values diverged to infinity or NaN by step 6:"),
    ],
)
def test_a_network_that_diverges_ends_the_run_and_saves_nothing(failure, what, last_good):
    run = Run()
    run.saver.last_good = last_good
    vars(run.network).update(failure)
    message = str(run.stop(UserError))
    assert message.startswith(f"{what} lower --learning_rate; ")
    assert (last_good or "there is no good snapshot") in message
    assert not [event for event in run.tape if event.startswith("save")]


def test_a_network_that_diverges_leaves_the_checkpoint_before(tmp_path):
    Run(tmp_path, stop_after=7).stop()
    run = Run(tmp_path)
    run.network.cost = math.nan
    run.stop(UserError)
    assert "checkpoint" not in run.tape
    again = Run(tmp_path)
    again.run()
    assert len(again.steps) == STEPS - 7


def test_after_a_loss_of_actors_the_run_goes_on_from_the_step_of_the_loss(tmp_path):
    run = Run(tmp_path)
    run.on_first_step = lambda: vars(run.actors["train"]).update(is_lost=True)
    run.stop(ActorLost)
    assert run.tape[-1] == "checkpoint"
    again = Run(tmp_path)
    again.run()
    assert len(again.steps) == STEPS - 1


def test_a_stop_that_took_an_actor_along_ends_as_a_loss(tmp_path):
    run = Run(tmp_path, stop_after=3)
    run.actors["test"].is_lost = True
    run.stop(ActorLost)
    assert run.tape[-1] == "checkpoint"


@pytest.mark.parametrize(
    ("part", "method"), [("saver", "close"), ("checkpointer", "close"), ("statistics", "finish")]
)
def test_what_could_not_be_saved_at_last_is_an_error(tmp_path, part, method):
    def fail():
        raise UserError(f"the {part} failed")

    run = Run(tmp_path)
    run.on_first_step = lambda: setattr(getattr(run, part), method, fail)
    assert str(run.stop(UserError)) == f"the {part} failed"

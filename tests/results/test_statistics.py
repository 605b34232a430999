"""The two CSV files, and the summary of a phase."""

import csv
import logging
import math

import numpy as np
import pytest

from dqn.actors.events import FinishedGame, Step
from dqn.replay.minibatch import Minibatch
from dqn.results.statistics import Scores, Statistics

ORIGINAL_COLUMNS = (
    "epoch,phase,steps,nr_games,average_reward,min_game_reward,max_game_reward,"
    "last_exploration_rate,total_train_steps,replay_memory_count,meanq,meancost,weight_updates,"
    "total_time,epoch_time,steps_per_second"
).split(",")


class FakeAgent:
    total_train_steps = 123


class FakeNetwork:
    train_iterations = 7

    def predict(self, states):
        return states[:, 0, 0, :2].astype(float)


class FakeMemory:
    can_sample = True
    samples = 0

    def __len__(self):
        return 55

    def sample(self):
        self.samples += 1
        states = np.array([[1, 2], [6, 3]], np.uint8).reshape(2, 1, 1, 2)
        return Minibatch(states * self.samples, None, None, None, None)


def step(reward=0, games=(), costs=(), exploration_rate=0.5):
    return Step([0], exploration_rate, list(games), list(costs))


def make_statistics(path, memory=None):
    statistics = Statistics(FakeAgent(), FakeNetwork(), memory or FakeMemory(), path)
    statistics.open_files()
    return statistics


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_phase_is_a_row_with_the_originals_sixteen_columns(tmp_path):
    path = tmp_path / "pong.csv"
    statistics = make_statistics(path)
    statistics.start_phase(3, "train")
    statistics.on_step(step(costs=[1, 2]))
    statistics.on_step(step(games=[FinishedGame(4, 10, 40), FinishedGame(-1, 20, 80)], costs=[6]))
    statistics.on_step(step(exploration_rate=0.25))
    statistics.end_phase()
    (row,) = read(path)
    assert list(row) == ORIGINAL_COLUMNS
    seconds = {name: float(row.pop(name)) for name in ("total_time", "epoch_time")}
    assert 0 < seconds["epoch_time"] <= seconds["total_time"]
    assert float(row.pop("steps_per_second")) == pytest.approx(3 / seconds["epoch_time"])
    assert row == {
        "epoch": "3",
        "phase": "train",
        "steps": "3",
        "nr_games": "2",
        "average_reward": "1.5",
        "min_game_reward": "-1",
        "max_game_reward": "4",
        "last_exploration_rate": "0.25",
        "total_train_steps": "123",
        "replay_memory_count": "55",
        "meanq": "4.0",
        "meancost": "3.0",
        "weight_updates": "7",
    }


def test_the_mean_cost_is_that_of_its_phase_alone(tmp_path):
    statistics = make_statistics(tmp_path / "a.csv")
    for epoch, costs in enumerate([[1, 3], [10]]):
        statistics.start_phase(epoch, "train")
        statistics.on_step(step(costs=costs))
        statistics.end_phase()
    assert [row["meancost"] for row in read(tmp_path / "a.csv")] == ["2.0", "10.0"]


@pytest.mark.parametrize(("is_training", "means"), [(True, ["0.0", "0"]), (False, ["nan", "nan"])])
def test_what_a_test_without_training_never_measured_is_nan(tmp_path, is_training, means):
    memory = FakeMemory()
    memory.can_sample = False
    path = tmp_path / "a.csv"
    statistics = Statistics(
        FakeAgent(), FakeNetwork(), memory, path, num_actors=1, is_training=is_training
    )
    statistics.open_files()
    statistics.on_step(step())
    statistics.end_phase()
    (row,) = read(path)
    assert [row["meanq"], row["meancost"]] == means


def test_a_phase_without_a_finished_game_has_no_games_and_nan_scores(tmp_path):
    statistics = make_statistics(tmp_path / "a.csv")
    statistics.on_step(step(reward=9))
    scores = statistics.end_phase()
    (row,) = read(tmp_path / "a.csv")
    assert row["nr_games"] == "0"
    assert row["average_reward"] == row["min_game_reward"] == row["max_game_reward"] == "nan"
    assert scores.games == 0
    assert math.isnan(scores.mean)


def test_each_finished_game_is_a_row_as_soon_as_it_ends(tmp_path):
    statistics = make_statistics(tmp_path / "pong.csv")
    statistics.start_phase(2, "test")
    statistics.on_step(step(games=[FinishedGame(21, 900, 3600)]))
    (row,) = read(tmp_path / "pong.games.csv")
    assert float(row.pop("seconds")) >= 0
    expected = {"epoch": "2", "phase": "test", "score": "21", "steps": "900", "frames": "3600"}
    assert row == expected


def test_the_time_of_a_test_is_not_counted_in_the_training_game_that_waits(tmp_path, monkeypatch):
    now = 0.0
    monkeypatch.setattr("dqn.results.statistics.time.perf_counter", lambda: now)
    statistics = make_statistics(tmp_path / "a.csv")
    now = 1.0
    statistics.start_phase(1, "train")
    now = 3.0
    statistics.end_phase()
    statistics.start_phase(1, "test")
    now = 100.0
    statistics.on_step(step(games=[FinishedGame(1, 2, 3)]))
    statistics.end_phase()
    statistics.start_phase(2, "train")
    now = 104.0
    statistics.on_step(step(games=[FinishedGame(1, 2, 3)]))
    assert [row["seconds"] for row in read(tmp_path / "a.games.csv")] == ["97.000", "6.000"]


def test_mean_q_is_always_of_the_same_states(tmp_path):
    memory = FakeMemory()
    statistics = make_statistics(tmp_path / "a.csv", memory)
    for epoch in range(3):
        statistics.start_phase(epoch, "test")
        statistics.on_step(step())
        statistics.end_phase()
    assert memory.samples == 1
    assert [row["meanq"] for row in read(tmp_path / "a.csv")] == ["4.0"] * 3


def test_an_older_csv_is_moved_aside(tmp_path):
    for _ in range(3):
        statistics = make_statistics(tmp_path / "pong.csv")
        statistics.on_step(step(games=[FinishedGame(1, 2, 8)]))
        statistics.end_phase()
        statistics.close()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        *("pong.csv", "pong.csv.1", "pong.csv.2"),
        *("pong.games.csv", "pong.games.csv.1", "pong.games.csv.2"),
    }


def test_the_originals_summary_lines_are_logged(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    statistics = make_statistics(None)
    statistics.on_step(step(games=[FinishedGame(4, 10, 40)]))
    statistics.end_phase()
    assert (
        "  num_games: 1, average_reward: 4.000000, min_game_reward: 4, max_game_reward: 4"
        in caplog.messages
    )
    assert any(m.startswith("  last_exploration_rate: 0.500000, epoch_") for m in caplog.messages)


def test_the_mean_q_value_and_the_mean_cost_are_logged_where_they_were_measured(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    memory = FakeMemory()
    memory.can_sample = False
    statistics = make_statistics(tmp_path / "pong.csv", memory)
    statistics.on_step(step())
    statistics.end_phase()
    assert "meanq" not in caplog.text
    memory.can_sample = True
    statistics.start_phase(1, "train")
    statistics.on_step(step(costs=[1, 2]))
    statistics.end_phase()
    statistics.start_phase(1, "test")
    statistics.on_step(step())
    statistics.end_phase()
    lines = [message for message in caplog.messages if "mean" in message]
    assert lines == ["  meanq: 4.000000, meancost: 1.500000", "  meanq: 4.000000"]


def test_without_a_csv_file_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    statistics = make_statistics(None)
    statistics.on_step(step(games=[FinishedGame(4, 10, 40)]))
    statistics.end_phase()
    assert not list(tmp_path.iterdir())


def test_scores_name_their_spread():
    assert Scores.of([1, 3, 5]) == Scores(3, 3, np.sqrt(8 / 3), 1, 5)

"""The time that a run will take, by the speed of its phases."""

import pytest

from dqn.actors.events import FinishedGame, Step
from dqn.results import forecast
from dqn.results.forecast import Forecast


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 0.0

    monkeypatch.setattr(forecast.time, "perf_counter", lambda: Clock.now)
    return Clock


def step(num_actors=1, num_games=0):
    return Step([0] * num_actors, 0.1, [FinishedGame(1, 1, 4)] * num_games, [])


def test_what_is_left_takes_as_long_as_what_was_done(clock):
    seen = Forecast()
    seen.begin("train", "step")
    for _ in range(10):
        clock.now += 2
        seen.on_step(step(num_actors=4))
    clock.now += 1000  # a snapshot is saved, say
    seen.begin("test", "game")
    for _ in range(5):
        clock.now += 3
        seen.on_step(step(num_games=1))
    assert seen.seconds_of("train") == 20
    assert seen.seconds_left({"train": 400}) == 200
    assert seen.seconds_left({"train": 400, "test": 100}) == 200 + 300
    assert seen.seconds_left({"train": 0, "test": 0}) == 0


def test_what_was_not_measured_is_not_known(clock):
    seen = Forecast()
    seen.begin("test", "game")
    clock.now += 5
    seen.on_step(step(num_games=0))  # no game has ended
    assert seen.seconds_left({"test": 1}) is None
    assert seen.seconds_left({"train": 1}) is None
    assert seen.seconds_left({"train": 0, "test": 0}) == 0

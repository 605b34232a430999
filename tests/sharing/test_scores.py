"""Scores that a test left, which may come from anywhere."""

import json

import pytest

from dqn.actors.events import FinishedGame, Step
from dqn.errors import UserError
from dqn.results.episodes import EpisodeStatistics
from dqn.sharing.scores import read_evaluation

FACTS = {
    "game": "pong",
    "snapshot": "pong_77.pkl",
    "epoch": "77",
    "seed": "1",
    "exploration_rate": 0.05,
    "is_deterministic": False,
}


@pytest.fixture
def written(tmp_path):
    """What a test with two games writes."""
    with EpisodeStatistics(tmp_path, FACTS) as statistics:
        for score in (3.0, -1.0):
            statistics.on_step(step([FinishedGame(score, 10, 40)]))
    return tmp_path


def step(games):
    return Step([0], 0.05, games, [])


def test_what_a_test_writes_is_read(written):
    found = read_evaluation(written)
    assert (found.game, found.snapshot, found.seed) == ("pong", "pong_77.pkl", 1)
    assert (found.scores, found.steps, found.frames) == ([3.0, -1.0], [10, 10], [40, 40])
    assert str(found) == "1.00 +/- 2.00"


@pytest.mark.parametrize(
    "change",
    [
        {"seed": "x"},
        {"seed": 1},
        {"exploration_rate": 2},
        {"episode_rewards": ["3", "-1"]},
        {"episode_rewards": [3.0]},
        {"episode_rewards": [3.0, float("nan")]},
        {"episode_lengths": [10, -1]},
        {"game": None},
    ],
)
def test_what_is_none_takes_one_line(written, change):
    path = written / "episodes.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=r"is not what \./test_gym\.sh writes"):
        read_evaluation(written)


def test_a_folder_without_scores_takes_one_line(written, tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*nothing"):
        read_evaluation(tmp_path / "nothing")
    path = written / "episodes.json"
    path.write_text("{")
    with pytest.raises(UserError, match="is not what"):
        read_evaluation(written)
    none = {"episode_rewards": [], "episode_lengths": [], "episode_frames": []}
    path.write_text(json.dumps(FACTS | none | {"eval_datetime": "2026"}))
    with pytest.raises(UserError, match="has no whole game"):
        read_evaluation(written)

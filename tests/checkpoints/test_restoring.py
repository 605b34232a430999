"""What the log says of a checkpoint that a run goes on with."""

import pytest

from dqn.checkpoints.checkpointer import what_is_missing


def missing(game="pong", *, is_restored_exactly=True, train_actors=({},), test_actors=({},)):
    actors = {"train_actors": list(train_actors), "test_actors": list(test_actors)}
    state = {"game": game, "parts": actors}
    return what_is_missing(state, is_restored_exactly=is_restored_exactly)


def test_nothing_is_missing_where_all_was_kept():
    assert missing() == "nothing is missing"


def test_a_game_that_is_restored_otherwise_is_named():
    assert missing("qbert", is_restored_exactly=False) == "ALE does not restore qbert exactly"


def test_lost_games_are_counted():
    said = missing(train_actors=[{}, None, None], test_actors=[{}, None, {}])
    assert said == "3 games lost with their process: new ones begin"


def test_all_that_is_missing_is_said():
    said = missing("qbert", is_restored_exactly=False, train_actors=[None, None])
    assert said.startswith("ALE does not restore qbert exactly; 2 games lost")


@pytest.mark.parametrize("actors", [None, "", {}])
def test_a_state_that_does_not_fit_is_left_to_what_restores_it(actors):
    strange = {"game": "pong", "parts": {"train_actors": actors}}
    assert what_is_missing(strange, is_restored_exactly=True) == "nothing is missing"

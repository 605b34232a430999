"""What the log says of a checkpoint that a run goes on with."""

import pytest

from dqn.origin import what_is_missing


def state(game="pong", frame_skip=4, train_actors=({},), test_actors=({},)):
    actors = {"train_actors": list(train_actors), "test_actors": list(test_actors)}
    return {"game": game, "options": {"frame_skip": frame_skip}, "parts": actors}


def test_nothing_is_missing_where_all_was_kept():
    assert what_is_missing(state()) == "nothing is missing"


@pytest.mark.parametrize(
    ("game", "frame_skip"), [("qbert", 4), ("tetris", 30), ("video_chess", 2), ("yars_revenge", 1)]
)
def test_a_game_that_ale_restores_otherwise_is_named(game, frame_skip):
    said = what_is_missing(state(game, frame_skip))
    assert said == f"ALE does not restore {game} exactly"


def test_with_more_frames_in_a_step_some_games_are_restored():
    assert what_is_missing(state("video_chess", 3)) == "nothing is missing"


def test_lost_games_are_counted():
    said = what_is_missing(state(train_actors=[{}, None, None], test_actors=[{}, None, {}]))
    assert said == "3 games lost with their process: new ones begin"


def test_all_that_is_missing_is_said():
    said = what_is_missing(state("qbert", train_actors=[None, None]))
    assert said.startswith("ALE does not restore qbert exactly; 2 games lost")


@pytest.mark.parametrize("actors", [None, "", {}])
def test_a_state_that_does_not_fit_is_left_to_what_restores_it(actors):
    strange = state(frame_skip=None)
    strange["parts"] = {"train_actors": actors}
    assert what_is_missing(strange) == "nothing is missing"

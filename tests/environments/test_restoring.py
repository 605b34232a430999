"""Which games a checkpoint restores exactly; test_atari.py tries them all."""

import pytest

from dqn.environments.restoring import restores_exactly


@pytest.mark.parametrize(
    ("game", "frame_skip"), [("qbert", 4), ("tetris", 30), ("video_chess", 2), ("yars_revenge", 1)]
)
def test_a_game_that_ale_restores_otherwise_is_known(game, frame_skip):
    assert not restores_exactly(game, frame_skip)


@pytest.mark.parametrize(("game", "frame_skip"), [("pong", 1), ("video_chess", 3)])
def test_the_others_are_restored_and_some_if_a_step_has_more_frames(game, frame_skip):
    assert restores_exactly(game, frame_skip)

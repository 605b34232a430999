"""Real Atari games: screens, lives, limits, and the same game for the same seed."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from ale_py import ALEInterface

from dqn.environments.ale import AleEnvironment
from dqn.environments.roms import find_rom

NO_ROMS = Path("/nowhere")
DEFAULTS = {
    "frame_skip": 4,
    "repeat_action_probability": 0,
    "minimal_action_set": True,
    "color_averaging": True,
    "screen_width": 84,
    "screen_height": 84,
    "max_game_frames": 108_000,
    "life_loss_is_terminal": True,
    "seed": 0,
}


def make_game(name="breakout", **settings):
    return AleEnvironment(*find_rom(name, NO_ROMS), **{**DEFAULTS, **settings})


def play(game, steps, seed=0):
    """Random steps; returns everything that can be seen of them."""
    generator = np.random.default_rng(seed)
    seen = []
    game.restart()
    for _ in range(steps):
        reward = game.act(int(generator.integers(game.num_actions)))
        ends = game.is_terminal(), game.is_game_over()
        seen.append((reward, *ends, game.get_screen().tobytes()))
        if game.is_game_over():
            game.restart()
    return seen


def test_breakout_has_its_minimal_actions_or_all_eighteen():
    assert make_game().actions == [0, 1, 3, 4]
    assert make_game(minimal_action_set=False).num_actions == 18


def test_a_screen_is_ales_averaged_gray_resized_linearly():
    rom, name = find_rom("pong", NO_ROMS)
    game = make_game("pong", screen_width=52, screen_height=40)
    ale = ALEInterface()
    for key, value in (("frame_skip", 4), ("random_seed", 0)):
        ale.setInt(key, value)
    ale.setFloat("repeat_action_probability", 0)
    ale.setBool("color_averaging", True)
    ale.loadROM(str(rom))
    assert name == "pong"
    game.restart()
    ale.reset_game()
    for action in (0, 3, 4, 3, 3, 1):
        game.act(game.actions.index(action))
        ale.act(ale.getLegalActionSet()[action])
        expected = cv2.resize(ale.getScreenGrayscale(), (52, 40), interpolation=cv2.INTER_LINEAR)
        assert game.get_screen().shape == (40, 52)
        np.testing.assert_array_equal(game.get_screen(), expected)


def test_the_same_seed_and_actions_give_the_same_game_also_with_sticky_actions():
    games = [
        play(make_game("seaquest", repeat_action_probability=0.25, seed=seed), 300)
        for seed in (7, 7, 8)
    ]
    assert games[0] == games[1]
    assert games[0] != games[2]


def test_a_lost_life_is_terminal_in_training_only_and_does_not_restart_the_game():
    train, test = (play(make_game(life_loss_is_terminal=is_), 400) for is_ in (True, False))
    assert [step[0] for step in train] == [step[0] for step in test]
    assert [step[2:] for step in train] == [step[2:] for step in test]
    lives = sum(step[1] for step in train)
    games = sum(step[2] for step in train)
    assert sum(step[1] for step in test) == games > 0
    assert 5 * games <= lives <= 5 * (games + 1)


def test_a_game_that_reaches_the_frame_limit_is_over_without_being_terminal():
    game = make_game("pong", max_game_frames=100)
    game.restart()
    steps = 0
    while not game.is_game_over():
        assert steps < 100
        game.act(0)
        steps += 1
    assert not game.is_terminal()
    assert 100 <= game.frame_number() < 104
    game.restart()
    assert not game.is_game_over()
    assert game.frame_number() == 0


@pytest.mark.parametrize("max_game_frames", [0, 108_000])
def test_no_limit_or_a_far_one_cuts_no_short_game_off(max_game_frames):
    seen = play(make_game(max_game_frames=max_game_frames), 400)
    assert all(terminal for _, terminal, over, _ in seen if over)

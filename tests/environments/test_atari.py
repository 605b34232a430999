"""Real Atari games: screens, lives, limits, and the same game for the same seed."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
from ale_py import ALEInterface
from ale_py.roms import get_all_rom_ids, get_rom_path

from dqn.environments.atari import AleEnvironment
from dqn.environments.observing import AVERAGED_BY_ALE
from dqn.environments.roms import find_rom
from dqn.environments.settings import GameSettings, ObservationSettings

NO_ROMS = Path("/nowhere")
# Some games that ale-py carries are for several players, and unknown to this ALE.
ALL_GAMES = [n for n in get_all_rom_ids() if ALEInterface.isSupportedROM(str(get_rom_path(n)))]


OF_THE_OBSERVATION = {field.name for field in dataclasses.fields(ObservationSettings)}


def make_game(name="breakout", life_loss_is_terminal=True, seed=0, sound=False, **settings):
    observation = {key: settings.pop(key) for key in OF_THE_OBSERVATION & set(settings)}
    return AleEnvironment(
        *find_rom(name, NO_ROMS),
        GameSettings(**settings),
        ObservationSettings(**observation),
        life_loss_is_terminal=life_loss_is_terminal,
        seed=seed,
        sound=sound,
    )


def play(game, steps, seed=0):
    """Random steps; returns everything that can be seen of them."""
    generator = np.random.default_rng(seed)
    seen = []
    game.restart()
    for _ in range(steps):
        reward = game.act(int(generator.integers(game.num_actions)))
        ends = game.is_terminal(), game.is_game_over()
        seen.append((reward, *ends, game.observe().tobytes()))
        if game.is_game_over():
            game.restart()
    return seen


def test_breakout_has_its_minimal_actions_or_all_eighteen():
    assert make_game().actions == [0, 1, 3, 4]
    assert make_game(minimal_action_set=False).num_actions == 18


def start_ale(name, *, frame_skip=1, color_averaging=False, sound=False):
    """ALE itself, with its own loop of frames and its own averaging."""
    ale = ALEInterface()
    ale.setInt("frame_skip", frame_skip)
    ale.setInt("random_seed", 0)
    ale.setFloat("repeat_action_probability", 0)
    ale.setBool("color_averaging", color_averaging)
    ale.setBool("sound_obs", sound)
    ale.loadROM(str(get_rom_path(name)))
    return ale


@pytest.mark.parametrize("color_averaging", [True, False])
@pytest.mark.parametrize("frame_skip", [1, 3, 4])
@pytest.mark.parametrize("name", ["breakout", "pong", "seaquest", "king_kong"])
def test_a_screen_is_ales_gray_resized_linearly(name, frame_skip, color_averaging):
    pooling = "average" if color_averaging else "none"
    game = make_game(name, width=52, height=40, frame_skip=frame_skip, pooling=pooling)
    ale = start_ale(name, frame_skip=frame_skip, color_averaging=color_averaging)
    generator = np.random.default_rng(0)
    for step in range(80):
        if step % 40 == 0:
            game.restart()
            ale.reset_game()
        action = int(generator.integers(game.num_actions))
        assert game.act(action) == ale.act(game.actions[action])
        expected = cv2.resize(ale.getScreenGrayscale(), (52, 40), interpolation=cv2.INTER_LINEAR)
        assert game.observe().shape == (40, 52)
        np.testing.assert_array_equal(game.observe(), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL_GAMES)
def test_every_frame_of_every_game_is_averaged_as_ale_does(name):
    averaging, plain = (start_ale(name, color_averaging=is_) for is_ in (True, False))
    height, width = plain.getScreenDims()
    game = make_game(name, frame_skip=1, width=width, height=height)
    generator = np.random.default_rng(0)
    for step in range(1000):
        if step % 300 == 0 or game.is_game_over():
            game.restart()
            averaging.reset_game()
            plain.reset_game()
        action = int(generator.integers(game.num_actions))
        before = plain.getScreen()
        game.act(action)
        averaging.act(game.actions[action])
        plain.act(game.actions[action])
        expected = averaging.getScreenGrayscale()
        if name not in AVERAGED_BY_ALE:
            # There ALE reads memory that it never wrote; it is zero at first.
            expected[(before | plain.getScreen()) % 2 == 1] = 0
        np.testing.assert_array_equal(game.observe(), expected)


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


def continue_both(name, after=120, steps=90, **settings):
    """What follows in a game after some steps, and in a fresh one that takes over its state."""
    one = make_game(name, **settings)
    play(one, after)
    state = one.get_state()
    seen = []
    for game in (one, make_game(name, **{**settings, "seed": 1})):
        if game is not one:
            game.set_state(state)
        generator = np.random.default_rng(1)
        steps_seen = []
        for step in range(steps):
            reward = game.act(int(generator.integers(game.num_actions)))
            ends = game.is_terminal(), game.is_game_over(), game.frame_number()
            steps_seen.append((reward, *ends, game.observe().tobytes()))
            if game.is_game_over() or step == 40:
                game.restart()
        seen.append(steps_seen)
    return seen


@pytest.mark.parametrize("name", ["breakout", "pong", "beam_rider", "freeway", "atlantis2"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"repeat_action_probability": 0.25},
        {"frame_skip": 1},  # screens are blended from the frames of two acts
        {"frame_skip": 1, "repeat_action_probability": 0.25},
        {"frame_skip": 3, "pooling": "none"},
    ],
)
def test_a_game_goes_on_in_a_fresh_emulator_exactly(name, settings):
    one, other = continue_both(name, **settings)
    assert one == other


def test_sticky_actions_repeat_the_action_before_and_begin_with_none():
    always = make_game(repeat_action_probability=1)
    always.restart()
    idle = make_game()
    idle.restart()
    for _ in range(60):
        assert always.act(1) == idle.act(0)
        np.testing.assert_array_equal(always.observe(), idle.observe())
    sometimes = play(make_game(repeat_action_probability=0.25), 200)
    assert sometimes == play(make_game(repeat_action_probability=0.25), 200)
    assert sometimes != play(make_game(), 200)


@pytest.mark.parametrize(
    "change", [{"name": "pong"}, {"emulator": np.zeros(9, np.uint8)}, {"sticky_action": 99}]
)
def test_a_state_that_does_not_fit_is_refused(change):
    game = make_game()
    with pytest.raises(ValueError, match=r"fit|damaged|99"):
        game.set_state({**game.get_state(), **change})


@pytest.mark.parametrize("sound", [False, True])
def test_a_person_sees_and_hears_every_emulated_frame(sound):
    frames = []
    game = make_game("space_invaders", pooling="none", sound=sound)
    game.on_frame = frames.append
    game.restart()
    assert frames == []  # those that ALE emulates to begin a game are not played
    ale = start_ale("space_invaders", sound=sound)
    ale.reset_game()
    for step in range(100):
        action = (0, 1, 3, 4)[step % 4]
        game.act(game.actions.index(action))
        assert len(frames) == 4
        for frame in frames:
            ale.act(action)
            np.testing.assert_array_equal(frame.picture, ale.getScreenRGB())
            heard = ale.getAudio() if sound else np.empty(0, np.uint8)
            np.testing.assert_array_equal(frame.sound, heard)
        frames.clear()
    assert game.sample_rate == game.frame_rate * ale.getAudioSize()


def test_watching_and_hearing_do_not_change_the_game():
    watched = make_game(repeat_action_probability=0.25, sound=True)
    frames = []
    watched.on_frame = frames.append
    assert play(watched, 200) == play(make_game(repeat_action_probability=0.25), 200)
    watched.on_frame = None
    seen = len(frames)
    watched.act(0)
    assert len(frames) == seen


def test_a_frame_stays_as_it_was_when_the_next_is_emulated():
    frames = []
    game = make_game(sound=True)
    game.on_frame = lambda frame: frames.append((frame, frame.picture.copy(), frame.sound.copy()))
    play(game, 50)
    for frame, picture, sound in frames:
        np.testing.assert_array_equal(frame.picture, picture)
        np.testing.assert_array_equal(frame.sound, sound)


def test_no_frame_is_emulated_after_the_end_of_a_game():
    frames = []
    game = make_game("pong", max_game_frames=99)
    game.on_frame = frames.append
    game.restart()
    while not game.is_game_over():
        game.act(0)
    assert len(frames) == game.frame_number() == 99


def test_lives_are_those_that_are_left():
    game = make_game()
    game.restart()
    assert game.lives == 5
    lost = 0
    while not game.is_game_over():
        game.act(1)
        lost += game.is_terminal()
        assert game.lives == 5 - lost
    assert lost == 5


@pytest.mark.slow
@pytest.mark.parametrize("frame_skip", [4, 1])
@pytest.mark.parametrize("name", ALL_GAMES)
def test_each_game_tells_whether_it_goes_on_exactly(name, frame_skip):
    continued = [
        continue_both(name, after, steps=150, frame_skip=frame_skip) for after in (1, 57, 230, 700)
    ]
    is_exact = all(one == other for one, other in continued)
    assert is_exact == make_game(name, frame_skip=frame_skip).is_restored_exactly


def test_ale_py_carries_more_than_a_hundred_games():
    assert len(ALL_GAMES) > 100

"""What is observed of a game, beside what ALE itself shows of it."""

import cv2
import numpy as np
import pytest
from ale_py import ALEInterface
from ale_py.roms import get_rom_path
from PIL import Image

from dqn.environments.atari import AleEnvironment
from dqn.environments.blending import NTSC, PAL, brightest_colours, luminance, mean
from dqn.environments.observing import AVERAGED_BY_ALE
from dqn.environments.pictures import create_converter
from dqn.environments.settings import GameSettings, ObservationSettings

# Air Raid's PAL screens have colours with odd numbers; Tetris is averaged by ALE itself.
GAMES = ["breakout", "space_invaders", "seaquest", "king_kong", "air_raid", "tetris"]
SETTINGS = [
    {"pooling": "average"},
    {"pooling": "max"},
    {"pooling": "none"},
    {"pooling": "max", "grayscale": "mean", "interpolation": "area"},
    {"pooling": "none", "grayscale": "mean", "interpolation": "nearest"},
    {"kind": "rgb", "pooling": "average"},
    {"kind": "rgb", "pooling": "max", "width": 160, "height": 210},
    {"kind": "rgb", "pooling": "none"},
    {"kind": "ram"},
]
CV2 = {"linear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA, "nearest": cv2.INTER_NEAREST}


def make_game(name="breakout", frame_skip=4, seed=0, sticky=0, **observation):
    return AleEnvironment(
        get_rom_path(name),
        name,
        GameSettings(frame_skip=frame_skip, repeat_action_probability=sticky),
        ObservationSettings(**observation),
        life_loss_is_terminal=True,
        seed=seed,
    )


def start_ale(name, color_averaging=False):
    ale = ALEInterface()
    ale.setInt("frame_skip", 1)
    ale.setInt("random_seed", 0)
    ale.setFloat("repeat_action_probability", 0)
    ale.setBool("color_averaging", color_averaging)
    ale.loadROM(str(get_rom_path(name)))
    return ale


def observe_beside(name, ale, look, frame_skip=4, steps=60, **observation):
    """Observations of a game, each with what `look` sees of ALE after its last two frames."""
    game = make_game(name, frame_skip, **observation)
    generator = np.random.default_rng(0)
    for step in range(steps):
        if step % 40 == 0 or ale.game_over():
            game.restart()
            ale.reset_game()
            now = look(ale)
        action = int(generator.integers(game.num_actions))
        reward = 0
        for _ in range(frame_skip):
            reward += ale.act(game.actions[action])
            before, now = now, look(ale)
            if ale.game_over():
                break
        assert game.act(action) == reward
        yield game.observe(), before, now


def gray_of(colours):
    """0.2989 R + 0.5870 G + 0.1140 B, rounded, computed without rounding errors."""
    red, green, blue = np.moveaxis(colours.astype(int), -1, 0)
    return ((2989 * red + 5870 * green + 1140 * blue + 5000) // 10000).astype(np.uint8)


@pytest.mark.parametrize("name", ["breakout", "seaquest", "king_kong"])
def test_ram_is_what_ale_has_in_it(name):
    ale = start_ale(name)
    for observed, _, ram in observe_beside(name, ale, ALEInterface.getRAM, kind="ram"):
        assert observed.dtype == np.uint8
        assert observed.shape == (128,)
        np.testing.assert_array_equal(observed, ram)


@pytest.mark.parametrize("frame_skip", [1, 4])
@pytest.mark.parametrize("name", GAMES)
def test_the_maximum_is_that_of_each_colour_before_it_becomes_gray(name, frame_skip):
    settings = {"pooling": "max", "width": 90, "height": 70}
    ale = start_ale(name)
    pooled = 0
    for observed, before, now in observe_beside(
        name, ale, ALEInterface.getScreenRGB, frame_skip, **settings
    ):
        gray = gray_of(np.maximum(before, now))
        expected = cv2.resize(gray, (90, 70), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_array_equal(observed, expected)
        pooled += np.any(gray != gray_of(now))
    assert pooled or name == "king_kong"  # which stands still at first


@pytest.mark.parametrize("interpolation", list(CV2))
@pytest.mark.parametrize("name", ["seaquest", "air_raid"])
def test_the_maximum_of_colours_is_resized_each_on_its_own(name, interpolation):
    ale = start_ale(name)
    look = ALEInterface.getScreenRGB
    settings = {"pooling": "max", "interpolation": interpolation, "width": 84, "height": 84}
    for observed, before, now in observe_beside(name, ale, look, kind="rgb", **settings):
        assert observed.shape == (3, 84, 84)
        brightest = np.maximum(before, now)
        expected = cv2.resize(brightest, (84, 84), interpolation=CV2[interpolation])
        np.testing.assert_array_equal(observed, expected.transpose(2, 0, 1))


@pytest.mark.parametrize("name", ["seaquest", "air_raid"])
def test_screens_are_those_of_other_libraries_wrappers(name):
    """Of Stable-Baselines3, CleanRL and DQN Zoo, each from the maximum of two frames' colours."""
    size = (84, 84)

    def area(picture):
        return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)

    def gray(picture):
        return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)

    def pillow(picture):
        luminance = np.tensordot(picture, [0.299, 0.587, 1 - (0.299 + 0.587)], (-1, 0))
        image = Image.fromarray(luminance.astype(np.uint8))
        return np.asarray(image.resize(size, Image.Resampling.BILINEAR))

    for expected, grayscale, interpolation in (
        (lambda picture: area(gray(picture)), "opencv", "area"),
        (lambda picture: gray(area(picture)), "opencv_last", "area"),
        (pillow, "truncated", "pillow"),
    ):
        settings = {"pooling": "max", "grayscale": grayscale, "interpolation": interpolation}
        convert = create_converter(ObservationSettings(**settings))
        ale = start_ale(name)
        look = ALEInterface.getScreenRGB
        for observed, before, now in observe_beside(name, ale, look, steps=20, **settings):
            picture = np.maximum(before, now)
            np.testing.assert_array_equal(observed, expected(picture))
            np.testing.assert_array_equal(convert(picture), observed)


# For colours with odd numbers, ALE's average reads memory that it never wrote.
@pytest.mark.parametrize("name", [name for name in GAMES if name != "air_raid"])
def test_colours_are_averaged_as_ale_does(name):
    ale = start_ale(name, color_averaging=True)
    for observed, _, now in observe_beside(name, ale, ALEInterface.getScreenRGB, kind="rgb"):
        expected = cv2.resize(now, (84, 84), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_array_equal(observed, expected.transpose(2, 0, 1))


@pytest.mark.parametrize("name", ["breakout", "air_raid"])
def test_one_frame_alone_in_colours_and_their_mean(name):
    ale = start_ale(name)
    look = ALEInterface.getScreenRGB
    height = ale.getScreenDims()[0]
    size = {"width": 160, "height": height, "pooling": "none"}
    for observed, _, now in observe_beside(name, ale, look, kind="rgb", **size):
        np.testing.assert_array_equal(observed, now.transpose(2, 0, 1))
    ale = start_ale(name)
    for observed, _, now in observe_beside(name, ale, look, grayscale="mean", **size):
        np.testing.assert_array_equal(observed, np.mean(now, axis=2).astype(np.uint8))


def test_nearest_at_half_the_size_takes_every_second_pixel():
    """As a Keras tutorial's Pong is seen: `np.mean(img[::2, ::2], axis=2).astype(np.uint8)`."""
    settings = {"width": 80, "height": 105, "interpolation": "nearest", "pooling": "none"}
    ale = start_ale("pong")
    look = ALEInterface.getScreenRGB
    for observed, _, now in observe_beside("pong", ale, look, grayscale="mean", **settings):
        assert observed.shape == (105, 80)
        expected = np.mean(now[::2, ::2], axis=2).astype(np.uint8)
        np.testing.assert_array_equal(observed, expected)


def test_grays_by_hand():
    colours = np.array([[0, 0, 0], [255, 255, 255], [200, 72, 72], [255, 0, 1]], np.uint8)
    assert luminance(colours).tolist() == [0, 255, 110, 76]
    assert mean(colours).tolist() == [0, 255, 114, 85]


@pytest.mark.parametrize("palette", [NTSC, PAL])
def test_the_brightest_of_two_colours_is_neither_less_nor_more(palette):
    colours = brightest_colours(palette)
    alone = colours.diagonal().T
    assert bytes(alone[::2].tobytes()) == bytes.fromhex(palette)
    for first, second in np.random.default_rng(0).integers(0, 256, (200, 2)):
        pairs = zip(alone[first].tolist(), alone[second].tolist(), strict=True)
        assert colours[first, second].tolist() == [max(pair) for pair in pairs]


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_settings_tell_the_shape(settings):
    game = make_game("pong", **settings)
    game.restart()
    game.act(0)
    assert game.observe().shape == ObservationSettings(**settings).shape


@pytest.mark.parametrize("settings", SETTINGS)
def test_an_observation_stays_as_it_was_when_the_game_goes_on(settings):
    game = make_game("seaquest", **settings)
    game.restart()
    seen = []
    for step in range(20):
        game.act(step % game.num_actions)
        observed = game.observe()
        seen.append((observed, observed.copy()))
    for observed, copy in seen:
        np.testing.assert_array_equal(observed, copy)


@pytest.mark.parametrize("frame_skip", [1, 4])
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", ["breakout", "air_raid"])
def test_a_restored_game_is_observed_as_it_would_have_been(name, settings, frame_skip):
    one = make_game(name, frame_skip, sticky=0.25, **settings)
    other = make_game(name, frame_skip, seed=1, sticky=0.25, **settings)
    one.restart()
    other.restart()
    for step in range(37):
        one.act(step % one.num_actions)
        one.observe()
        if one.is_game_over():
            one.restart()
    state = one.get_state()
    other.set_state(state)
    np.testing.assert_array_equal(other.get_state()["frame"], state["frame"])
    generator = np.random.default_rng(1)
    for _ in range(60):
        action = int(generator.integers(one.num_actions))
        assert one.act(action) == other.act(action)
        np.testing.assert_array_equal(one.observe(), other.observe())
        if one.is_game_over():
            one.restart()
            other.restart()


@pytest.mark.parametrize("settings", SETTINGS[:-1])
def test_a_run_may_go_on_with_another_pooling(settings):
    before = make_game("pong", pooling="none")
    before.restart()
    before.act(0)
    game = make_game("pong", **settings)
    game.set_state(before.get_state())
    before.act(0)
    game.act(0)
    assert game.observe().shape == ObservationSettings(**settings).shape


def test_a_screens_state_does_not_fit_ram():
    with pytest.raises(ValueError, match="frame"):
        make_game(kind="ram").set_state(make_game().get_state())


@pytest.mark.parametrize("name", AVERAGED_BY_ALE[1:])
def test_the_maximum_needs_no_average_of_ale(name):
    """Its frames are those that ALE shows after each act, thinking or not."""
    ale = start_ale(name)
    look = ALEInterface.getScreenRGB
    for observed, before, now in observe_beside(name, ale, look, pooling="max"):
        gray = gray_of(np.maximum(before, now))
        np.testing.assert_array_equal(observed, cv2.resize(gray, (84, 84)))

"""A person plays an environment of Gymnasium, by its own keys or by digits."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("gymnasium", reason="pip install -r requirements-gym.txt")

from dqn.actors.actor import Actor
from dqn.environments.gym import GymEnvironment
from dqn.environments.gym_keys import read_keys
from dqn.environments.settings import GameSettings, GymSettings, ObservationSettings
from dqn.player.display import Insight
from dqn.player.keyboard import Command, Joystick, action_of, help_of
from dqn.player.player import Player
from helpers.watched import Script

DIGITS = {frozenset("0"): 0, frozenset("1"): 1, frozenset("2"): 2}


class Typist(Script):
    """Presses each of `keys` some looks after the one before, and then quits."""

    def __init__(self, keys):
        super().__init__()
        self.keys = list(keys)
        self.looks = 0

    def poll(self):
        self.looks += 1
        if self.looks % 12:  # more than a frame waits
            return []
        if not self.keys:
            return [Command.QUIT]
        key = self.keys.pop(0)
        assert self.joystick.press(key)
        self.joystick.release(key)
        return []


def make_player(display, name="Toys/Toy-v0", arguments=""):
    game = GymEnvironment(
        name,
        GameSettings(frame_skip=0),
        ObservationSettings(),
        GymSettings(arguments, "helpers.gym_toys"),
        life_loss_is_terminal=False,
        seed=0,
        has_pictures=True,
    )
    actor = Actor(
        game,
        state_shape=(1, *game.space.shape),
        dtype=game.space.dtype,
        random_starts=0,
        generator=np.random.default_rng(0),
    )
    return actor, Player(
        actor,
        network=None,
        policy=None,
        open_display=lambda: display,
        open_speaker=lambda: None,
        frame_skip=1,
        waits_after_games=False,
        videos=None,
        facts={},
        is_stopping=lambda: False,
    )


def test_a_game_without_a_no_op_waits_for_a_key():
    display = Typist("201")
    actor, player = make_player(display)
    chosen = []
    with player:
        actor.start()
        assert len(display.pictures) == 1  # which the person sees before they choose
        while not player.has_quit:
            [action] = player.choose_actions(actor.state[np.newaxis], 0)
            if not player.has_quit:
                chosen.append(action)
                actor.act(action)
    assert chosen == [2, 0, 1]
    assert display.has_square_pixels


def test_the_help_names_the_keys_of_the_game():
    display = Typist("")
    actor, player = make_player(display)
    with player:
        actor.start()
        assert player._help()[:3] == [("0", "action 0"), ("1", "action 1"), ("2", "action 2")]


def test_an_atari_is_played_with_the_joystick():
    display = Typist("")
    actor, player = make_player(display, "ALE/Breakout-v5")
    with player:
        actor.start()
        assert player.choose_actions(actor.state[np.newaxis], 0) == [0]
        display.joystick.press("left")
        assert player.choose_actions(actor.state[np.newaxis], 0) == [3]
        assert ("Space", "fire") in player._help()
    assert not display.has_square_pixels


@pytest.mark.parametrize(
    ("keys_to_action", "keys"),
    [
        ({(): 1, (276,): 0, (275,): 2}, {(): 1, ("left",): 0, ("right",): 2}),
        ({"w": 0, " ": 1, "wd": 2}, {("w",): 0, ("fire",): 1, ("w", "d"): 2}),
        ({(ord("W"), ord(" ")): 1, (1073741906,): 0}, {("w", "fire"): 1, ("up",): 0}),
        ({"left": 0, "space": 1}, {("left",): 0, ("fire",): 1}),
        ({"x": 7}, {("0",): 0, ("1",): 1, ("2",): 2}),  # there is no action 7
    ],
)
def test_the_environment_s_own_keys_are_known(keys_to_action, keys):
    env = SimpleNamespace(get_keys_to_action=lambda: keys_to_action)
    assert read_keys(env, 3, 0) == {frozenset(names): action for names, action in keys.items()}


def test_without_keys_of_its_own_a_game_is_played_with_digits():
    assert read_keys(SimpleNamespace(), 3, 5) == DIGITS
    assert len(read_keys(SimpleNamespace(), 40, 0)) == 10


def test_the_action_is_that_of_the_most_keys():
    keys = {frozenset(): 9, frozenset(["w"]): 0, frozenset(["w", "d"]): 1}
    assert action_of(["d", "w", "x"], keys) == 1
    assert action_of(["w"], keys) == 0
    assert action_of(["d"], keys) == 9
    assert action_of(["w"], {frozenset("d"): 0}) is None


def test_help_names_keys_and_leaves_out_what_needs_none():
    keys = {frozenset(): 1, frozenset(["left"]): 0, frozenset(["fire", "w"]): 2}
    assert help_of(keys, ["a", "b", "c"]) == [("Left", "a"), ("W + Space", "c")]


def test_a_game_s_own_keys_win_over_commands_while_a_person_plays():
    joystick = Joystick()
    joystick.own_keys = frozenset("wq")
    assert not joystick.press("q")
    joystick.takes_letters = True
    assert joystick.press("q")
    assert joystick.press("w")
    assert not joystick.press("left")
    assert joystick.look() == ["q", "w"]


def test_numbers_are_seen_as_grays():
    state = np.array([[0.0, 100.0, -100.0]], np.float32)
    [picture] = Insight(state, ["a"], None, None, None).pictures
    assert picture.shape == (1, 3, 3)
    assert picture[0, :, 0].tolist() == [128, 255, 0]
    [picture] = Insight(np.array([[True, False]]), ["a"], None, None, None).pictures
    assert picture[0, :, 0].tolist() == [255, 0]

"""Which action the keys make, and for how long a key counts."""

import pytest
from ale_py import Action
from hypothesis import given
from hypothesis import strategies as st

from dqn.player.keyboard import (
    JOYSTICK_KEYS,
    OPPOSITE,
    Joystick,
    action_name,
    joystick_help,
    nearest_action,
)

BREAKOUT = [0, 1, 3, 4]  # no-op, fire, right, left
SPACE_INVADERS = [0, 1, 3, 4, 11, 12]  # and right and left with fire
FREEWAY = [0, 2, 5]  # no-op, up, down
ASSAULT = [0, 1, 2, 3, 4, 11, 12]  # no-op, fire, up, right, left, right and left with fire
ATLANTIS = [0, 1, 11, 12]  # no-op, fire, right and left with fire alone
ALL = [action.value for action in Action.__members__.values()]


class Clock:
    time = 100.0

    def __call__(self):
        return self.time


def test_every_action_has_a_name_of_its_own():
    assert action_name(0) == "no-op"
    assert action_name(14) == "up right fire"
    assert len({action_name(action) for action in ALL}) == 18


@given(st.lists(st.sampled_from(JOYSTICK_KEYS), unique=True))
def test_with_all_actions_every_possible_position_of_the_joystick_is_found(pressed):
    if any(OPPOSITE.get(key) in pressed for key in pressed):
        return
    name = action_name(ALL[nearest_action(pressed, ALL)])
    assert set(name.split()) == (set(pressed) or {"no-op"})


@pytest.mark.parametrize(
    ("pressed", "actions", "name"),
    [
        (["up", "right"], BREAKOUT, "right"),
        (["right", "fire"], BREAKOUT, "fire"),  # held, and then tapped
        (["fire", "right"], BREAKOUT, "right"),
        (["right", "fire"], SPACE_INVADERS, "right fire"),
        (["down", "fire", "left"], SPACE_INVADERS, "left fire"),
        # A game that has left and right alone takes up for right; and the other way round.
        (["up"], BREAKOUT, "right"),
        (["down"], BREAKOUT, "left"),
        (["up", "fire"], SPACE_INVADERS, "right fire"),
        (["up", "left"], BREAKOUT, "left"),
        (["fire", "up"], BREAKOUT, "right"),
        (["up", "fire"], BREAKOUT, "fire"),
        (["right"], FREEWAY, "up"),
        (["left"], FREEWAY, "down"),
        (["left", "up"], FREEWAY, "up"),
        (["fire"], FREEWAY, "no-op"),
        (["down"], ASSAULT, "no-op"),  # it has up, so that down would mean something else
    ],
)
def test_an_action_that_the_game_lacks_is_replaced_by_the_nearest(pressed, actions, name):
    assert action_name(actions[nearest_action(pressed, actions)]) == name


@pytest.mark.parametrize(
    ("actions", "lines"),
    [
        (
            ALL,
            [
                *(("Up  W", "up"), ("Right  D", "right"), ("Left  A", "left")),
                *(("Down  S", "down"), ("Space", "fire")),
            ],
        ),
        (
            BREAKOUT,
            [("Up  Right  W  D", "right"), ("Down  Left  A  S", "left"), ("Space", "fire")],
        ),
        (FREEWAY, [("Up  Right  W  D", "up"), ("Down  Left  A  S", "down")]),
        (
            ATLANTIS,
            [("Space", "fire"), ("Right + Space", "right fire"), ("Left + Space", "left fire")],
        ),
    ],
)
def test_the_help_names_the_keys_that_do_something_in_this_game(actions, lines):
    assert joystick_help(actions) == lines


@given(st.sets(st.sampled_from(ALL[1:]), min_size=1))
def test_every_single_key_of_the_help_does_in_the_game_what_the_help_says(actions):
    actions = [0, *sorted(actions)]
    for keys, name in joystick_help(actions):
        together = "+" in keys
        presses = [keys.split(" + ")] if together else [[key] for key in keys.split()]
        for pressed in presses:
            joystick = Joystick()
            joystick.takes_letters = True
            for key in pressed:
                assert joystick.press("fire" if key == "Space" else key.lower())
            assert action_name(actions[nearest_action(joystick.look(), actions)]) == name


def test_letters_move_the_joystick_only_while_a_person_plays():
    joystick = Joystick()
    assert not joystick.press("a")
    assert joystick.look() == []
    joystick.takes_letters = True
    assert joystick.press("a")
    assert joystick.press("w")
    assert joystick.look() == ["left", "up"]
    joystick.press("up")  # the same direction twice
    assert joystick.look() == ["left", "up"]
    joystick.release("w")
    assert joystick.look() == ["left", "up"]
    joystick.release("up")
    assert joystick.look() == ["left"]
    joystick.takes_letters = False  # given back while the key is down
    joystick.release("a")
    assert joystick.look() == []
    assert not joystick.press("x")


def test_a_key_counts_while_it_is_pressed():
    joystick = Joystick()
    joystick.press("up")
    joystick.press("fire")
    assert joystick.look() == joystick.look() == ["up", "fire"]
    joystick.release("up")
    assert joystick.look() == ["fire"]


def test_a_short_press_between_two_looks_is_not_lost():
    joystick = Joystick()
    joystick.press("fire")
    joystick.release("fire")
    assert joystick.look() == ["fire"]
    assert joystick.look() == []


def test_of_opposite_directions_the_newer_counts_and_the_older_comes_back():
    joystick = Joystick()
    joystick.press("left")
    joystick.press("right")
    assert joystick.look() == ["right"]
    joystick.release("right")
    assert joystick.look() == ["left"]


def test_all_keys_go_up_when_the_window_loses_the_keyboard():
    joystick = Joystick()
    joystick.press("left")
    joystick.look()
    joystick.release_all()
    assert joystick.look() == []


def test_in_a_terminal_a_key_goes_up_by_itself_and_pressed_together_they_combine():
    clock = Clock()
    joystick = Joystick(hold_seconds=0.25, clock=clock)
    joystick.press("up")
    clock.time += 0.2
    joystick.press("right")
    assert joystick.look() == ["up", "right"]
    clock.time += 0.1
    assert joystick.look() == ["right"]
    clock.time += 0.2
    assert joystick.look() == []


def test_in_a_terminal_a_repeated_key_stays_down():
    clock = Clock()
    joystick = Joystick(hold_seconds=0.25, clock=clock)
    for _ in range(20):
        joystick.press("left")
        assert joystick.look() == ["left"]
        clock.time += 0.2

"""Environments of Gymnasium: what is observed, when they end, and that they go on exactly."""

import enum
import os
import random
import sys
from collections import deque
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gymnasium", reason="pip install -r requirements-gym.txt")

import gymnasium

from dqn.actors.actor import Actor
from dqn.checkpoints.folder import CheckpointFolder
from dqn.environments.atari import AleEnvironment
from dqn.environments.blending import NTSC, PAL, _colours, luminance
from dqn.environments.create import find_gym_id, find_observation_space
from dqn.environments.gym import GymEnvironment
from dqn.environments.gym_registry import find_id, read_arguments
from dqn.environments.gym_state import Keeper
from dqn.environments.pictures import luminance_of_picture
from dqn.environments.roms import find_rom
from dqn.environments.settings import (
    GameSettings,
    GymSettings,
    ObservationSettings,
)
from dqn.errors import UserError

TOYS = "helpers.gym_toys"
Colour = enum.Enum("Colour", "RED BLUE")
NO_ROMS = Path("/nowhere")


def make(name="Toys/Toy-v0", arguments="", *, terminal=True, seed=0, pictures=False, **flags):
    of_observation = {"kind", "pooling", "width", "height", "interpolation", "grayscale"} & {*flags}
    observation = ObservationSettings(**{key: flags.pop(key) for key in of_observation})
    return GymEnvironment(
        name,
        GameSettings(**{"frame_skip": 0, **flags}),
        observation,
        GymSettings(arguments, TOYS),
        life_loss_is_terminal=terminal,
        seed=seed,
        has_pictures=pictures,
    )


def started(*arguments, **flags):
    game = make(*arguments, **flags)
    game.restart()
    return game


def play(game, steps, seed=0):
    """All that is told of a game in `steps` random steps."""
    generator = np.random.default_rng(seed)
    seen = []
    for _ in range(steps):
        reward = game.act(int(generator.integers(game.num_actions)))
        ends = game.is_terminal(), game.is_game_over(), game.frame_number(), game.lives
        seen.append((reward, *ends, game.observe().tobytes()))
        if game.is_game_over():
            game.restart()
    return seen


# Observations


@pytest.mark.parametrize(
    ("kind", "dtype", "observed"),
    [
        ("vector", np.float64, [1, 2, 1]),
        ("matrix", np.float32, [1, 2, 1]),
        ("bytes", np.uint8, [1, 2, 1]),
        ("pair", bool, [0, 0, 1, 0, 0, 1, 0]),  # 2 of 4, then 1 of 3
    ],
)
def test_numbers_are_observed_in_the_environment_s_dtype_and_choices_one_hot(kind, dtype, observed):
    game = started(arguments=f"kind={kind}")
    game.act(2)
    game.act(1)
    assert game.observe().tolist() == observed
    assert game.observe().dtype == dtype == game.space.dtype
    assert game.space.shape == (len(observed),)


def test_a_discrete_observation_is_one_hot():
    game = started("FrozenLake-v1", "is_slippery=false")
    game.act(2)  # right
    expected = np.zeros(16, bool)
    expected[1] = True
    np.testing.assert_array_equal(game.observe(), expected)


def test_pictures_are_grayed_and_resized_as_ales_are():
    game = started(arguments="kind=colours", width=40, height=44)
    game.act(0)
    gray = round(0.2989 * 21 + 0.5870 * 22 + 0.1140 * 23)
    assert (game.observe() == gray).all()
    assert game.observe().shape == (44, 40)


def test_gray_pictures_and_the_mean_of_colours_are_observed():
    assert (started(arguments="kind=gray").observe() == 20).all()
    game = started(arguments="kind=colours", grayscale="mean")
    assert (game.observe() == 21).all()


def test_colours_are_observed_where_they_are_asked_for():
    game = started(arguments="kind=colours", kind="rgb", width=40, height=44)
    assert game.observe().shape == (3, 44, 40)
    assert game.observe()[:, 0, 0].tolist() == [20, 21, 22]


def test_all_of_ales_colours_have_ales_gray():
    for palette in (NTSC, PAL):
        colours = _colours(palette).astype(np.uint8)[np.newaxis]
        np.testing.assert_array_equal(luminance_of_picture(colours), luminance(colours))


def test_of_two_frames_pictures_are_pooled_as_asked_for():
    def last(pooling):
        game = started(arguments="kind=gray", frame_skip=3, pooling=pooling)
        game.act(0)  # pictures 21, 22 and 23
        return int(game.observe()[0, 0])

    assert (last("max"), last("average"), last("none")) == (23, 22, 23)


def test_an_observation_is_the_receiver_s_to_keep():
    game = started()
    before = game.observe()
    game.act(1)
    assert before.tolist() == [1, 0, 0]


# Actions, rewards and ends


def test_actions_count_from_the_space_s_start():
    game = started(arguments="start=5")
    game.act(2)
    assert game.observe()[2] == 7
    assert game.num_actions == 3


def test_a_frame_skip_repeats_the_action_and_adds_the_rewards_up():
    one, four = started(), started(frame_skip=4)
    assert four.act(1) == pytest.approx(sum(one.act(1) for _ in range(4)))
    assert four.observe().tolist() == one.observe().tolist() == [1, 4, 1]
    assert four.frame_number() == 4


def test_terminated_is_terminal_and_truncated_is_not():
    ended, cut = started(arguments="length=7"), started("Toys/Short-v0")
    for game in (ended, cut):
        for _ in range(6):
            game.act(0)
            assert (game.is_terminal(), game.is_game_over()) == (False, False)
        game.act(0)
    assert (ended.is_terminal(), ended.is_game_over()) == (True, True)
    assert (cut.is_terminal(), cut.is_game_over()) == (False, True)
    cut.restart()
    assert (cut.is_game_over(), cut.frame_number()) == (False, 0)


def test_a_frame_skip_stops_where_the_game_does():
    game = started("Toys/Short-v0", frame_skip=4)
    game.act(0)
    game.act(0)
    assert (game.frame_number(), game.is_game_over()) == (7, True)


def test_the_frame_limit_cuts_games_off():
    game = started(max_game_frames=3)
    game.act(0)
    game.act(0)
    assert not game.is_game_over()
    game.act(0)
    assert (game.is_terminal(), game.is_game_over()) == (False, True)


def test_a_lost_life_is_terminal_in_training_only():
    games = [started(arguments="deaths=(2,3)", terminal=terminal) for terminal in (True, False)]
    ends = [[(game.act(0), game.is_terminal())[1] for _ in range(4)] for game in games]
    assert ends == [[False, True, True, False], [False] * 4]
    assert [game.lives for game in games] == [3, 3]
    assert not games[0].is_game_over()


def test_sticky_actions_come_on_top_where_they_are_asked_for():
    game = started(repeat_action_probability=1)
    game.act(2)
    assert game.observe()[2] == 0  # for ever the first action
    seen = []
    game = started(repeat_action_probability=0.25)
    for step in range(400):
        game.act(step % 2 + 1)
        seen.append(game.observe()[2] != step % 2 + 1)
    assert 60 < sum(seen) < 140


# Games without an action that does nothing


def make_actor(game, history_length=3, random_starts=9, fires=False):
    return Actor(
        game,
        state_shape=(history_length, *game.space.shape),
        dtype=game.space.dtype,
        random_starts=random_starts,
        fires_on_start=fires,
        generator=np.random.default_rng(0),
    )


def test_where_no_action_does_nothing_the_first_observation_fills_the_state():
    actor = make_actor(make(arguments="length=2"), fires=True)
    actor.start()
    assert actor.state.tolist() == [[1, 0, 0]] * 3
    actor.act(2)
    assert actor.state.tolist() == [[1, 0, 0], [1, 0, 0], [1, 1, 2]]
    transition = actor.act(2)
    assert transition.terminal
    assert actor.state.tolist() == [[2, 0, 0]] * 3
    assert transition.games[0].steps == 2


def test_after_a_lost_life_the_game_goes_on_from_what_is_seen():
    actor = make_actor(make(arguments="deaths=(1,)"))
    actor.start()
    assert actor.act(1).terminal
    assert actor.state.tolist() == [[1, 1, 1]] * 3


def test_an_atari_begins_with_no_ops_and_fire_as_ales():
    game = make("ALE/Breakout-v5")
    assert (game.no_op, game.fire, game.actions) == (0, 1, [0, 1, 3, 4])
    actor = make_actor(game, random_starts=5, fires=True)
    actor.start()
    assert 4 * 4 <= game.frame_number() <= 6 * 4


# Beside ALE's way


@pytest.mark.parametrize("pooling", ["none", "max"])
@pytest.mark.parametrize("name", ["breakout", "space_invaders"])
def test_a_noframeskip_id_shows_and_pays_what_ales_way_does(name, pooling):
    """But for a game that ends in the first of four frames: ALE's way pools it with the one before.

    Gymnasium seeds ALE otherwise, which without stickiness nothing depends on.
    """
    ours = AleEnvironment(
        *find_rom(name, NO_ROMS),
        GameSettings(),
        ObservationSettings(pooling=pooling),
        life_loss_is_terminal=True,
        seed=0,
    )
    camel = name.title().replace("_", "")
    theirs = make(f"{camel}NoFrameskip-v4", pooling=pooling)
    assert theirs.frame_skip == 4
    ours.restart()
    theirs.restart()
    assert ours.actions == theirs.actions
    for one, other in zip(play(ours, 300), play(theirs, 300), strict=True):
        has_ended = one[2]
        assert one == other or (has_ended and one[:-1] == other[:-1])


def test_a_v5_id_shows_and_pays_what_ales_way_does_without_stickiness():
    ours = AleEnvironment(
        *find_rom("breakout", NO_ROMS),
        GameSettings(),
        ObservationSettings(pooling="none"),
        life_loss_is_terminal=True,
        seed=0,
    )
    theirs = make("ALE/Breakout-v5", "repeat_action_probability=0.0")
    assert theirs.frame_skip == 1
    ours.restart()
    theirs.restart()
    assert play(ours, 200) == play(theirs, 200)


def test_the_log_says_what_the_environment_does_and_what_comes_on_top(caplog):
    caplog.set_level("INFO")
    for name in ("ALE/Pong-v5", "PongNoFrameskip-v4", "CartPole-v1"):
        find_observation_space(
            name, GameSettings(frame_skip=0), ObservationSettings(), GymSettings()
        )
    text = caplog.text
    assert "ALE/Pong-v5 repeats each action for 4 frames and the action before with" in text
    assert "probability 0.25; we add nothing" in text
    assert (
        "PongNoFrameskip-v4 skips no frames and repeats no actions; we repeat each action 4" in text
    )
    assert "CartPole-v1 truncates games after 500 steps; we add nothing" in text


# Going on from a state


IDS = [
    *("CartPole-v1", "Acrobot-v1", "MountainCar-v0", "FrozenLake-v1", "Taxi-v3", "CliffWalking-v1"),
    *("ALE/Breakout-v5", "Breakout-v4", "PongNoFrameskip-v4"),
    *("Toys/Toy-v0", "Toys/Short-v0"),
]


@pytest.mark.parametrize("name", IDS)
def test_a_game_goes_on_exactly_in_a_new_environment(name):
    name = find_id(name.rpartition("-v")[0], TOYS) if name.startswith(("Taxi", "Cliff")) else name
    one = started(name, repeat_action_probability=0.1)
    assert one.is_restored_exactly
    play(one, 45)
    other = make(name, seed=1, repeat_action_probability=0.1)
    other.set_state(one.get_state())
    assert other.is_in_play
    assert play(one, 90, seed=5) == play(other, 90, seed=5)


def test_the_action_that_a_sticky_one_repeats_is_found_and_restored():
    """At 80 %, an emulator that began with another action would soon be elsewhere."""
    arguments = "repeat_action_probability=0.8,frameskip=1"
    one = started("ALE/Breakout-v5", arguments, frame_skip=1)
    for seed in range(2):
        play(one, 30 + seed, seed)
        state = one.get_state()
        other = make("ALE/Breakout-v5", arguments, frame_skip=1)
        other.set_state(state)
        assert play(one, 60) == play(other, 60)


def test_taking_a_state_does_not_change_a_game():
    def played(takes):
        game = started("ALE/Breakout-v5", seed=3)
        seen = []
        for seed in range(4):
            seen += play(game, 20, seed)
            if takes:
                game.get_state()
        return seen

    assert played(True) == played(False)


def test_a_game_that_cannot_be_restored_begins_anew_and_otherwise():
    game = started(arguments="fault='not plain'")
    assert not game.is_restored
    play(game, 5)
    state = game.get_state()
    assert state["game"] is None
    other = make(arguments="fault='not plain'")
    other.set_state(state)
    assert not other.is_in_play
    first, second = started(arguments="fault='not plain'"), other
    second.restart()
    assert (second.is_in_play, second.frame_number()) == (True, 0)
    assert first.act(0) != second.act(0)  # other luck than in the first game


class Piece:
    def __init__(self):
        self.place, self.colour = [1, 2], "red"


def test_all_kinds_of_attributes_are_put_into_a_new_environment(tmp_path):
    def make_env(seed):
        env = gymnasium.make("Toys/Toy-v0", disable_env_checker=True)
        base = env.unwrapped
        generator = np.random.default_rng(seed)
        base.array = generator.normal(size=(2, 3)).astype(np.float32)
        base.infinite = np.full(2, np.inf)
        base.text, base.nothing, base.scalar = f"text {seed}", None, np.float32(seed)
        base.nested = {"a": [1, (2.5, seed)], 3: {frozenset([seed])}, (1, 2): deque([seed], 5)}
        base.legacy, base.pythons = np.random.RandomState(seed), random.Random(seed)
        base.colour = Colour.RED if seed == 1 else Colour.BLUE
        base.piece = Piece()
        base.piece.place.append(seed)
        base.functions = {"sum": sum, "kind": [Piece, Colour.RED]}  # they never change
        return env

    make()  # registers the toys
    one, other = make_env(1), make_env(2)
    for env in (one, other):
        env.reset(seed=3)
        env.action_space.seed(env.unwrapped.pythons.randrange(99))
        env.unwrapped.legacy.rand()
    with closing(CheckpointFolder(tmp_path / "run.checkpoint")) as folder:
        folder.save({"game": Keeper(one).get()})
        Keeper(other).set(folder.load()["game"])
    ours, theirs = vars(one.unwrapped), vars(other.unwrapped)
    for name in ("array", "infinite"):
        np.testing.assert_array_equal(ours[name], theirs[name])
        assert ours[name].dtype == theirs[name].dtype
    for name in ("text", "nothing", "scalar", "nested", "colour", "games", "lives"):
        assert ours[name] == theirs[name]
        assert type(ours[name]) is type(theirs[name])
    assert theirs["nested"][1, 2].maxlen == 5
    assert vars(ours["piece"]) == vars(theirs["piece"])
    assert ours["legacy"].rand() == theirs["legacy"].rand()
    assert ours["pythons"].random() == theirs["pythons"].random()
    assert one.action_space.sample() == other.action_space.sample()


def test_a_generator_stays_the_one_that_others_hold():
    env = gymnasium.make("CartPole-v1")
    env.reset(seed=1)
    generator = env.unwrapped.np_random
    Keeper(env).set(Keeper(env).get())
    assert env.unwrapped.np_random is generator


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Acrobot-v1"},
        {"game": [[]]},
        {"game": [[["state", ["function", []]]]] * 3},
        {"sticky_action": 9},
        {"frames": "many"},
    ],
)
def test_a_state_that_does_not_fit_is_refused(change):
    game = started("CartPole-v1")
    with pytest.raises((ValueError, LookupError, TypeError, AttributeError)):
        game.set_state({**game.get_state(), **change})


# Pictures


def test_a_person_sees_every_step_at_the_environment_s_rate():
    game = started(pictures=True, frame_skip=2)
    frames = []
    game.on_frame = frames.append
    game.act(0)
    assert (len(frames), game.frame_rate, game.sample_rate) == (2, 20, 0)
    assert frames[0].picture.shape == (48, 60, 3)
    assert frames[0].sound.size == 0
    assert (frames[0].picture != frames[1].picture).any()


@pytest.mark.parametrize(
    ("name", "rate"), [("ALE/Pong-v5", 15), ("PongNoFrameskip-v4", 60), ("Pong-v4", 20)]
)
def test_an_atari_is_shown_at_its_true_speed(name, rate):
    game = started(name, pictures=True)
    assert game.frame_rate == rate
    frames = []
    game.on_frame = frames.append
    game.act(0)
    assert frames[0].picture.shape == (210, 160, 3)


# What goes wrong


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("fault=raises", "step raised RuntimeError: the toy broke"),
        ("fault=nan", "an observation with NaN"),
        ("fault=reward", "a reward of nan"),
        ("fault=shape", r"an observation \(4,\), not \(3,\)"),
        ("fault=old", "something else than observation, reward"),
    ],
)
def test_an_environment_that_fails_is_named_with_what_it_did(arguments, message):
    game = started(arguments=arguments)
    game.act(0)
    game.restart()
    game.act(0)
    game.act(0)
    with pytest.raises(UserError, match=message) as error:
        game.act(0)
    assert "Toys/Toy-v0 failed after" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Toys/Toy-v0", "fault=continuous", "supported is Discrete"),
        ("Toys/Toy-v0", "kind=dict", "supported are Box"),
        ("Blackjack-v1", "", "supported are Box"),
        ("Toys/Toy-v0", "nothing=1", "cannot make Toys/Toy-v0.*nothing"),
    ],
)
def test_what_cannot_be_learned_is_refused_before_it_begins(name, arguments, message):
    with pytest.raises(UserError, match=message):
        make(name, arguments)


def test_colours_are_refused_where_there_are_none():
    with pytest.raises(UserError, match="needs pictures"):
        make(kind="rgb")
    with pytest.raises(UserError, match="needs colours"):
        make(arguments="kind=gray", kind="rgb")


def test_an_environment_that_hangs_or_fails_when_it_is_closed_is_left_behind(caplog, monkeypatch):
    monkeypatch.setattr("dqn.environments.gym_registry.CLOSE_SECONDS", 0.05)
    started(arguments="fault=hangs").close()
    assert "did not close" in caplog.text
    started(arguments="fault=close").close()
    assert "cannot close" in caplog.text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("CartPole-v9", "CartPole-v1"),
        ("cartpole-v1", "CartPole-v1"),
        ("Breakout-v5", "ALE/Breakout-v5"),
        ("xyzzy", "Another package|another package"),
    ],
)
def test_an_unknown_id_names_the_closest_ones(name, message):
    with pytest.raises(UserError, match=f"{name}.*{message}"):
        find_id(name)


def test_without_gymnasium_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    monkeypatch.delitem(sys.modules, "dqn.environments.gym_registry")
    with pytest.raises(UserError, match=r"pip install -r requirements-gym\.txt"):
        find_gym_id("CartPole-v1", "")


def test_the_newest_version_is_taken_where_none_is_named():
    assert find_id("Toys/Toy", TOYS) == "Toys/Toy-v1"
    assert find_id("Toys/Toy-v0", TOYS) == "Toys/Toy-v0"


def test_a_package_that_cannot_be_imported_is_named(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="no module no_such_package"):
        find_id("CartPole-v1", "no_such_package")
    (tmp_path / "broken_package.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(os.fspath(tmp_path))
    with pytest.raises(UserError, match=r"broken_package.*ZeroDivisionError"):
        find_id("CartPole-v1", "broken_package")


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("", {}),
        ("a=1,b=0.5", {"a": 1, "b": 0.5}),
        ("frameskip=(2,5), mode=none", {"frameskip": (2, 5), "mode": None}),
        ("slippery=False,map_name=8x8", {"slippery": False, "map_name": "8x8"}),
        ("text='a,b',list=[1,2]", {"text": "a,b", "list": [1, 2]}),
    ],
)
def test_arguments_are_written_as_in_python(text, arguments):
    assert read_arguments(text) == arguments


@pytest.mark.parametrize("text", ["a", "a=1,a=2", "1=2", "render_mode=human", "=3"])
def test_arguments_that_are_none_are_refused(text):
    with pytest.raises(UserError, match="--env_args"):
        read_arguments(text)


@pytest.mark.parametrize("name", ["CartPole-v1", "FrozenLake-v1", "Toys/Short-v0"])
def test_what_gymnasium_s_own_checker_watches_is_as_it_wants_it(name, recwarn):
    """With the checker around the environment, nothing that we do of it draws a warning."""
    gymnasium.logger.min_level = gymnasium.logger.WARN
    game = started(name, "disable_env_checker=false", pictures=name == "Toys/Short-v0")
    gymnasium.logger.min_level = gymnasium.logger.WARN
    game.on_frame = (lambda _: None) if name == "Toys/Short-v0" else None
    play(game, 20)
    game.restart()
    game.close()
    assert [str(w.message) for w in recwarn if "gymnasium" in str(w.filename)] == []

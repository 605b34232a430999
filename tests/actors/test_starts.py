"""Episodes that begin as the wrappers of other libraries begin them."""

from pathlib import Path

import numpy as np
import pytest

from dqn.actors.actor import Actor
from dqn.actors.events import FinishedGame
from dqn.environments.create import create_environment
from dqn.environments.roms import find_rom
from dqn.environments.settings import GameSettings, ObservationSettings
from helpers.toy_games import ScriptedGame

NO_OP_FRAMES = 7
CLEANRL, SB3, ZOO = "cleanrl", "stable-baselines3", "dqn_zoo"


class WithLives(ScriptedGame):
    """Has 3 lives, of which 'l' loses one and 'b' gives one; its no-op frames stand on the tape."""

    def restart(self):
        super().restart()
        self.lives = 3

    def act(self, action):
        reward = super().act(action)
        self.lives += {"l": -1, "b": 1}.get(self._letter(), 0)
        return reward

    def is_terminal(self):
        return self._letter() in "lbo"

    def idle(self, frames):
        self.tape.append(f"{frames} frames")
        self._time += 1
        return 5 if self._letter() == "r" else 0


class Fixed:
    """Draws the same number each time."""

    def integers(self, low, high, endpoint):
        assert (low, high, endpoint) == (1, 30, True)
        return NO_OP_FRAMES


def make_actor(script, start):
    actor = Actor(
        WithLives(script),
        state_shape=(3, 2, 2),
        random_starts=30,
        episode_start=start,
        generator=Fixed(),
    )
    actor.start()
    return actor


def screens(actor):
    return actor.state[:, 0, 0].tolist()


@pytest.mark.parametrize(("start", "first"), [(SB3, [0, 0, 3]), (CLEANRL, [3, 3, 3])])
def test_a_game_begins_with_frames_then_fire_and_the_third_action(start, first):
    actor = make_actor("." * 9, start)
    assert actor.environment.tape == ["restart", "7 frames", 1, 2]
    assert screens(actor) == first


@pytest.mark.parametrize(("start", "first"), [(SB3, [0, 0, 8]), (CLEANRL, [8, 8, 8])])
def test_a_lost_life_is_followed_by_a_no_op_fire_and_the_third_action(start, first):
    actor = make_actor("....l......", start)
    actor.act(0)
    assert actor.act(2).episode_end
    assert actor.environment.tape == ["restart", "7 frames", 1, 2, 0, 2, 0, 1, 2]
    assert screens(actor) == first
    actor.act(1)
    assert screens(actor) == [*first[1:], 9]


def test_nothing_is_pressed_after_a_life_in_dqn_zoo():
    actor = make_actor("...l......", ZOO)
    assert screens(actor) == [0, 0, 1]
    for _ in range(3):
        actor.act(1)
    assert actor.environment.tape == ["restart", "7 frames", 1, 1, 1]
    assert screens(actor) == [2, 3, 4]


def test_a_life_that_is_won_begins_nothing_and_the_next_lost_one_does():
    actor = make_actor("....bl......", SB3)
    actor.act(0)
    actor.act(2)
    assert screens(actor) == [3, 4, 5]
    actor.act(2)
    assert screens(actor) == [0, 0, 9]


def test_rewards_of_the_start_count_and_a_game_over_in_it_begins_another_game():
    actor = make_actor("r...lo", SB3)
    actor.act(0)
    games = actor.act(0).games  # the no-op after the lost life ends the game
    assert games == [FinishedGame(score=5, steps=5, frames=24)]
    assert actor.environment.tape[-5:] == [0, "restart", "7 frames", 1, 2]


def test_a_restored_actor_begins_its_lives_as_it_would_have():
    class Kept(WithLives):
        def get_state(self):
            return {**super().get_state(), "lives": self.lives}

        def set_state(self, state):
            super().set_state(state)
            self.lives = state["lives"]

    def make():
        return Actor(
            Kept("....l....l......"),
            state_shape=(3, 2, 2),
            random_starts=30,
            episode_start=SB3,
            generator=np.random.default_rng(0),
        )

    first, second = make(), make()
    first.start()
    for _ in range(3):
        first.act(0)
    second.set_state(first.get_state())
    for _ in range(5):
        first.act(2)
        second.act(2)
        np.testing.assert_array_equal(first.state, second.state)


def test_with_the_same_actions_states_are_those_of_stable_baselines3():
    """Bit for bit, over four lost lives and a new game."""
    gymnasium = pytest.importorskip("gymnasium")
    env_util = pytest.importorskip("stable_baselines3.common.env_util")
    vec_env = pytest.importorskip("stable_baselines3.common.vec_env")
    gymnasium.register_envs(pytest.importorskip("ale_py"))
    games = env_util.make_atari_env("BreakoutNoFrameskip-v4", seed=1)
    _wrapper(games.envs[0], "NoopResetEnv").override_num_noops = NO_OP_FRAMES
    there = vec_env.VecFrameStack(games, n_stack=4)
    rom, name = find_rom("breakout.bin", Path())
    here = Actor(
        create_environment(
            rom,
            name,
            GameSettings(),
            ObservationSettings(pooling="max", grayscale="opencv", interpolation="area"),
            life_loss_is_terminal=True,
            seed=1,
        ),
        state_shape=(4, 84, 84),
        random_starts=30,
        episode_start=SB3,
        generator=Fixed(),
    )
    here.start()
    np.testing.assert_array_equal(here.state, there.reset()[0].transpose(2, 0, 1))
    generator = np.random.default_rng(3)
    ends = 0
    for _ in range(190):
        action = int(generator.integers(4))
        transition = here.act(action)
        states, rewards, dones, _ = there.step(np.array([action]))
        np.testing.assert_array_equal(here.state, states[0].transpose(2, 0, 1))
        assert (transition.reward > 0, transition.episode_end) == (rewards[0] > 0, dones[0])
        ends += int(dones[0])
    assert ends > 5
    there.close()


def _wrapper(env, name):
    while type(env).__name__ != name:
        env = env.env
    return env

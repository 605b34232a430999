"""Random starts, restarts and the counting of whole games."""

from pathlib import Path

import numpy as np
import pytest

from dqn.actors.actor import Actor
from dqn.actors.events import FinishedGame
from dqn.environments.create import create_environment
from dqn.environments.roms import find_rom
from dqn.environments.settings import GameSettings, ObservationSettings
from helpers.toy_games import ScriptedGame


def make_actor(
    *scripts, history_length=2, random_starts=2, seed=0, fires=False, num_actions=3, spreads=False
):
    return Actor(
        ScriptedGame(*scripts, num_actions=num_actions),
        state_shape=(history_length, 2, 2),
        random_starts=random_starts,
        fires_on_start=fires,
        spreads_starts=spreads,
        generator=np.random.default_rng(seed),
    )


def act_until_a_game_ends(actor, action=1):
    while True:
        transition = actor.act(action)
        if transition.games:
            return transition


def test_a_game_begins_with_no_ops_that_fill_the_state():
    actor = make_actor("....................", history_length=3, random_starts=3)
    actor.start()
    assert actor.environment.tape == ["restart", 0, 0, 0]
    assert actor.state[:, 0, 0].tolist() == [1, 2, 3]


def test_the_number_of_no_ops_is_drawn_between_the_history_and_random_starts():
    counts = set()
    for seed in range(60):
        actor = make_actor("." * 99, history_length=2, random_starts=5, seed=seed)
        actor.start()
        counts.add(actor.environment.tape.count(0))
    assert counts == {2, 3, 4, 5}


def test_fewer_random_starts_than_screens_in_a_state_still_fill_it():
    actor = make_actor("." * 99, history_length=4, random_starts=0)
    actor.start()
    assert actor.environment.tape == ["restart", 0, 0, 0, 0]


def test_a_lost_life_is_terminal_and_the_game_goes_on():
    actor = make_actor("...l........o")
    actor.start()
    first, second = actor.act(1), actor.act(2)
    assert (first.terminal, second.terminal, second.episode_end) == (False, True, True)
    assert actor.environment.tape == ["restart", 0, 0, 1, 2, 0, 0]
    assert second.games == []
    assert second.observation[0, 0] == 4  # that of the action, not of the no-ops after it


def test_a_finished_game_is_counted_with_the_rewards_of_its_no_ops():
    actor = make_actor("r.rlr.ro")
    actor.start()
    game = act_until_a_game_ends(actor).games
    assert game == [FinishedGame(score=20, steps=8, frames=32)]


def test_a_game_that_is_cut_off_ends_without_being_terminal():
    actor = make_actor("...c")
    actor.start()
    actor.act(1)
    transition = actor.act(1)
    assert not transition.terminal
    assert transition.episode_end
    assert transition.games == [FinishedGame(0, 4, 16)]


def test_a_life_lost_among_the_no_ops_changes_nothing():
    actor = make_actor(".l....o")
    actor.start()
    assert actor.environment.tape == ["restart", 0, 0]
    assert act_until_a_game_ends(actor).games == [FinishedGame(0, 7, 28)]


def test_a_game_over_among_the_no_ops_is_counted_and_a_new_game_begun():
    actor = make_actor(".ro", ".......o", history_length=4, random_starts=4)
    actor.start()
    assert actor.environment.tape == ["restart", 0, 0, 0, "restart", 0]
    assert actor.act(1).games == [FinishedGame(5, 3, 12)]


def test_start_leaves_a_game_in_play_alone_and_restart_drops_it():
    actor = make_actor("." * 50)
    actor.start()
    actor.act(1)
    actor.start()
    assert actor.environment.tape.count("restart") == 1
    actor.restart()
    assert actor.environment.tape.count("restart") == 2


def test_fire_follows_the_no_ops_of_every_episode():
    actor = make_actor("...l.....o", history_length=2, random_starts=2, fires=True)
    actor.start()
    assert actor.environment.tape == ["restart", 0, 0, 1]
    assert actor.state[:, 0, 0].tolist() == [2, 3]
    assert actor.act(2).episode_end  # a lost life
    assert actor.environment.tape == ["restart", 0, 0, 1, 2, 0, 0, 1]
    actor.act(2)
    actor.act(2)
    game = actor.act(2).games
    assert game == [FinishedGame(0, 10, 40)]
    assert actor.environment.tape[-4:] == ["restart", 0, 0, 1]


def test_fire_comes_after_as_many_no_ops_as_without_it():
    tapes = []
    for fires in (False, True):
        actor = make_actor("." * 99, random_starts=20, seed=4, fires=fires)
        actor.start()
        tapes.append(actor.environment.tape)
    without, with_fire = tapes
    assert with_fire == [*without, 1]


def test_a_game_without_fire_begins_with_no_ops_alone():
    actor = make_actor("." * 9, fires=True, num_actions=1)
    actor.start()
    assert actor.environment.tape == ["restart", 0, 0]


def test_a_game_that_fire_ends_is_counted_and_a_new_one_begun():
    actor = make_actor("..o", ".....o", fires=True)
    actor.start()
    assert actor.environment.tape == ["restart", 0, 0, 1, "restart"]
    assert actor.act(2).games == [FinishedGame(0, 3, 12)]


def test_breakouts_ball_waits_for_fire_after_each_lost_life():
    games = []
    for fires in (False, True):
        game = create_environment(
            *find_rom("breakout", Path("roms")),
            GameSettings(),
            ObservationSettings(kind="ram"),
            life_loss_is_terminal=True,
            seed=1,
        )
        actor = Actor(
            game,
            state_shape=(4, 128),
            random_starts=4,
            fires_on_start=fires,
            generator=np.random.default_rng(1),
        )
        actor.start()
        games.append([actor.act(0).terminal for _ in range(200)])
    idle, fired = games
    assert not any(idle)  # the ball waits
    assert sum(fired) > 1  # also after a lost life it was thrown


def play_spread(actor, num_actions):
    """Take that many actions of a policy; how many of a start come between, and what was seen."""
    counts, seen = [], []
    for _ in range(num_actions):
        count = 0
        while not actor.is_ready:
            actor.continue_start()
            count += 1
        counts.append(count)
        transition = actor.act(1)
        seen.append((transition.reward, transition.observation.tolist(), transition.episode_end))
    return counts, seen


def test_a_spread_start_takes_the_same_actions_one_at_a_time():
    settings = {"random_starts": 6, "seed": 3, "fires": True, "num_actions": 3}
    script = "....l...r...l....o"
    whole, spread = make_actor(script, **settings), make_actor(script, **settings, spreads=True)
    for actor in (whole, spread):
        actor.start()
    assert spread.is_ready  # nobody waits for the first start
    expected = [whole.act(1) for _ in range(20)]
    counts, seen = play_spread(spread, 20)
    assert seen == [(t.reward, t.observation.tolist(), t.episode_end) for t in expected]
    ends = [i for i, t in enumerate(expected[:-1]) if t.episode_end]
    assert len(ends) > 2
    assert all(2 < counts[i + 1] <= 7 for i in ends)
    assert sum(counts) == sum(counts[i + 1] for i in ends)
    shared = min(len(whole.environment.tape), len(spread.environment.tape))
    assert spread.environment.tape[:shared] == whole.environment.tape[:shared]


def test_a_game_that_a_spread_start_ends_is_counted_with_the_next_action():
    actor = make_actor("...l.o", ".......", spreads=True)
    actor.start()
    assert actor.act(1).games == actor.act(1).games == []

    while not actor.is_ready:
        actor.continue_start()
    assert [game.steps for game in actor.act(1).games] == [6]


def test_a_checkpoint_within_a_spread_start_goes_on_with_the_rest_of_it():
    script = "........l" + "." * 50
    actor, other = (make_actor(script, random_starts=6, spreads=True) for _ in range(2))
    actor.start()
    while actor.is_ready:
        actor.act(1)
    actor.continue_start()
    state = actor.get_state()
    assert state["start_actions"]
    other.set_state(state)
    assert play_spread(other, 3) == play_spread(actor, 3)
    with pytest.raises(ValueError, match="0 is 3"):
        other.set_state({**state, "start_actions": [3]})  # of 0, 1 and 2
    del state["start_actions"]  # as in older checkpoints
    other.set_state(state)
    assert other.is_ready

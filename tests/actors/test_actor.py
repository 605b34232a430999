"""Random starts, restarts and the counting of whole games."""

import numpy as np

from dqn.actors.actor import Actor
from dqn.actors.events import FinishedGame
from helpers.toy_games import ScriptedGame


def make_actor(*scripts, history_length=2, random_starts=2, seed=0):
    return Actor(
        ScriptedGame(*scripts),
        state_shape=(history_length, 2, 2),
        random_starts=random_starts,
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

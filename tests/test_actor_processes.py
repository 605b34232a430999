"""Actors in several processes play the same games as in one, and end with it."""

import multiprocessing
import os
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from dqn.actor_processes import ActorLost, ActorProcesses
from dqn.actors import Actor
from helpers.toy_games import ScriptedGame

SRC = Path(__file__).resolve().parent.parent / "src"


def make_actor(script, seed):
    return Actor(
        ScriptedGame(script),
        screen_height=2,
        screen_width=2,
        history_length=2,
        random_starts=4,
        generator=np.random.default_rng(seed),
    )


def make_actors(num_processes, num_actors=5):
    makers = {
        "train": [partial(make_actor, "..r.l...o", seed) for seed in range(num_actors)],
        "test": [partial(make_actor, ".....rro", seed + 9) for seed in range(num_actors)],
    }
    return ActorProcesses(makers, num_processes=num_processes, state_shape=(2, 2, 2))


def play(group, chosen, steps=25):
    """What happens and is seen in some steps of the chosen actors."""
    happened = []
    for num_rounds in [1] * steps + [3]:
        for transitions in group.act(chosen, [[1] * len(chosen)] * num_rounds):
            for reward, screen, *rest in transitions:
                happened.append((reward, screen.tolist(), rest))
        happened.append(group.states.tolist())
    return happened


def test_the_games_do_not_depend_on_the_number_of_processes():
    stories = []
    for num_processes in (1, 2, 5):
        with closing(make_actors(num_processes)) as actors:
            train, test = actors.groups["train"], actors.groups["test"]
            train.start()
            test.restart()
            story = [play(train, range(5)), play(test, [0, 3, 4]), play(train, [1, 2])]
            story.append(repr(train.get_state()))
            train.restart()
            stories.append([*story, play(train, range(3))])
    assert stories[0] == stories[1] == stories[2]


def test_actors_go_on_from_a_state_in_other_processes():
    with closing(make_actors(2)) as actors:
        group = actors.groups["train"]
        group.start()
        play(group, range(5))
        state = group.get_state()
        expected = play(group, range(5))
    with closing(make_actors(3)) as actors:
        group = actors.groups["train"]
        group.set_state(state)
        assert play(group, range(5)) == expected
        with pytest.raises(ValueError, match="4 actors instead of 5"):
            group.set_state(state[:4])


def test_a_state_that_does_not_fit_is_refused_in_every_process():
    with closing(make_actors(2)) as actors:
        group = actors.groups["train"]
        group.start()
        state = group.get_state()
        del state[-1]["screens"]
        with pytest.raises(KeyError, match="screens"):
            group.set_state(state)


def test_a_lost_process_is_told_and_the_others_step_is_kept():
    with closing(make_actors(2)) as actors:
        group = actors.groups["train"]
        group.start()
        group.check()
        (worker,) = multiprocessing.active_children()
        worker.kill()
        transitions = group.act(range(5), [[1] * 5])
        assert [those is None for those in transitions] == [False] * 3 + [True] * 2
        assert [state is None for state in group.get_state()] == [False] * 3 + [True] * 2
        with pytest.raises(ActorLost, match=r"actors 3 to 4 ended \(exit code -9\)"):
            group.check()


def test_an_actor_without_a_state_begins_a_new_game():
    with closing(make_actors(2)) as actors:
        group = actors.groups["train"]
        group.start()
        play(group, range(5), steps=3)
        state = group.get_state()
    with closing(make_actors(2)) as actors:
        group = actors.groups["train"]
        group.set_state([*state[:4], None])
        group.start()
        states = group.get_state()
        assert repr(states[:4]) == repr(state[:4])
        assert states[4]["steps"] <= 4  # its random start


def test_the_processes_end_with_the_one_that_began_them_however_it_ends(tmp_path):
    command = [sys.executable, str(SRC / "main.py"), "breakout", "--backend", "cpu"]
    command += ["--actors", "2", "--random_steps", "100000", "--replay_size", "1000"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with open(tmp_path / "log", "w") as log:
        run = subprocess.Popen(command, env=environment, stderr=log)
    children = []
    while not (children and "Populating" in (tmp_path / "log").read_text()):
        assert run.poll() is None, (tmp_path / "log").read_text()
        children = psutil.Process(run.pid).children(recursive=True)
        time.sleep(0.05)
    run.kill()
    run.wait()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive

"""Actors in several processes play the same games as in one, and end with it."""

import multiprocessing
import os
import signal
import threading
import time
from contextlib import closing
from functools import partial

import numpy as np
import psutil
import pytest

from dqn.actors import processes as actor_processes
from dqn.actors.actor import Actor
from dqn.actors.group import ActorLost
from dqn.actors.processes import ActorProcesses
from dqn.errors import UserError
from helpers.cores import needs_two_cores
from helpers.forked import Program
from helpers.toy_games import ScriptedGame


class EndlessGame(ScriptedGame):
    """Its observations do not count the steps, of which there may be many."""

    def observe(self):
        return np.zeros(self._size, np.uint8)


def make_actor(script, seed, spreads=False):
    return Actor(
        ScriptedGame(script) if script else EndlessGame("."),
        state_shape=(2, 2, 2),
        random_starts=4,
        spreads_starts=spreads,
        generator=np.random.default_rng(seed),
    )


def make_actors(num_processes, num_actors=5, script="..r.l...o", spreads=False, **options):
    makers = {
        "train": [partial(make_actor, script, seed, spreads) for seed in range(num_actors)],
        "test": [partial(make_actor, ".....rro", seed + 9) for seed in range(num_actors)],
    }
    return ActorProcesses(makers, num_processes=num_processes, state_shape=(2, 2, 2), **options)


def play(group, chosen, steps=25):
    """What happens and is seen in some steps of the chosen actors."""
    happened = []
    for _ in range(steps):
        for reward, observation, *rest in group.act(chosen, [1] * len(chosen)):
            happened.append((reward, observation.tolist(), rest))
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


def play_ready(group, steps=40):
    """What is seen while all that are ready act, and who they are."""
    happened = []
    for _ in range(steps):
        chosen = np.flatnonzero(group.ready).tolist()
        group.act(chosen, [1] * len(chosen))
        happened.append((chosen, group.states.tolist()))
    return happened


@pytest.mark.parametrize("is_busy", [False, True])
def test_starts_go_on_while_others_act_in_any_number_of_processes(is_busy):
    stories = []
    for num_processes in (1, 3):
        with closing(make_actors(num_processes, spreads=True, is_busy=is_busy)) as actors:
            group = actors.groups["train"]
            group.start()
            stories.append(play_ready(group))
            assert len(actors.groups["train"]._local._actors) == (1 if is_busy else 2) or (
                num_processes == 1
            )
    assert stories[0] == stories[1]
    counts = {len(chosen) for chosen, _ in stories[0]}
    assert 5 in counts
    assert counts & {1, 2, 3, 4}


def test_something_is_done_while_other_processes_step():
    calls = []
    with closing(make_actors(2)) as actors:
        group = actors.groups["train"]
        group.start()
        transitions = group.act(range(5), [1] * 5, lambda: calls.append("meanwhile"))
    assert calls == ["meanwhile"]
    assert len(transitions) == 5


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
        transitions = group.act(range(5), [1] * 5)
        assert [those is None for those in transitions] == [False] * 3 + [True] * 2
        assert [state is None for state in group.get_state()] == [False] * 3 + [True] * 2
        with pytest.raises(ActorLost, match=r"actors 3 to 4 ended \(exit code -9\)"):
            group.check()


class Stopping:
    """Whether the run is to stop, which the test decides."""

    def __init__(self):
        self.is_true = False

    def __call__(self):
        return self.is_true


def stop_alone(worker):
    """Let a process stand still, as nothing but SIGCONT ends."""
    worker.send_signal(signal.SIGSTOP)
    while worker.status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)


def the_worker():
    (worker,) = multiprocessing.active_children()
    return psutil.Process(worker.pid)


def test_a_process_that_stands_still_is_waited_for(monkeypatch):
    monkeypatch.setattr(actor_processes, "ANSWER_SECONDS", 0)
    with closing(make_actors(2)) as actors:
        group = actors.groups["train"]
        group.start()
        stop_alone(the_worker())
        timer = threading.Timer(2.5, the_worker().resume)
        timer.start()
        transitions = group.act(range(5), [1] * 5)
        timer.join()
        assert None not in transitions
        group.check()


def test_a_process_that_stands_still_does_not_keep_a_run_from_stopping(monkeypatch):
    monkeypatch.setattr(actor_processes, "ANSWER_SECONDS", 1)
    stopping = Stopping()
    with closing(make_actors(2, is_stopping=stopping)) as actors:
        group = actors.groups["train"]
        group.start()
        stop_alone(the_worker())
        stopping.is_true = True
        transitions = group.act(range(5), [1] * 5)
        assert [those is None for those in transitions] == [False] * 3 + [True] * 2
        assert [state is None for state in group.get_state()] == [False] * 3 + [True] * 2
        with pytest.raises(ActorLost, match="the actors 3 to 4 did not answer for 1 s and was"):
            group.check()


def test_only_seconds_of_the_same_wait_count():
    with closing(make_actors(2)) as actors:
        group = actors.groups["train"]
        group.start()
        (worker,) = group._workers
        for _ in range(3):
            with worker._awaiting():
                for _ in range(actor_processes.ANSWER_SECONDS):
                    worker.count_silent_second()
            for _ in range(3 * actor_processes.ANSWER_SECONDS):
                worker.count_silent_second()  # nobody waits for it
        assert None not in group.act(range(5), [1] * 5)
        group.check()


def test_a_process_that_stands_still_in_the_midst_of_its_answer_is_noticed(monkeypatch):
    monkeypatch.setattr(actor_processes, "ANSWER_SECONDS", 1)
    stopping = Stopping()
    with closing(make_actors(2, num_actors=2, script="", is_stopping=stopping)) as actors:
        group = actors.groups["train"]
        group.start()
        process = the_worker()
        (worker,) = group._workers
        worker.send("train", "act", ([0] * 20_000, [1] * 20_000))  # more than a pipe takes
        assert worker._connection.poll(60)
        stop_alone(process)
        stopping.is_true = True
        assert worker.receive() is None
        with pytest.raises(ActorLost, match="the process of actor 1 did not answer"):
            group.check()


def test_closing_ends_a_process_that_stands_still(monkeypatch):
    monkeypatch.setattr(actor_processes, "ANSWER_SECONDS", 0.1)
    with closing(make_actors(2)):
        worker = the_worker()
        stop_alone(worker)
    assert not worker.is_running()


def is_worker():
    return multiprocessing.parent_process() is not None


def make_and_die():
    if is_worker():
        os.kill(os.getpid(), signal.SIGKILL)
    return make_actor(".", 1)


def make_and_fail():
    if is_worker():
        raise UserError("no such game")
    return make_actor(".", 1)


@pytest.mark.parametrize(
    ("make", "words"),
    [(make_and_die, r"actor 1 ended \(exit code -9\)"), (make_and_fail, "no such game")],
)
def test_a_process_that_ends_while_it_starts_is_one_line(make, words, capfd):
    makers = {"train": [make, make, partial(make_actor, ".", 1)]}
    with pytest.raises(UserError, match=words):
        ActorProcesses(makers, num_processes=3, state_shape=(2, 2, 2))
    assert capfd.readouterr().err == ""
    for process in multiprocessing.active_children():
        process.join()  # the third one too, though nobody closes it


@needs_two_cores
@pytest.mark.parametrize("seconds", [0, 0.3, 0.6])
def test_ctrl_c_while_processes_start_takes_one_line(seconds):
    """It goes to all of them, as from a terminal."""
    command = ["breakout", "--backend", "cpu", "--actors", "3", "--random_steps", "100000"]
    run = Program([*command, "--replay_size", "1000"], start_new_session=True)

    def starts_workers():
        children = psutil.Process(run.pid).children()
        return any("spawn_main" in " ".join(child.cmdline()) for child in children)

    while not starts_workers():
        assert run.poll() is None
        time.sleep(0.01)
    time.sleep(seconds)
    os.killpg(run.pid, signal.SIGINT)
    errors = run.communicate()[1]
    assert run.returncode == 130
    assert "Traceback" not in errors
    assert errors.endswith(("error: interrupted\n", "Stopped, because a signal came\n"))


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


@needs_two_cores
def test_the_processes_end_with_the_one_that_began_them_however_it_ends(tmp_path):
    command = ["breakout", "--backend", "cpu", "--actors", "2", "--random_steps", "100000"]
    run = Program([*command, "--replay_size", "1000"], stderr=tmp_path / "log")
    children = []
    while not (children and "Populating" in (tmp_path / "log").read_text()):
        assert run.poll() is None, (tmp_path / "log").read_text()
        children = psutil.Process(run.pid).children(recursive=True)
        time.sleep(0.05)
    run.kill()
    run.wait()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive

"""What looks like a checkpoint and is none: one line, or a run that works."""

import contextlib
import copy
import logging
import os
import random
import re
import shutil
import signal
import socket

import numpy as np
import pytest

import main
from dqn.checkpoints.folder import CheckpointFolder
from dqn.errors import UserError
from dqn.machine.interruption import TIME_IS_UP, Interruption
from helpers.checkpointed_run import Run

FLAGS = (
    "breakout --backend cpu --random_steps 40 --train_steps 30 --test_steps 30 --epochs 2 "
    "--screen_width 36 --screen_height 36 --replay_size 60 --batch_size 4 --random_seed 1 "
    "--random_starts 4 --repeat_action_probability 0.1 --target_steps 8 --prioritized true"
).split()
VALUES = [
    *(None, True, False, 0, -1, 3, 2**31, 2**64, 10**400, 0.5, -1e300, float("nan"), float("inf")),
    *("", "auto", "a\0b", "\ud800", "two\nlines", [], [None], [[]], {}, {"a": 1}),
    *(np.zeros(0), np.zeros((2, 3), np.float32), np.full(4, np.nan), np.array(1, np.uint8)),
    np.array(["text"]),
]


def command(folder):
    prefix = folder / "run"
    return [*FLAGS, "--save_weights_prefix", str(prefix), "--csv_file", f"{prefix}.csv"]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was stopped in its first test."""
    folder = tmp_path_factory.mktemp("stopped")
    steps = iter([None] * 85)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(Interruption, "status", property(lambda _: next(steps, TIME_IS_UP)))
        assert main.main(command(folder)) == TIME_IS_UP
    shutil.rmtree(folder / "run.checkpoint" / "generation-000001")
    return folder


@pytest.fixture(scope="module")
def state(stopped):
    folder = CheckpointFolder(stopped / "run.checkpoint")
    yield folder.load()
    folder.close()


def leaves(value, path=()):
    """The keys that lead to each value in a state, containers and their ends."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))


def replaced(state, path, value):
    state = copy.deepcopy(state)
    place = state
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return state


def mutations(state):
    """Each value of the state, replaced by each of VALUES and changed a little."""
    for path in leaves(state):
        old = state
        for key in path:
            old = old[key]
        for value in VALUES:
            yield path, value
        if isinstance(old, np.ndarray) and old.size:
            yield from ((path, old[:-1]), (path, old[..., np.newaxis]), (path, old.astype("<f8")))
            noise = random.Random(str(path)).randbytes(old.nbytes)
            yield path, np.frombuffer(noise, old.dtype).reshape(old.shape)
        elif isinstance(old, list) and old:
            yield from ((path, old[:-1]), (path, old + old))


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def check(stopped, state, path, value, folder, capsys):
    shutil.copytree(stopped, folder)
    checkpoint = folder / "run.checkpoint"
    shutil.rmtree(checkpoint / "generation-000002")
    (checkpoint / "lock").unlink(missing_ok=True)
    forged = CheckpointFolder(checkpoint)
    forged.save(replaced(state, path, value))
    forged.close()
    before = contents(folder)
    status = main.main(command(folder))
    errors = capsys.readouterr().err
    if status:
        assert status == 2
        (line,) = errors.splitlines()
        assert line.startswith("error: ")
        assert line.isprintable()
        diverged = "lower --learning_rate" in line  # noise in the place of weights
        assert diverged or contents(folder) == before
    shutil.rmtree(folder)
    return status


@pytest.fixture
def _quiet(caplog, tmp_path, monkeypatch):
    """Nothing is logged, and forged folders are made in the test's own."""
    caplog.set_level(logging.CRITICAL)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_quiet")
def test_a_forged_state_ends_in_one_line_or_in_a_run_that_works(stopped, state, tmp_path, capsys):
    forged = list(mutations(state))
    of_priorities = [mutation for mutation in forged if mutation[0][:2] == ("parts", "sampler")]
    some = random.Random(1).sample(forged, 50) + random.Random(1).sample(of_priorities, 10)
    some += [(("options", "csv_file"), "\ud800"), (("options", "replay_file"), "\ud800")]
    statuses = [check(stopped, state, *mutation, tmp_path / "run", capsys) for mutation in some]
    assert set(statuses) == {0, 2}


@pytest.mark.slow
@pytest.mark.usefixtures("_quiet")
def test_every_forged_state_ends_in_one_line_or_in_a_run_that_works(
    stopped, state, tmp_path, capsys
):
    for path, value in mutations(state):
        print(path, repr(value)[:200])  # which one it was, if it fails
        check(stopped, state, path, value, tmp_path / "run", capsys)


# Something else in the place of a file


def make_socket(path):
    here = os.open(".", os.O_RDONLY)
    os.chdir(path.parent)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.fchdir(here)
    os.close(here)


def make_folder(path):
    (path / "state.json").mkdir(parents=True)
    (path / "state.json" / "mine").write_text("precious")
    (path / "notes").write_text("precious")


THINGS = {
    "pipe": os.mkfifo,
    "socket": make_socket,
    "empty folder": os.mkdir,
    "folder": make_folder,
    "file": lambda path: path.write_text("precious"),
    "empty file": lambda path: path.write_text(""),
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "endless device": lambda path: path.symlink_to("/dev/zero"),
    "link to a file": lambda path: path.symlink_to(os.environ["PRECIOUS"] + "/file"),
    "link to a folder": lambda path: path.symlink_to(os.environ["PRECIOUS"]),
}
PRECIOUS = ("file", "state.json", "arrays.npz", "notes")
PLACES = [
    *("", "lock", "generation-000001", "generation-000002", "generation-000002/state.json"),
    *("generation-000002/arrays.npz", "generation-000003", "generation-000003.part"),
    *("generation-000001.part", "notes.part", "steps", "steps/000000000000.steps"),
    *("steps/000000000009.steps", "steps/notes.steps"),
]


@pytest.fixture
def precious(tmp_path, monkeypatch):
    """A folder of the user's, which looks like a checkpoint's."""
    folder = tmp_path / "precious"
    folder.mkdir()
    for name in PRECIOUS:
        (folder / name).write_text("precious")
    monkeypatch.setenv("PRECIOUS", str(folder))
    return folder


@pytest.fixture
def _no_waiting():
    """What waits for a pipe fails, and is not waited for itself."""

    def too_long(*_):
        raise TimeoutError("waited for a pipe, or read without an end")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("_no_waiting")
@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("place", PLACES)
def test_something_else_in_a_file_s_place_is_one_line_or_out_of_the_way(
    place, thing, precious, tmp_path, monkeypatch
):
    monkeypatch.setattr("dqn.checkpoints.replay_log.SEGMENT_BYTES", 9 * 13)  # nine steps
    path = tmp_path / "run"
    run = Run(path)
    run.checkpointer.begin()
    run.play(12)
    run.checkpointer.save()
    run.folder.close()
    expected = run.contents()

    target = path / place
    if target.exists():
        target.rename(tmp_path / "as it was")
    THINGS[thing](target)
    with contextlib.suppress(UserError):
        run = Run(path)
        state = run.folder.load()
        if state:
            run.checkpointer.restore(state)
            is_older = run.contents()[0] == 0  # the generation before
            assert run.contents() == expected or (is_older and re.search("0000|steps", place))
        else:
            assert place == ""
            run.checkpointer.begin()
        run.play(12)
        run.checkpointer.save()
        run.checkpointer.close()
        run.folder.close()
        assert Run.load(path).contents() == run.contents()
    for name in PRECIOUS:
        assert (precious / name).read_text() == "precious"
    if thing == "folder":  # wherever it is now
        assert [path.read_text() for path in tmp_path.rglob("mine")] == ["precious"]
    if thing == "file" and not place.startswith("steps/0"):
        places = [path, *path.rglob("*")]
        assert b"precious" in [path.read_bytes() for path in places if path.is_file()]

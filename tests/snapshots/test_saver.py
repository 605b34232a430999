"""Which snapshots a run leaves: the best one is always marked, and only its own are deleted."""

import logging
import math
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import main
from dqn.checkpoints.folder import CheckpointFolder
from dqn.networks.architecture import Architecture
from dqn.snapshots.file import load_snapshot
from dqn.snapshots.saver import SnapshotSaver
from dqn.snapshots.snapshot import Metadata
from helpers.networks import make_network

SHAPE = {"screen_height": 36, "screen_width": 36, "history_length": 1}


class Network:
    """A network whose weights tell after how many updates they were saved."""

    train_iterations = 0

    def __init__(self):
        self._layers = make_network(**SHAPE).get_layers()
        for layer in self._layers:
            layer.weights = np.zeros(layer.weights.shape, np.float16)
            layer.states = []

    def get_layers(self):
        self._layers[-1].weights[0, 0] = self.train_iterations
        return self._layers


NETWORK = Network()


class Run:
    """The epochs of a run; `number` makes the snapshots of two runs differ."""

    def __init__(self, folder, num_newest=None, number=0):
        self.folder = folder
        self._number = number
        metadata = Metadata("breakout", [0, 1, 3, 4], (1, 36, 36))
        architecture = Architecture(4, (1, 36, 36))
        prefix = folder / "breakout"
        self.saver = SnapshotSaver(prefix, NETWORK, architecture, metadata, None, num_newest)

    def epoch(self, epoch, score=math.nan):
        NETWORK.train_iterations = 1000 * self._number + epoch
        self.saver.save(epoch, 0)
        self.saver.on_test(epoch, score)
        self.saver.prune()

    def epochs(self, *scores):
        for epoch, score in enumerate(scores, 1):
            self.epoch(epoch, score)

    @property
    def names(self):
        """What is in the folder, without the common beginning and end."""
        names = (path.name for path in self.folder.iterdir())
        return sorted(name.removeprefix("breakout_").removesuffix(".pkl") for name in names)

    @property
    def best(self):
        """The epoch of the snapshot that is called the best."""
        return load_snapshot(self.folder / "breakout_best.pkl").metadata.epoch


def test_all_snapshots_stay_and_the_best_is_marked(tmp_path):
    run = Run(tmp_path)
    run.epochs(1.0, 3.0, 3.0, 2.0)
    assert run.names == ["1", "2", "3", "4", "best"]
    assert run.best == 2


def test_the_mark_takes_no_room_and_does_not_need_the_other_name(tmp_path):
    run = Run(tmp_path)
    run.epochs(1.0, 3.0, 2.0)
    assert (tmp_path / "breakout_best.pkl").samefile(tmp_path / "breakout_2.pkl")
    (tmp_path / "breakout_2.pkl").unlink()
    assert run.best == 2


@pytest.mark.parametrize(
    ("num_newest", "kept"),
    [(1, ["2", "6", "best"]), (2, ["2", "5", "6", "best"]), (9, [*"123456", "best"])],
)
def test_the_newest_and_the_best_stay(tmp_path, num_newest, kept):
    run = Run(tmp_path, num_newest)
    run.epochs(1.0, 5.0, 3.0, 2.0, math.nan, 4.0)
    assert run.names == kept
    assert run.best == 2


def test_a_best_one_that_is_surpassed_goes(tmp_path):
    run = Run(tmp_path, 1)
    run.epochs(5.0, 1.0, 6.0, 2.0)
    assert run.names == ["3", "4", "best"]
    assert run.best == 3


@settings(max_examples=30, deadline=None)
@given(
    scores=st.lists(st.sampled_from([math.nan, -1.0, 0.0, 2.5, 7.0]), min_size=1, max_size=8),
    num_newest=st.none() | st.integers(1, 4),
    restores=st.sets(st.integers(1, 8)),
)
def test_whatever_the_scores_and_restarts(tmp_path_factory, scores, num_newest, restores):
    run = Run(tmp_path_factory.mktemp("run"), num_newest)
    for epoch, score in enumerate(scores, 1):
        run.epoch(epoch, score)
        if epoch in restores:
            state = run.saver.get_state()
            run = Run(run.folder, num_newest)
            run.saver.set_state(state)
    epochs = range(1, len(scores) + 1)
    kept = set(epochs[-num_newest:] if num_newest else epochs)
    known = [epoch for epoch in epochs if not math.isnan(scores[epoch - 1])]
    if known:
        best = max(known, key=lambda epoch: scores[epoch - 1])
        kept |= {best, "best"}
        assert run.best == best
    assert run.names == sorted(map(str, kept))


def test_without_tests_none_is_the_best(tmp_path):
    run = Run(tmp_path, 2)
    for epoch in (1, 2, 3):
        NETWORK.train_iterations = epoch
        run.saver.save(epoch, 0)
        run.saver.prune()
    assert run.names == ["2", "3"]


def test_files_that_this_run_did_not_save_stay(tmp_path):
    other = Run(tmp_path, number=1)
    other.epochs(1.0, 9.0, 3.0)
    (tmp_path / "breakout_0.pkl").write_bytes(b"mine")
    run = Run(tmp_path, 1, number=2)
    run.epoch(4, 1.0)
    run.epoch(5, 2.0)
    (tmp_path / "breakout_5.pkl").unlink()
    (tmp_path / "breakout_5.pkl").write_bytes(b"mine, too")
    run.epoch(6, 3.0)
    run.epoch(7, 0.0)
    assert run.names == ["0", "1", "2", "3", "5", "6", "7", "best", "best.pkl.1"]
    assert (tmp_path / "breakout_5.pkl").read_bytes() == b"mine, too"
    assert load_snapshot(tmp_path / "breakout_2.pkl").metadata.weight_updates == 1002
    assert run.best == 6


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling link", "older best"])
def test_what_has_the_name_of_the_best_is_moved_aside(tmp_path, kind, caplog):
    caplog.set_level(logging.INFO)
    best, aside = tmp_path / "breakout_best.pkl", tmp_path / "breakout_best.pkl.1"
    (tmp_path / "mine").write_bytes(b"mine")
    match kind:
        case "file":
            best.write_bytes(b"mine")
        case "folder":
            best.mkdir()
        case "link":
            best.symlink_to("mine")
        case "dangling link":
            best.symlink_to("gone")
        case "older best":
            Run(tmp_path, number=1).epoch(9, 50.0)
    run = Run(tmp_path)
    run.epochs(1.0, 2.0)
    assert run.best == 2
    assert "breakout_best.pkl.1" in caplog.text
    assert (tmp_path / "mine").read_bytes() == b"mine"
    match kind:
        case "file":
            assert aside.read_bytes() == b"mine"
        case "folder":
            assert aside.is_dir()
        case "link" | "dangling link":
            assert aside.is_symlink()
        case "older best":
            assert load_snapshot(aside).metadata.epoch == 9
    assert not (tmp_path / "breakout_best.pkl.2").exists()  # its own is replaced


@pytest.mark.parametrize(
    ("epoch", "loaded", "aside"),
    [(0, None, True), (0, "breakout_best.pkl", False), (2, "breakout_2.pkl", False)],
)
def test_the_best_of_an_older_run_goes_aside_where_another_one_begins(
    tmp_path, epoch, loaded, aside
):
    Run(tmp_path).epochs(1.0, 5.0, 3.0)
    Run(tmp_path).saver.move_older_aside(epoch, loaded and tmp_path / loaded)
    assert (tmp_path / "breakout_best.pkl.1").exists() == aside
    assert (tmp_path / "breakout_best.pkl").exists() != aside


def test_where_files_have_one_name_only_the_best_is_a_copy(tmp_path, monkeypatch):
    def link(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    run = Run(tmp_path, 1)
    run.epochs(1.0, 3.0, 2.0)
    assert run.names == ["2", "3", "best"]
    assert run.best == 2
    assert not (tmp_path / "breakout_best.pkl").samefile(tmp_path / "breakout_2.pkl")


def test_a_mark_that_cannot_be_made_is_logged_and_made_later(tmp_path, monkeypatch, caplog):
    link = os.link

    def fail(*_):
        raise OSError(28, "No space left on device")

    run = Run(tmp_path)
    monkeypatch.setattr(os, "link", fail)
    monkeypatch.setattr("dqn.snapshots.saver.atomic_write", fail)
    run.epoch(1, 5.0)
    assert "No space left on device" in caplog.text
    assert run.names == ["1"]
    monkeypatch.setattr(os, "link", link)
    run.epoch(2, 1.0)
    assert run.best == 1


def test_a_snapshot_that_is_made_again_after_a_kill_is_still_the_best(tmp_path):
    run = Run(tmp_path, 1)
    run.epoch(1, 1.0)
    state = run.saver.get_state()
    run.epoch(2, 5.0)  # and then it was killed, before the next checkpoint
    run = Run(tmp_path, 1)
    run.saver.set_state(state)
    run.epoch(2, 5.0)
    run.epoch(3, 2.0)
    assert run.names == ["2", "3", "best"]
    assert run.best == 2


def test_a_checkpoint_of_an_earlier_version_knows_no_snapshot_that_may_go(tmp_path):
    Run(tmp_path).epochs(1.0, 2.0)
    run = Run(tmp_path, 1)
    run.saver.set_state({"last_good": str(tmp_path / "breakout_2.pkl"), "failed_epoch": None})
    run.epoch(3, 1.0)
    run.epoch(4, 0.5)
    assert [name for name in run.names if not name.startswith("best")] == ["1", "2", "3", "4"]


def test_a_snapshot_that_was_not_saved_is_not_the_best(tmp_path, monkeypatch):
    run = Run(tmp_path, 1)
    run.epoch(1, 1.0)

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("dqn.snapshots.saver.save_snapshot", fail)
        run.epoch(2, 9.0)
    assert run.names == ["1", "best"]
    assert run.best == 1


TINY = (
    "breakout --backend cpu --random_steps 60 --train_steps 40 --test_games 1 --replay_size 500 "
    "--screen_width 44 --screen_height 44 --max_game_frames 160 --random_seed 2"
).split()


def test_a_run_keeps_what_it_was_told_to_also_when_it_goes_on(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    prefix = tmp_path / "a"

    def train(*flags):
        assert main.main([*TINY, "--save_weights_prefix", str(prefix), *flags]) == 0
        return sorted(path.name for path in tmp_path.glob("*.pkl"))

    assert train("--epochs", "2") == ["a_1.pkl", "a_2.pkl", "a_best.pkl"]
    assert "The best so far" in caplog.text
    names = train("--epochs", "4", "--keep_snapshots", "last:1")
    best = load_snapshot(tmp_path / "a_best.pkl").metadata.epoch
    assert names == sorted({f"a_{best}.pkl", "a_4.pkl", "a_best.pkl"})

    test = ["--load_weights", str(tmp_path / "a_best.pkl"), "--epochs", "1"]
    assert main.main([*TINY[1:], *test, "--random_steps", "0", "--train_steps", "0"]) == 0


def test_a_snapshot_that_the_checkpoint_goes_on_from_stays(tmp_path, monkeypatch):
    """Nothing is deleted while no newer checkpoint can be made."""
    save = CheckpointFolder.save

    def save_once(folder, state):
        if list(folder.path.glob("generation-*")):
            raise OSError(28, "No space left on device")
        save(folder, state)

    monkeypatch.setattr(CheckpointFolder, "save", save_once)
    prefix = tmp_path / "a"
    flags = ["--save_weights_prefix", str(prefix), "--epochs", "3", "--keep_snapshots", "last:1"]
    assert main.main([*TINY, *flags]) == 2  # for want of a checkpoint
    assert {"a_1.pkl", "a_2.pkl", "a_3.pkl"} <= {path.name for path in tmp_path.iterdir()}

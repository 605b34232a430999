"""Which snapshots a run leaves: the best one is always marked, and only its own are deleted."""

import csv
import logging
import math
import os
import shutil
import signal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import main
from dqn.checkpoints.folder import CheckpointFolder
from dqn.errors import UserError
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

    def within(self, epoch, step, train_steps=0):
        NETWORK.train_iterations = 1000 * self._number + 100 * epoch + step
        self.saver.save_within(epoch, step, train_steps)

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


# Snapshots within epochs


def test_a_snapshot_within_an_epoch_is_named_after_it_and_records_the_epochs_before(tmp_path):
    run = Run(tmp_path)
    run.within(1, 20, train_steps=20)
    run.epoch(1)
    run.within(2, 20, train_steps=70)
    assert run.names == ["1", "1.20", "2.20"]
    assert run.saver.last_good == tmp_path / "breakout_2.20.pkl"
    found = {name: load_snapshot(tmp_path / f"breakout_{name}.pkl").metadata for name in run.names}
    assert {name: (m.epoch, m.train_steps) for name, m in found.items()} == {
        **{"1.20": (0, 20), "1": (1, 0), "2.20": (1, 70)}
    }


@pytest.mark.parametrize(
    ("num_newest", "kept"),
    [
        (None, ["1", "1.20", "1.40", "2", "2.100", "2.20", "2.40", "best"]),
        (1, ["1", "2", "best"]),
        (2, ["1", "2", "2.100", "best"]),
        (4, ["1", "2", "2.100", "2.20", "2.40", "best"]),
    ],
)
def test_those_within_epochs_count_among_the_newest_and_go_after_an_epoch(
    tmp_path, num_newest, kept
):
    run = Run(tmp_path, num_newest)
    run.within(1, 20)
    run.within(1, 40)
    run.epoch(1, 5.0)
    for step in (20, 40, 100):
        run.within(2, step)
    assert {"2.20", "2.40", "2.100"} < set(run.names)
    run.epoch(2, 3.0)
    assert run.names == kept
    assert run.best == 1


@pytest.mark.parametrize(
    ("num_newest", "epochs", "an_epoch", "number"),
    [
        (None, 3, 1, 3),
        (None, 3, 10, 30),
        (2, 9, 1, 3),
        (2, 1, 1, 1),
        (2, 9, 10, 12),
        (50, 3, 4, 12),
    ],
)
def test_how_many_snapshots_the_disk_must_hold(tmp_path, num_newest, epochs, an_epoch, number):
    """Between two epochs' ends: the newest, the best, and those of the epoch but its last."""
    assert Run(tmp_path, num_newest).saver.num_kept(epochs, an_epoch) == number


def test_the_forecast_of_snapshots_is_not_exceeded(tmp_path):
    run = Run(tmp_path, 2)
    most = 0
    for epoch in range(1, 6):
        for step in (20, 40, 60):
            run.within(epoch, step)
            most = max(most, len(set(run.names) - {"best"}))
        run.epoch(epoch, -epoch)
    assert most <= run.saver.num_kept(5, 4) == 6


def test_a_resumed_run_knows_its_snapshots_within_epochs(tmp_path):
    run = Run(tmp_path, 1)
    run.within(1, 20)
    state = run.saver.get_state()
    assert set(state["saved"]) == {"1.20"}
    run.within(1, 40)  # and then it was killed, before the next checkpoint
    run = Run(tmp_path, 1)
    run.saver.set_state(state)
    assert run.saver.last_good == tmp_path / "breakout_1.20.pkl"
    run.within(1, 40)
    run.epoch(1)
    assert run.names == ["1"]


@pytest.mark.parametrize("name", ["", "1.", ".5", "1.5.2", "x", "1.x"])
def test_a_checkpoint_whose_snapshots_have_no_names_does_not_fit(tmp_path, name):
    state = {"last_good": None, "failed_epoch": None, "saved": {name: "0" * 64}}
    with pytest.raises(ValueError, match="invalid literal"):
        Run(tmp_path).saver.set_state(state)


def test_a_snapshot_within_an_epoch_that_fails_is_logged_and_forgotten(
    tmp_path, monkeypatch, caplog
):
    run = Run(tmp_path)
    run.epoch(1, 1.0)

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("dqn.snapshots.saver.save_snapshot", fail)
        run.within(2, 20)
    assert "cannot save " in caplog.text
    assert "; training continues" in caplog.text
    assert run.saver.failed_epoch is None
    assert run.saver.last_good == tmp_path / "breakout_1.pkl"
    run.saver.close()


def test_an_epoch_that_failed_has_failed_whatever_is_saved_within_the_next(tmp_path, monkeypatch):
    run = Run(tmp_path)

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("dqn.snapshots.saver.save_snapshot", fail)
        run.epoch(1)
    run.within(2, 20)
    assert run.saver.failed_epoch == 1
    run.epoch(2)
    assert run.saver.failed_epoch is None


def test_weights_that_diverge_within_an_epoch_end_the_run(tmp_path):
    run = Run(tmp_path)
    run.epoch(1)
    layers = NETWORK.get_layers()
    layers[0].weights[0, 0] = np.nan
    try:
        with pytest.raises(UserError, match=r"diverged in epoch 2: .* is .*breakout_1\.pkl"):
            run.within(2, 20)
    finally:
        layers[0].weights[0, 0] = 0
    assert run.names == ["1"]


@pytest.mark.parametrize(
    ("epoch", "loaded", "stay"),
    [
        (0, None, ""),
        (0, "1.20", "1.20"),
        (1, "1", "1 1.20"),
        (1, "2.20", "1 1.20 2.20"),
        (2, "2", "1 1.20 2 2.20 2.40"),
    ],
)
def test_an_older_runs_snapshots_from_within_later_epochs_go_aside(tmp_path, epoch, loaded, stay):
    run = Run(tmp_path)
    for number in (1, 2):
        run.within(number, 20)
        if number == 2:
            run.within(2, 40)
        run.epoch(number)
    names = run.names
    Run(tmp_path).saver.move_older_aside(epoch, loaded and tmp_path / f"breakout_{loaded}.pkl")
    gone = set(names) - set(stay.split())
    assert run.names == sorted([*stay.split(), *(f"{name}.pkl.1" for name in gone)])


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


class Training:
    """Runs of two epochs with snapshots after 16 steps, too; `results` are their files."""

    flags = (*TINY, "--epochs", "2", "--snapshot_steps", "16")

    def __init__(self, folder):
        self.folder = folder

    def run(self, *flags, status=0):
        files = ["--save_weights_prefix", f"{self.folder}/a", "--csv_file", f"{self.folder}/a.csv"]
        assert main.main([*self.flags, *files, *flags]) == status

    def results(self):
        return {path.name: path.read_bytes() for path in sorted(self.folder.glob("*.pkl*"))}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    training = Training(tmp_path_factory.mktemp("trained"))
    training.run()
    return training


def test_snapshots_within_epochs_change_nothing_else(trained, tmp_path):
    names = ["a_1.16.pkl", "a_1.32.pkl", "a_1.pkl", "a_2.16.pkl", "a_2.32.pkl", "a_2.pkl"]
    assert [name for name in trained.results() if name != "a_best.pkl"] == names
    without = Training(tmp_path)
    without.run("--snapshot_steps", "0")
    assert len(without.results()) == 3
    assert without.results().items() < trained.results().items()


def test_snapshots_within_epochs_wait_for_an_update_beside_the_acting(tmp_path):
    runs = [Training(tmp_path / name) for name in ("one", "other", "without")]
    for run, steps in zip(runs, ("16", "16", "0"), strict=True):
        run.folder.mkdir()
        run.run("--overlap", "true", "--snapshot_steps", steps)
    assert runs[0].results() == runs[1].results()
    assert runs[2].results().items() < runs[0].results().items()


def test_several_actors_save_at_the_first_step_after_the_multiple(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        Training(tmp_path / name).run("--actors", "3", "--epochs", "1")
    results = Training(tmp_path / "one").results()
    assert set(results) == {"a_1.17.pkl", "a_1.32.pkl", "a_1.pkl", "a_best.pkl"}
    assert load_snapshot(tmp_path / "one" / "a_1.17.pkl").metadata.train_steps == 17
    assert results == Training(tmp_path / "other").results()


def end_at(monkeypatch, moments, end):
    """Do `end` right after the snapshots of these `moments`, (epoch, step), were saved."""
    save_within = SnapshotSaver.save_within

    def save_and_end(saver, epoch, step, train_steps):
        save_within(saver, epoch, step, train_steps)
        if (epoch, step) in moments:
            end()

    monkeypatch.setattr(SnapshotSaver, "save_within", save_and_end)


def terminate():
    signal.raise_signal(signal.SIGTERM)


class Killed(BaseException):
    """The end of a process, wherever it is."""


def kill():
    raise Killed


def test_a_run_stopped_at_each_snapshot_within_an_epoch_saves_each_once(
    trained, tmp_path, monkeypatch, caplog
):
    caplog.set_level(logging.INFO)
    end_at(monkeypatch, {(1, 16), (1, 32), (2, 32)}, terminate)
    run = Training(tmp_path)
    for _ in range(3):
        run.run(status=143)
    run.run()
    assert run.results() == trained.results()
    for name in run.results().keys() - {"a_best.pkl"}:
        assert caplog.text.count(f"Saving weights to {tmp_path}/{name}\n") == 1


def test_a_run_killed_after_a_snapshot_within_an_epoch_saves_it_again(
    trained, tmp_path, monkeypatch, caplog
):
    caplog.set_level(logging.INFO)
    run = Training(tmp_path)
    with monkeypatch.context() as patch:
        end_at(patch, {(2, 32)}, kill)
        with pytest.raises(Killed):
            run.run("--checkpoint_steps", "7")
    run.run()
    assert run.results() == trained.results()  # nothing is moved aside
    assert caplog.text.count(f"Saving weights to {tmp_path}/a_2.32.pkl\n") == 2


@pytest.mark.parametrize("name", ["a_1.16", "a_1.32"])
def test_a_run_begins_with_a_snapshot_from_within_an_epoch(trained, tmp_path, name, caplog):
    """As resume.sh calls it: the epoch is trained anew, and ε follows from all steps so far."""
    caplog.set_level(logging.INFO)
    shutil.copy(trained.folder / f"{name}.pkl", tmp_path)
    steps = int(name.removeprefix("a_1."))
    run = Training(tmp_path)
    loaded = ["--load_weights", str(tmp_path / f"{name}.pkl"), "--start_epoch", "auto"]
    run.run(*loaded, "--epochs", "1", "--exploration_decay_steps", "100")
    assert "Epoch #1" in caplog.text
    assert load_snapshot(tmp_path / "a_1.pkl").metadata.train_steps == steps + 40
    with open(tmp_path / "a.csv", newline="") as file:
        rows = {(row["epoch"], row["phase"]): row for row in csv.DictReader(file)}
    assert list(rows) == [("0", "random"), ("1", "train"), ("1", "test")]
    assert float(rows["0", "random"]["last_exploration_rate"]) == pytest.approx(1 - 0.009 * steps)
    # Its own snapshot of that name took the place of the one that it began with.
    aside = (tmp_path / f"{name}.pkl.1").read_bytes()
    assert aside == (trained.folder / f"{name}.pkl").read_bytes()


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_checkpoint_goes_on_from_the_last_snapshot_within_its_epoch_and_from_no_other(
    trained, tmp_path, epoch, monkeypatch, caplog
):
    caplog.set_level(logging.INFO)
    run = Training(tmp_path / "run")
    run.folder.mkdir()
    end_at(monkeypatch, {(epoch, 32)}, terminate)
    run.run(status=143)
    copy = Training(shutil.copytree(run.folder, tmp_path / "copy"))
    run.run("--load_weights", f"{run.folder}/a_{epoch}.32.pkl", "--start_epoch", "auto")
    assert "Resuming from the checkpoint" in caplog.text
    assert run.results() == trained.results()

    earlier = ["--load_weights", f"{copy.folder}/a_{epoch}.16.pkl", "--start_epoch", "auto"]
    copy.run(*earlier, "--snapshot_steps", "0")
    assert f"is of epoch {epoch - 1}: not used" in caplog.text
    assert "A snapshot has no replay memory" in caplog.text
    assert f"a_{epoch}.32.pkl.1" in copy.results()


def test_a_snapshot_from_within_the_first_epoch_is_tested(trained, tmp_path, capsys):
    path = trained.folder / "a_1.16.pkl"
    flags = "--random_steps 0 --train_steps 0 --epochs 1".split()  # as test.sh
    csv_file = tmp_path / "test.csv"
    loaded = ["--load_weights", str(path), "--csv_file", str(csv_file)]
    assert main.main([*TINY[1:], *loaded, *flags]) == 0
    assert capsys.readouterr().out.startswith("games: 1, ")
    with open(csv_file, newline="") as file:
        assert [(row["epoch"], row["phase"]) for row in csv.DictReader(file)] == [("0", "test")]

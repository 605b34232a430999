"""Where a command starts from: nothing, a snapshot or a checkpoint, and with which flags."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from dqn.assembly.assemble import assemble
from dqn.checkpoints.folder import CheckpointFolder
from dqn.errors import UserError
from dqn.networks.architecture import Architecture, Convolution
from dqn.options import network_flags
from dqn.origin import find_origin, flags_of_snapshot
from dqn.snapshots.file import save_snapshot
from dqn.snapshots.snapshot import Metadata, Snapshot
from helpers.networks import make_network
from helpers.paths import PROJECT
from helpers.snapshots import make_snapshot_of

SIZE = {"screen_height": 44, "screen_width": 44, "history_length": 2}
TRAIN = (
    "--backend cpu --screen_height 44 --screen_width 44 --history_length 2 --random_steps 20 "
    "--train_steps 10 --test_steps 5 --replay_size 100 --save_weights_prefix saved/run"
).split()
LOAD = ["--load_weights", "run_2.pkl"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, caplog):
    """An empty folder, where a command is given; its log is kept."""
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO)
    return tmp_path


def write_snapshot(name="run_2.pkl", game="breakout", **metadata):
    actions = [0, 1, 3, 4]
    about = Metadata(game, actions, (2, 44, 44), epoch=2, train_steps=700, **metadata)
    layers = make_network(**SIZE).get_layers()
    save_snapshot(Snapshot(layers, Architecture(4, (2, 44, 44)), about), Path(name))


def write_checkpoint(*flags, epoch=1, phase="train", **changes):
    """Leave a run with a checkpoint in `phase` of `epoch`, as if it had been stopped there."""
    with find_origin(["breakout", *TRAIN, "--random_seed", "1", *flags], PROJECT) as origin:
        run = assemble(origin, SimpleNamespace(status=None), PROJECT / "videos")
        run.experiment._position = (epoch, phase)
        run.checkpointer.begin()
        if changes:
            origin.folder.save({**origin.folder.load(), **changes})
        run.actors.close()


def origin_of(*arguments):
    with find_origin([*arguments], PROJECT) as origin:
        return origin


# Nothing


def test_a_new_run_starts_from_nothing_and_takes_the_folder_of_its_checkpoints(folder):
    with find_origin(["breakout", *TRAIN], PROJECT) as origin:
        assert (origin.checkpoint, origin.snapshot, origin.flags_before) == (None, None, None)
        assert origin.epoch_of_snapshot is None
        assert (origin.game, origin.rom.is_file(), len(origin.rom_sha256)) == ("breakout", True, 64)
        assert origin.folder.path.resolve() == folder / "saved" / "run.checkpoint"
        with pytest.raises(UserError, match="in use"), find_origin(["pong", *TRAIN], PROJECT):
            pass
    assert not (folder / "saved" / "run.checkpoint").exists()  # it left none


@pytest.mark.parametrize("flags", [["--checkpoint", "false"]])
def test_a_run_without_checkpoints_is_locked_all_the_same(flags):
    with find_origin(["breakout", *TRAIN, *flags], PROJECT) as origin:
        assert origin.folder is None
        with pytest.raises(UserError, match="in use"), find_origin(["pong", *TRAIN], PROJECT):
            pass


def test_what_does_not_train_locks_nothing(folder):
    write_snapshot()
    test = ["--train_steps", "0", "--save_weights_prefix", "saved/run"]
    assert origin_of(*LOAD, *test).folder is None
    assert not (folder / "saved").exists()


# A snapshot


def test_a_snapshot_brings_its_game_and_its_flags_which_the_command_line_may_change(caplog):
    write_snapshot(flags={"frame_skip": 3, "learning_rate": 0.01})
    origin = origin_of(*LOAD, *TRAIN, "--learning_rate", "0.02")
    assert origin.snapshot
    assert origin.game == "breakout"
    assert (origin.args.frame_skip, origin.args.learning_rate) == (3, 0.02)
    assert "--frame_skip 3" in caplog.text


VARIANT = Architecture(
    num_actions=4,
    state_shape=(2, 44, 44),
    convolutions=(Convolution(4, 8, 8, 4),),
    dense_units=(8, 7),
    activation="elu",
    biases=True,
    dueling="avg",
    dueling_streams=False,
)
TEST = "--random_steps 0 --train_steps 0 --test_steps 5 --epochs 1".split()


def write_variant(**flags):
    about = Metadata("breakout", [0, 1, 3, 4], VARIANT.state_shape, 2, flags=flags)
    snapshot = make_snapshot_of(VARIANT)
    save_snapshot(Snapshot(snapshot.layers, VARIANT, about), Path("run_2.pkl"))


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"network": "conv4x8s4", "dense_units": "8,7"},
        {"dense_units": "100000,100000", "batch_norm": True, "dueling": "false"},  # hostile
    ],
)
@pytest.mark.parametrize("arguments", [TEST, TRAIN])
def test_a_snapshot_brings_its_network_also_where_its_flags_do_not(arguments, flags):
    write_variant(**flags)
    args = origin_of(*LOAD, *arguments).args
    assert network_flags.architecture(args, 4, VARIANT.state_shape) == VARIANT
    assert (args.screen_height, args.history_length) == (44, 2)


@pytest.mark.parametrize(
    ("given", "trained"),
    [
        ("--dueling max", "--dueling avg"),
        ("--dueling_streams true", "--dueling_streams false"),
        ("--network nature", "--network conv4x8s4,8,7"),
        ("--activation relu", "--activation elu"),
        ("--biases false", "--biases true"),
        ("--batch_norm true", "--batch_norm false"),
        ("--shared_convolutions true", "--shared_convolutions false"),
    ],
)
@pytest.mark.parametrize("arguments", [TEST, TRAIN])
def test_a_flag_that_contradicts_the_snapshot_s_network_is_refused(arguments, given, trained):
    write_variant()
    with pytest.raises(UserError) as caught:
        origin_of(*LOAD, *arguments, *given.split())
    assert str(caught.value) == (
        f"{given} contradicts the snapshot run_2.pkl, which was trained with {trained}: leave the "
        "flag out"
    )


def test_units_that_contradict_the_default_ones_are_refused():
    write_snapshot()
    with pytest.raises(UserError, match=r"^--dense_units 64 .* with --dense_units 512: leave"):
        origin_of(*LOAD, *TEST, "--dense_units", "64")


@pytest.mark.parametrize(
    "same",
    [
        ["--dueling", "avg", "--biases", "yes"],
        ["--network", "conv4x8s4,8,7"],
        ["--network", "conv4x8x8s4,8,7", "--initializer", "fan_in"],
    ],
)
@pytest.mark.parametrize("flags", [{}, {"network": "conv4x8s4", "dense_units": "8,7"}])
def test_a_flag_that_says_what_the_snapshot_is_does_no_harm(same, flags):
    write_variant(**flags)
    args = origin_of(*LOAD, *TEST, *same).args
    assert network_flags.architecture(args, 4, VARIANT.state_shape) == replace(
        VARIANT, initializer=args.initializer
    )


def test_all_18_actions_are_seen_behind_a_value():
    """A dueling network for 17 actions has 18 rows in its last layer."""
    for num_actions, is_minimal in ((17, True), (18, False)):
        snapshot = make_snapshot_of(replace(VARIANT, num_actions=num_actions))
        flags = flags_of_snapshot(snapshot, is_training=False)
        assert flags["minimal_action_set"] == is_minimal


def test_the_epoch_of_a_snapshot_is_the_one_that_it_records_whatever_it_is_called():
    write_snapshot("breakout_7.pkl")
    assert origin_of("--load_weights", "breakout_7.pkl", *TRAIN).epoch_of_snapshot == 2


@pytest.mark.parametrize(
    ("name", "epoch"),
    [
        *(("breakout_7.pkl", 7), ("breakout_007.pkl", 7), ("breakout_best.pkl", None)),
        *(("breakout.pkl", None), ("breakout_٣.pkl", None), ("breakout_1234567890.pkl", None)),
    ],
)
def test_the_epoch_of_a_snapshot_that_records_none_is_in_its_name(name, epoch):
    snapshot = Snapshot(make_network(**SIZE).get_layers(), Architecture(4, (2, 44, 44)))
    save_snapshot(snapshot, Path(name))
    assert origin_of("breakout", "--load_weights", name, *TRAIN).epoch_of_snapshot == epoch


def test_datatype_auto_is_what_the_snapshot_was_trained_in():
    auto = [*LOAD, "--datatype", "auto"]
    write_snapshot(flags={"datatype": "bfloat16"})
    assert origin_of(*auto, *TRAIN).args.datatype == "bfloat16"
    assert origin_of(*auto, *TRAIN, "--train_steps", "0").args.datatype == "auto"
    write_snapshot()  # of a version without flags
    assert origin_of(*auto, *TRAIN).args.datatype == "auto"


def test_start_epoch_auto_follows_the_snapshot():
    write_snapshot()
    assert origin_of(*LOAD, *TRAIN, "--start_epoch", "auto").args.start_epoch == 2
    with pytest.raises(UserError, match="needs a snapshot"):
        origin_of("breakout", *TRAIN, "--start_epoch", "auto")


# A checkpoint


def test_a_checkpoint_brings_its_game_and_its_flags_which_the_command_line_may_change(caplog):
    write_checkpoint("--epochs", "5", "--actors", "2", "--csv_file", "old.csv")
    origin = origin_of("breakout", *TRAIN, "--epochs", "7", "--csv_file", "results/new.csv")
    assert origin.checkpoint["parts"]["experiment"]["epoch"] == 1
    assert origin.snapshot is None
    assert origin.game == "breakout"
    assert origin.args.epochs == 7
    assert origin.args.random_seed == 1
    assert origin.args.actors == 2
    assert str(origin.args.csv_file) == "results/old.csv"  # it is the same run's
    assert origin.flags_before["epochs"] == 5
    assert "Resuming from the checkpoint" in caplog.text
    assert "Using --epochs 7 instead of 5" in caplog.text


def test_a_copy_of_a_run_under_another_name_has_a_csv_file_of_its_own():
    write_checkpoint("--csv_file", "results/run.csv")
    shutil.copytree("saved/run.checkpoint", "saved/copy.checkpoint")
    outputs = "--save_weights_prefix saved/copy --csv_file results/copy.csv".split()
    assert str(origin_of("breakout", *TRAIN, *outputs).args.csv_file) == "results/copy.csv"


def test_datatype_auto_is_what_the_checkpoint_was_computed_in(caplog):
    write_checkpoint("--datatype", "bfloat16")
    assert origin_of("breakout", *TRAIN, "--datatype", "auto").args.datatype == "bfloat16"
    assert "Using --datatype" not in caplog.text


@pytest.mark.parametrize(
    ("arguments", "starts_from"),
    [
        ([], "checkpoint"),
        (["--restart"], None),
        (["--checkpoint", "false"], None),
        (LOAD, "snapshot"),
        ([*LOAD, "--start_epoch", "2"], "snapshot"),
    ],
)
def test_a_checkpoint_is_resumed_unless_something_else_is_asked_for(arguments, starts_from):
    write_checkpoint(epoch=1, phase="test")
    write_snapshot()
    origin = origin_of("breakout", *TRAIN, *arguments)
    found = {name for name in ("checkpoint", "snapshot") if getattr(origin, name)}
    assert found == ({starts_from} if starts_from else set())


@pytest.mark.parametrize(
    ("epoch", "phase", "starts_from"),
    [
        (2, "train", "snapshot"),  # whose last snapshot is that of the first epoch
        (2, "test", "checkpoint"),
        (3, "train", "checkpoint"),
        (3, "test", "snapshot"),
    ],
)
def test_of_a_snapshot_and_a_checkpoint_of_the_same_epoch_the_checkpoint_is_resumed(
    epoch, phase, starts_from
):
    write_checkpoint(epoch=epoch, phase=phase)
    write_snapshot()
    origin = origin_of("breakout", *TRAIN, *LOAD, "--start_epoch", "2")
    assert {name for name in ("checkpoint", "snapshot") if getattr(origin, name)} == {starts_from}


def test_a_run_that_began_with_a_snapshot_is_resumed_by_the_same_command():
    write_snapshot()
    write_checkpoint(*LOAD, epoch=9)
    origin = origin_of("breakout", *TRAIN, *LOAD)
    assert origin.checkpoint
    assert origin.snapshot is None


def test_a_run_that_is_done_starts_from_nowhere(caplog):
    write_checkpoint("--epochs", "2", epoch=3)
    assert origin_of("breakout", *TRAIN) is None
    assert "All epochs of this run are done (2): raise --epochs" in caplog.text
    assert origin_of("breakout", *TRAIN, "--epochs", "3").checkpoint


@pytest.mark.parametrize(
    ("game", "changes", "words"),
    [
        ("pong", {}, "is of 'breakout', not of 'pong'"),
        ("breakout", {"rom_sha256": "0" * 64}, "is of another ROM of 'breakout'"),
        ("breakout", {"game": "two\0breakout"}, "does not fit this run"),
        ("breakout", {"options": {}}, "does not fit this run"),
        ("breakout", {"parts": {}}, "does not fit this run"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused_and_the_run_let_go(game, changes, words):
    write_checkpoint(**changes)
    with pytest.raises(UserError, match=words):
        origin_of(game, *TRAIN)
    CheckpointFolder(Path("saved/run.checkpoint")).close()

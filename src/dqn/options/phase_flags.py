"""The flags of the phases of a run, and of its files."""

import argparse
from argparse import Namespace
from pathlib import Path

from dqn.experiment import Phases
from dqn.options.types import (
    MAX_EPOCHS,
    MAX_GAMES,
    MAX_STEPS,
    Integer,
    IntegerOr,
    file,
    folder_or_boolean,
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the group "Main loop"."""
    group = parser.add_argument_group("Main loop")
    group.add_argument(
        "--random_steps",
        type=Integer(0, MAX_STEPS),
        default=Phases.random_steps,
        help="Fill the replay memory with this many steps before training: random ones, or those "
        "of the network that --load_weights names.",
    )
    group.add_argument(
        "--train_steps",
        type=Integer(0, MAX_STEPS),
        default=Phases.train_steps,
        help="Training steps in an epoch.",
    )
    group.add_argument(
        "--test_steps",
        type=Integer(0, MAX_STEPS),
        default=Phases.test_steps,
        help="Test steps after each epoch.",
    )
    group.add_argument(
        "--test_games",
        type=Integer(0, MAX_GAMES),
        help="Test for this many whole games, instead of --test_steps. 30 with "
        "--max_game_frames 18000 is the protocol of the Nature paper.",
    )
    group.add_argument(
        "--epochs", type=Integer(0, MAX_EPOCHS), default=Phases.epochs, help="Run to this epoch."
    )
    group.add_argument(
        "--start_epoch",
        type=IntegerOr("auto", 0, MAX_EPOCHS),
        default=Phases.start_epoch,
        metavar="N",
        help="Continue after this epoch: the next ones are named and explored accordingly. auto: "
        "after the one that the snapshot of --load_weights records.",
    )
    group.add_argument(
        "--trained_steps",
        type=Integer(0, MAX_STEPS),
        default=0,
        help="Training steps to add to those that a snapshot records, or that start_epoch stands "
        "for; the exploration rate follows from the sum.",
    )
    group.add_argument(
        "--load_weights",
        type=file,
        metavar="FILE",
        help="Snapshot to begin with; hf:OWNER/NAME is one on the Hugging Face hub.",
    )
    group.add_argument(
        "--save_weights_prefix",
        type=file,
        metavar="PREFIX",
        help="Save snapshots as PREFIX_<epoch>.pkl.",
    )
    group.add_argument(
        "--snapshot_steps",
        type=Integer(0, MAX_STEPS),
        default=Phases.snapshot_steps,
        metavar="STEPS",
        help="Save snapshots within an epoch, too, after every N of its training steps, as "
        "PREFIX_<epoch>.<step>.pkl; a run that begins with one trains that epoch anew. 0: only "
        "after epochs.",
    )
    group.add_argument(
        "--csv_file",
        type=file,
        metavar="FILE",
        help="Write a row for each phase to this file, and for each game to one beside it.",
    )
    group.add_argument(
        "--tensorboard",
        type=folder_or_boolean,
        default=False,
        metavar="{true,false,FOLDER}",
        help="Write scores, exploration rate, Q-values, cost and speed for TensorBoard, too, after "
        "each phase. true: into tensorboard/<run>, beside --csv_file. Needs "
        "requirements-tensorboard.txt.",
    )


def tensorboard_folder(args: Namespace) -> Path | None:
    """Where TensorBoard's file goes; None if it is not wanted."""
    if isinstance(args.tensorboard, Path):
        return args.tensorboard
    if not args.tensorboard:
        return None
    csv_file: Path = args.csv_file
    return csv_file.parent / "tensorboard" / csv_file.stem


def phases(args: Namespace) -> Phases:
    """The phases of the run."""
    return Phases(
        random_steps=args.random_steps,
        train_steps=args.train_steps,
        test_steps=args.test_steps,
        test_games=args.test_games,
        start_epoch=args.start_epoch,
        epochs=args.epochs,
        play_games=args.play_games,
        snapshot_steps=args.snapshot_steps,
    )

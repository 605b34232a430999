"""What no option can tell alone: those that contradict one another, and files named twice."""

import argparse
import os
import re
from argparse import Namespace
from pathlib import Path

from dqn.networks.architecture import MAX_LAYERS
from dqn.options import network_spec

# The files that a run writes
WRITTEN = (
    "save_weights_prefix csv_file replay_file video_file record_screen_path record_sound_filename "
    "episodes_path visualization_file"
).split()


def check(parser: argparse.ArgumentParser, args: Namespace) -> None:
    """What no option can tell alone."""
    if not args.game and args.load_weights is None:
        parser.error("name a game, such as roms/breakout.bin")
    if args.min_reward > args.max_reward:
        parser.error(f"--min_reward {args.min_reward:g} is above --max_reward {args.max_reward:g}")
    _check_environment(parser, args)
    _check_start(parser, args)
    _check_observation(parser, args)
    _check_network(parser, args)
    # A minibatch, and any window of a state and its successor clear of the write position
    smallest = max(args.batch_size, args.history_length + 1) + args.history_length
    if args.replay_size < smallest:
        parser.error(
            f"--replay_size {args.replay_size} does not hold a minibatch and its history: "
            f"use at least {smallest}"
        )
    if (args.play_games or any(recordings(args))) and args.actors not in ("auto", 1):
        parser.error(f"--actors {args.actors} plays several games at once: one can be watched")
    if args.replay_file and args.replay_device == "gpu":
        parser.error("--replay_file and --replay_device gpu exclude each other")
    if args.start_epoch >= args.epochs > 0:
        parser.error(
            f"--start_epoch {args.start_epoch} leaves nothing to do: raise --epochs, now "
            f"{args.epochs}, above it"
        )
    if args.csv_file is not None and args.csv_file.suffix == ".args":
        parser.error("--csv_file ends with .args, as the file of the run's flags beside it does")
    if args.tensorboard and args.csv_file is None:
        parser.error("--tensorboard shows what is in --csv_file: name that, too")
    _check_playing(parser, args)
    if args.keep_snapshots == "best" and not _has_tests(args):
        parser.error("--keep_snapshots best needs tests: raise --test_steps, or use last:1")
    _check_files(parser, args)
    if args.epochs == 0 and not (args.play_games or any(recordings(args))):
        parser.error("--epochs 0 leaves nothing to do: raise --epochs")
    _check_folders(parser, args)


def _check_playing(parser: argparse.ArgumentParser, args: Namespace) -> None:
    """Refuse to record or explain games that are not played, or in ways that have no use there."""
    if args.record_games and not any(recordings(args)):
        parser.error("--record_games needs a file to record in, such as --video_file my.mov")
    if any(recordings(args)) and not (args.play_games or args.record_games):
        parser.error("what is recorded are games that are played: add --record_games 1")
    is_shown = args.play_games and args.display_screen != "false"
    if args.saliency and not (is_shown or any(recordings(args))):
        parser.error("--saliency needs a game that is shown or recorded: use play.sh or record.sh")
    if args.saliency and args.load_weights is None:
        parser.error("--saliency needs a trained network: name it with --load_weights")
    if args.record_episodes and args.play_games:
        parser.error("--record_episodes is for training and tests: here, use --record_games")
    if args.record_sound_filename and not args.sound:
        parser.error("--record_sound_filename needs --sound true")


def _check_environment(parser: argparse.ArgumentParser, args: Namespace) -> None:
    """Refuse what only the other kind of environment has."""
    if args.environment == "gym":
        if args.observation == "ram":
            parser.error("--observation ram is ALE's: use --env_args obs_type=ram")
        if args.emulator != "ale-py":
            parser.error(f"--emulator {args.emulator} needs --environment ale")
        if not args.minimal_action_set:
            parser.error(
                "--minimal_action_set false is ALE's: use --env_args full_action_space=true"
            )
        return
    for name in ("env_args", "env_import"):
        if getattr(args, name):
            parser.error(f"--{name} needs --environment gym")


def _check_start(parser: argparse.ArgumentParser, args: Namespace) -> None:
    """Refuse to press FIRE in a way of beginning that says itself what is pressed."""
    if args.fire_on_start and args.episode_start != "nature":
        parser.error(f"--fire_on_start true needs --episode_start nature, not {args.episode_start}")


def _check_observation(parser: argparse.ArgumentParser, args: Namespace) -> None:
    """Refuse what would say nothing of the observation asked for."""
    if args.observation != "screen" and args.grayscale != "luminance":
        parser.error(
            f"--grayscale {args.grayscale} needs --observation screen: with {args.observation}, "
            "leave it at luminance"
        )
    if args.observation == "ram" and args.frame_pooling not in (None, "none"):
        parser.error(
            f"--frame_pooling {args.frame_pooling} needs a screen: with --observation ram, use none"
        )
    if args.observation == "ram" and args.interpolation != "linear":
        parser.error(
            f"--interpolation {args.interpolation} needs a screen: with --observation ram, leave "
            "it at linear"
        )


def _check_network(parser: argparse.ArgumentParser, args: Namespace) -> None:
    """Refuse layers that contradict one another, and what an engine or an optimizer lacks."""
    if args.learning_rate_end is not None and args.optimizer == "adadelta":
        parser.error("--learning_rate_end has no use with --optimizer adadelta: leave it out")
    if args.dense_units and network_spec.has_own_units(args.network):
        parser.error(
            f"--network {args.network} has dense layers of its own: leave --dense_units out"
        )
    convolutions, units = network_spec.layers(args.network, args.dense_units)
    if len(convolutions) + len(units) > MAX_LAYERS:
        parser.error(
            f"--network and --dense_units ask for {len(convolutions) + len(units)} layers before "
            f"the last one: use at most {MAX_LAYERS}"
        )
    if args.overlap and args.engine != "torch":
        parser.error("--overlap needs --engine torch")
    if args.prioritized and args.engine != "torch":
        parser.error("--prioritized needs --engine torch")


def _check_folders(parser: argparse.ArgumentParser, args: Namespace) -> None:
    """Refuse a file where even the folder around its folder is missing: likely it is mistyped.

    (The folder itself is made.)
    """
    for name in WRITTEN:
        path = getattr(args, name)
        folder = path and path.parent
        if folder and not os.path.exists(folder) and not os.path.exists(folder.parent):
            parser.error(
                f"--{name} {path}: there is neither {folder} nor {folder.parent}: make the folder "
                "first, or write its name another way"
            )


def _check_files(parser: argparse.ArgumentParser, args: Namespace) -> None:
    """See that no file is named for two purposes: the one would be moved aside for the other."""
    names = (
        "load_weights csv_file replay_file video_file record_sound_filename record_screen_path "
        "visualization_file"
    )
    paths = {f"--{name} {vars(args)[name]}": vars(args)[name] for name in names.split()}
    if args.csv_file and args.csv_file.name:
        paths["the file of the games beside --csv_file"] = args.csv_file.with_suffix(".games.csv")
    files: dict[str, str] = {}
    for what, path in paths.items():
        if path is None:
            continue
        other = files.setdefault(_identity(path), what)
        if other != what:
            parser.error(f"{what} and {other} are the same file: choose another name for one")
        frames = args.record_screen_path
        is_frame = re.fullmatch(r"\d{6,}\.png", path.name)
        if is_frame and frames and _identity(path.parent) == _identity(frames):
            parser.error(f"{what} is the name of a frame in {frames}: choose another name")


def _identity(path: Path) -> str:
    """The same text for all spellings of a path, and for all names of a file that is there."""
    try:
        status = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return f"{status.st_dev} {status.st_ino}"


def _has_tests(args: Namespace) -> bool:
    return bool(args.test_steps if args.test_games is None else args.test_games)


def recordings(args: Namespace) -> tuple[Path | None, ...]:
    """Where games are recorded."""
    return args.video_file, args.record_screen_path, args.record_sound_filename


def outputs(args: Namespace) -> list[Path]:
    """The files and folders to write, which get endings, too."""
    paths = (
        *(args.save_weights_prefix, args.csv_file, args.replay_file, args.episodes_path),
        *(args.visualization_file, *recordings(args)),
    )
    return [path for path in paths if path]

"""The flags of a run live with it: in its checkpoint, in its snapshots and beside its CSV file.

Whoever continues the run need not repeat them: they are read back as if they stood on the command
line before the flags that are given anew.
"""

import logging
import shlex
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dqn.errors import UserError, explain
from dqn.machine.files import atomic_write, move_aside

logger = logging.getLogger(__name__)

PlainFlags = dict[str, Any]  # name → bool, int, float, str or None

# A network fits no other values of these.
OF_THE_NETWORK = (
    "observation network dense_units activation biases batch_norm shared_convolutions dueling "
    "dueling_streams"
).split()
# A checkpoint fits no other values of these.
FIXED = [
    *OF_THE_NETWORK,
    *"environment emulator env_args minimal_action_set screen_width screen_height".split(),
    "history_length",
    *"replay_size optimizer engine actors prioritized".split(),
]
# They belong to one process and not to the run that it begins or continues.
OF_THE_PROCESS = (
    "game load_weights start_epoch trained_steps save_weights_prefix csv_file restart "
    "max_computing_time log_level sound display_screen play_games record_games video_file "
    "record_screen_path record_sound_filename record_episodes episodes_path saliency "
    "saliency_method saliency_strength visualization_filters visualization_file sanity"
).split()
# They say how a run is kept and not what it computes: its snapshots do not depend on them.
OF_THE_STORAGE = (
    "checkpoint checkpoint_steps keep_snapshots snapshot_steps replay_file replay_device "
    "tensorboard"
).split()
# A run imports what its flags say, but nothing that a file from elsewhere names.
NOT_FROM_SNAPSHOTS = ["env_import"]
# Testing, playing and recording take these of a snapshot.
OF_THE_GAME = [
    *OF_THE_NETWORK,
    *"environment emulator env_args frame_skip repeat_action_probability".split(),
    "minimal_action_set",
    *"color_averaging frame_pooling grayscale interpolation screen_width screen_height".split(),
    *"max_game_frames history_length random_starts fire_on_start episode_start".split(),
]


def as_plain_values(args: Namespace) -> PlainFlags:
    """All options as a checkpoint keeps them; equal numbers are of one type."""
    return {name: _plain(value) for name, value in vars(args).items()}


def flags_of_run(args: Namespace) -> PlainFlags:
    """The options that stay with the run."""
    flags = {name: v for name, v in as_plain_values(args).items() if name not in OF_THE_PROCESS}
    if args.replay_file:
        flags["replay_file"] = str(args.replay_file.absolute())
    return flags


def flags_for_snapshots(args: Namespace) -> PlainFlags:
    """Those of them that a snapshot keeps."""
    return {name: v for name, v in flags_of_run(args).items() if name not in OF_THE_STORAGE}


def flags_of_checkpoint(checkpoint: dict[str, Any]) -> PlainFlags:
    """The flags of the run that a checkpoint is of."""
    return {name: v for name, v in checkpoint["options"].items() if name not in OF_THE_PROCESS}


def as_arguments(flags: PlainFlags) -> list[str]:
    """The same flags as words of a command line."""
    return [f"--{name}={_text(value)}" for name, value in flags.items() if value is not None]


def check_fits(args: Namespace, before: PlainFlags) -> None:
    """Raises UserError if the checkpoint of a run with the flags `before` does not fit `args`."""
    before = {"observation": "screen", **before}  # the first versions knew nothing else
    for name in _changed(args, before):
        if name in FIXED:
            raise UserError(
                f"the run that goes on has --{name} {_text(before[name])}, not "
                f"{_text(getattr(args, name))}: use the same, give this run another label, or "
                "begin anew with --restart"
            )


def keep_seed(args: Namespace, before: PlainFlags) -> None:
    """Set the seed back to that of the run, which has its random generators already."""
    if "random_seed" in _changed(args, before):
        logger.info("The run that goes on has random numbers already: --random_seed is unused")
        args.random_seed = before["random_seed"]


def keep_datatype(args: Namespace, before: PlainFlags) -> None:
    """Replace --datatype auto by the datatype that the run had `before`."""
    if args.datatype == "auto":
        args.datatype = before.get("datatype", "auto")


def log_changes(args: Namespace, before: PlainFlags) -> None:
    """Log each flag that a continued run has other than `before`."""
    for name in _changed(args, before):
        value = getattr(args, name)
        logger.info("Using --%s %s instead of %s", name, _text(value), _text(before[name]))


def log_taken(args: Namespace, defaults: Namespace, source: str) -> None:
    """Log the flags that `source` added to those of the command line, `defaults`."""
    names = [
        name
        for name, value in vars(args).items()
        if value is not None
        and value != getattr(defaults, name) != "auto"
        and name not in (*OF_THE_PROCESS, "random_seed")  # which has a line of its own
    ]
    if names:
        flags = " ".join(f"--{name} {_text(getattr(args, name))}" for name in names)
        logger.info("Flags from %s: %s", source, flags)


def save_flags(args: Namespace, path: Path, before: PlainFlags | None) -> None:
    """Write the flags of the run to the argument file `path`, in place of those `before`.

    Any other older file is moved aside. Raises UserError.
    """
    flags = flags_of_run(args)
    content = _argument_file(flags)
    before = before and {name: before[name] for name in flags if name in before}  # in this order
    try:
        present = _content(path)
        if present == content:
            return
        if before is None or present != _argument_file(before):
            move_aside(path)
        with atomic_write(path) as file:
            file.write(content)
    except OSError as error:
        raise UserError(f"cannot write {path} {explain(error)}") from error


def _content(path: Path) -> bytes | None:
    """What a file holds; None if there is none, or it may not be read."""
    try:
        return path.read_bytes() if path.is_file() else None
    except PermissionError:
        return None


def _argument_file(flags: PlainFlags) -> bytes:
    lines = ["# The flags of a run; another one with the same: ./train.sh GAME LABEL @FILE"]
    lines += [f"--{n} {shlex.quote(_text(v))}" for n, v in flags.items() if v is not None]
    return ("\n".join(lines) + "\n").encode()


def _changed(args: Namespace, before: PlainFlags) -> Iterable[str]:
    """The flags of the run that differ from `before`; auto stands for whatever it was."""
    flags = flags_of_run(args).items()
    return [n for n, v in flags if n in before and v != before[n] and v != "auto"]


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)  # as a default, which is written without a point
    return value


def _text(value: Any) -> str:
    value = _plain(value)
    return str(value).lower() if isinstance(value, bool) else str(value)

"""The flags of checkpoints, and of the snapshots that stay."""

import argparse
import re

from dqn.machine.interruption import TIME_IS_UP
from dqn.options.types import MAX_EPOCHS, MAX_STEPS, Duration, Integer, boolean

MAX_SECONDS = 10**9


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the group "Checkpoints"."""
    group = parser.add_argument_group("Checkpoints")
    group.add_argument(
        "--checkpoint",
        type=boolean,
        default=True,
        help="Keep all that a run needs to go on exactly where it stopped, in the folder "
        "PREFIX.checkpoint (with --save_weights_prefix); the same command resumes from it.",
    )
    group.add_argument(
        "--checkpoint_steps",
        type=Integer(0, MAX_STEPS),
        default=0,
        metavar="STEPS",
        help="Make a checkpoint after every N steps, too, not only at the end of an epoch "
        "and when the run is stopped.",
    )
    group.add_argument(
        "--restart",
        action="store_true",
        help="Begin anew though there is a checkpoint; it is moved aside.",
    )
    group.add_argument(
        "--max_computing_time",
        type=Duration(0, MAX_SECONDS),
        metavar="TIME",
        help="Stop with a checkpoint after this time, such as 3h, 1h30m, 90 (seconds) or "
        f"[hours:]minutes:seconds, with exit status {TIME_IS_UP} if there is work left.",
    )

    group.add_argument(
        "--keep_snapshots",
        type=snapshots_to_keep,
        default="all",
        metavar="{all,last:N,best}",
        help="Which of the snapshots that this run saved stay: all, the newest N and the best one, "
        "or the newest and the best one. Those of --snapshot_steps count as any other; all that "
        "must go is deleted after an epoch. The best by the mean score of its test is also "
        "PREFIX_best.pkl.",
    )


def snapshots_to_keep(text: str) -> str:
    """The text itself, if it is a valid `--keep_snapshots`."""
    number_of_snapshots(text)
    return text


def number_of_snapshots(text: str) -> int | None:
    """How many of the newest snapshots --keep_snapshots keeps; None: all of them."""
    match text.partition(":"):
        case "all", "", "":
            return None
        case "best", "", "":
            return 1
        case "last", ":", number if re.fullmatch(r"[+-]?\d+", number):
            return Integer(1, MAX_EPOCHS)(number)
    raise argparse.ArgumentTypeError(f"{text!r} is none of all, last:N (such as last:5) and best")

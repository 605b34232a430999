"""The flags of the replay memory."""

import argparse
from argparse import Namespace

from dqn.options.types import Integer, choice, file
from dqn.replay.returns import OneStepReturns
from dqn.replay.settings import ReplaySettings

MAX_REPLAY_SIZE = 10**9


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the group "Replay memory"."""
    group = parser.add_argument_group("Replay memory")
    group.add_argument(
        "--replay_size",
        type=Integer(1, MAX_REPLAY_SIZE),
        default=ReplaySettings.size,
        help="Steps that the memory holds.",
    )
    group.add_argument(
        "--replay_file",
        type=file,
        metavar="FILE",
        help="Keep the screens in this new file, which goes with the process, instead of in "
        "memory: slower, for a machine that has too little of it.",
    )
    group.add_argument(
        "--replay_device",
        **choice("auto", "cpu", "gpu"),
        default=ReplaySettings.device,
        help="Whose memory keeps the screens; auto: the GPU's, if one learns and they fit.",
    )
    group.add_argument(
        "--history_length",
        type=Integer(1, 100),
        default=ReplaySettings.history_length,
        help="Screens that form a state.",
    )


def replay_settings(args: Namespace) -> ReplaySettings:
    """The settings of the replay memory; a run without training needs no room in it."""
    return ReplaySettings(
        size=args.replay_size if args.random_steps or args.train_steps else 0,
        file=args.replay_file,
        device=args.replay_device,
        history_length=args.history_length,
        batch_size=args.batch_size,
    )


def returns(args: Namespace) -> OneStepReturns:
    """What a transition is worth."""
    return OneStepReturns(
        discount_rate=args.discount_rate, min_reward=args.min_reward, max_reward=args.max_reward
    )

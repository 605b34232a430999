"""The flags of the replay memory."""

import argparse
from argparse import Namespace

from dqn.options.types import Integer, Number, boolean, choice, file
from dqn.replay.returns import NStepReturns, OneStepReturns
from dqn.replay.settings import PrioritySettings, ReplaySettings

MAX_REPLAY_SIZE = 10**9
MAX_N_STEPS = 100


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
    group.add_argument(
        "--n_steps",
        type=Integer(1, MAX_N_STEPS),
        default=1,
        metavar="N",
        help="Learn from the rewards of N steps, and from the highest Q-value after them.",
    )
    group.add_argument(
        "--prioritized",
        type=boolean,
        default=False,
        help="Draw transitions more often whose error was greater when they were last learned "
        "from (prioritized replay).",
    )
    group.add_argument(
        "--priority_exponent",
        type=Number(0, 1),
        default=PrioritySettings.exponent,
        help="Exponent of the error in --prioritized, the paper's alpha; 0: draw all alike.",
    )
    group.add_argument(
        "--importance_exponent_start",
        type=Number(0, 1),
        default=PrioritySettings.importance_start,
        help="How far weights make up for --prioritized at the beginning, the paper's beta; 0: "
        "not at all.",
    )
    group.add_argument(
        "--importance_exponent_end",
        type=Number(0, 1),
        default=PrioritySettings.importance_end,
        help="The same at the end of the last epoch, to which it changes linearly.",
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


def returns(args: Namespace) -> OneStepReturns | NStepReturns:
    """What a transition is worth."""
    values = (args.discount_rate, args.min_reward, args.max_reward)
    return OneStepReturns(*values) if args.n_steps == 1 else NStepReturns(args.n_steps, *values)


def priorities(args: Namespace) -> PrioritySettings | None:
    """The settings of prioritized replay; None without it."""
    if not args.prioritized:
        return None
    return PrioritySettings(
        exponent=args.priority_exponent,
        importance_start=args.importance_exponent_start,
        importance_end=args.importance_exponent_end,
    )

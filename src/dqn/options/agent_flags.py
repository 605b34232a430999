"""The flags of the agent."""

import argparse
from argparse import Namespace

from dqn.agent import Periods
from dqn.exploration import ExponentialDecay, LinearDecay, Schedule
from dqn.options.types import MAX_STEPS, Integer, IntegerOr, Number, boolean, choice

MAX_ACTORS = 1000
# These bound what happens within a step, because a signal is looked at only after it.
MAX_RANDOM_STARTS = 1000
MAX_TRAIN_REPEAT = 1000


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the group "Agent"."""
    group = parser.add_argument_group("Agent")
    group.add_argument(
        "--exploration_schedule",
        **choice("linear", "exponential"),
        default="linear",
        help="How the exploration rate falls with the training steps: linear, to its end in "
        "--exploration_decay_steps; exponential, ever closer to it, by --exploration_decay_rate.",
    )
    group.add_argument(
        "--exploration_rate_start",
        type=Number(0, 1),
        default=LinearDecay.start,
        help="Exploration rate at the beginning of its decay.",
    )
    group.add_argument(
        "--exploration_rate_end",
        type=Number(0, 1),
        default=LinearDecay.end,
        help="Exploration rate at the end of its decay.",
    )
    group.add_argument(
        "--exploration_decay_steps",
        type=Number(0, MAX_STEPS),
        default=LinearDecay.decay_steps,
        help="Training steps in which the exploration rate decays, if linear.",
    )
    group.add_argument(
        "--exploration_decay_rate",
        type=Number(0, 1),
        default=ExponentialDecay.decay_rate,
        metavar="K",
        help="Decay of the exploration rate per training step, if exponential: after t steps, "
        "e^(-K*t) of the way to its end is left.",
    )
    group.add_argument(
        "--exploration_rate_test",
        type=Number(0, 1),
        default=0.05,
        help="Exploration rate in tests.",
    )
    group.add_argument(
        "--train_frequency",
        type=Integer(1, MAX_STEPS),
        default=Periods.train_frequency,
        help="Train after every N steps.",
    )
    group.add_argument(
        "--train_repeat",
        type=Integer(1, MAX_TRAIN_REPEAT),
        default=Periods.train_repeat,
        help="Minibatches in each training.",
    )
    group.add_argument(
        "--overlap",
        type=boolean,
        default=False,
        help="Learn while the games go on: faster, with actions from weights that are up to one "
        "update old.",
    )
    group.add_argument(
        "--target_steps",
        type=Integer(0, MAX_STEPS),
        default=Periods.target_steps,
        help="Copy the network to the target network after every N steps; 0: have no "
        "target network.",
    )
    group.add_argument(
        "--actors",
        type=IntegerOr("auto", 1, MAX_ACTORS),
        default="auto",
        metavar="N",
        help="Games that are played at the same time, on all cores; their steps count together. "
        "auto: 1 on a CPU, four for each core where a GPU learns, 64 at most.",
    )
    group.add_argument(
        "--random_starts",
        type=Integer(0, MAX_RANDOM_STARTS),
        default=30,
        help="Begin every episode with at most N no-ops, and at least history_length.",
    )


def exploration(args: Namespace) -> Schedule:
    """The schedule of ε in training."""
    start, end = args.exploration_rate_start, args.exploration_rate_end
    if args.exploration_schedule == "exponential":
        return ExponentialDecay(start, end, args.exploration_decay_rate)
    return LinearDecay(start, end, args.exploration_decay_steps)


def periods(args: Namespace) -> Periods:
    """When the agent learns."""
    return Periods(
        train_frequency=args.train_frequency,
        train_repeat=args.train_repeat,
        target_steps=args.target_steps,
    )

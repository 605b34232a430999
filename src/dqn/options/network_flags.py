"""The flags of the network: how it learns, and what computes it."""

import argparse
from argparse import Namespace

from dqn.networks.architecture import Architecture
from dqn.networks.settings import Compute, Optimization
from dqn.options.types import MAX_FLOAT, Integer, Number, boolean, choice
from dqn.replay.returns import OneStepReturns

# Neon's GPU backend rounds to this many bits of mantissa by default: those of float16.
DEFAULT_ROUNDING_BITS = 10


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the group "Deep Q-learning network"."""
    group = parser.add_argument_group("Deep Q-learning network")
    group.add_argument(
        "--learning_rate",
        type=Number(0, MAX_FLOAT),
        default=Optimization.learning_rate,
        help="Learning rate.",
    )
    group.add_argument(
        "--discount_rate",
        type=Number(0, 1),
        default=OneStepReturns.discount_rate,
        help="Discount of future rewards.",
    )
    group.add_argument(
        "--batch_size",
        type=Integer(1, 10_000),
        default=Optimization.batch_size,
        help="Transitions in a minibatch.",
    )
    group.add_argument(
        "--optimizer",
        **choice("rmsprop", "adam", "adadelta"),
        default=Optimization.optimizer,
        help="Optimization algorithm.",
    )
    group.add_argument(
        "--decay_rate",
        type=Number(0, 1),
        default=Optimization.decay_rate,
        help="Decay rate of RMSProp and Adadelta.",
    )
    group.add_argument(
        "--clip_error",
        type=Number(0, MAX_FLOAT),
        default=Optimization.clip_error,
        help="Clip the error between this number and its negative; 0: not at all.",
    )
    group.add_argument(
        "--min_reward",
        type=Number(-MAX_FLOAT, MAX_FLOAT),
        default=OneStepReturns.min_reward,
        help="Lowest reward that is learned from.",
    )
    group.add_argument(
        "--max_reward",
        type=Number(-MAX_FLOAT, MAX_FLOAT),
        default=OneStepReturns.max_reward,
        help="Highest reward that is learned from.",
    )
    group.add_argument(
        "--batch_norm",
        type=boolean,
        default=Architecture.batch_norm,
        help="Normalise batches in all layers.",
    )


def add_engine_flags(parser: argparse.ArgumentParser) -> None:
    """Add the group "Engine"."""
    group = parser.add_argument_group("Engine")
    group.add_argument(
        "--engine",
        **choice("torch", "neon"),
        default=Compute.engine,
        help="What computes the network; neon is Nervana Neon itself, if it is installed.",
    )
    group.add_argument(
        "--backend",
        **choice("auto", "cpu", "gpu", "mkl"),
        default=Compute.backend,
        help="Processor; auto takes a CUDA GPU if there is one; mkl is Neon's.",
    )
    group.add_argument(
        "--device_id", type=Integer(0, 127), default=Compute.device_id, help="Number of the GPU."
    )
    group.add_argument(
        "--datatype",
        **choice("float16", "bfloat16", "float32", "float64"),
        default=Compute.datatype,
        help="Precision of the computation.",
    )
    group.add_argument(
        "--stochastic_round",
        metavar="BITS",
        nargs="?",
        type=Integer(0, 52),
        default=Compute.stochastic_round,
        const=DEFAULT_ROUNDING_BITS,
        help="Round the weights to this many bits of mantissa after each update "
        f"({DEFAULT_ROUNDING_BITS} without a number), up or down by chance; 0: not at all.",
    )


def architecture(args: Namespace, num_actions: int) -> Architecture:
    """The network for a game with `num_actions` actions."""
    return Architecture(
        num_actions,
        history_length=args.history_length,
        screen_height=args.screen_height,
        screen_width=args.screen_width,
        batch_norm=args.batch_norm,
    )


def optimization(args: Namespace) -> Optimization:
    """How the weights are learned."""
    return Optimization(
        optimizer=args.optimizer,
        learning_rate=args.learning_rate,
        decay_rate=args.decay_rate,
        clip_error=args.clip_error,
        has_target_network=args.target_steps > 0,
        batch_size=args.batch_size,
    )


def compute(args: Namespace) -> Compute:
    """What computes the network."""
    return Compute(
        engine=args.engine,
        backend=args.backend,
        device_id=args.device_id,
        datatype=args.datatype,
        stochastic_round=args.stochastic_round,
    )

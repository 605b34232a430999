"""The flags of the network: how it learns, and what computes it."""

import argparse
from argparse import Namespace

from dqn.exploration import LinearDecay, Schedule
from dqn.networks.architecture import ACTIVATIONS, DUELING, Architecture
from dqn.networks.settings import Compute, Optimization, Targets
from dqn.options import network_spec
from dqn.options.types import MAX_FLOAT, MAX_STEPS, Integer, Number, boolean, choice
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
        help="Learning rate; with --learning_rate_end, that of the beginning.",
    )
    group.add_argument(
        "--learning_rate_end",
        type=Number(0, MAX_FLOAT),
        metavar="X",
        help="Let the learning rate fall, or rise, linearly to this one (default: it stays).",
    )
    group.add_argument(
        "--learning_rate_decay_steps",
        type=Number(0, MAX_STEPS),
        default=LinearDecay.decay_steps,
        metavar="N",
        help="Training steps in which the learning rate reaches --learning_rate_end.",
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
        **choice("rmsprop", "rmsprop_graves", "adam", "adadelta"),
        default=Optimization.optimizer,
        help="Optimization algorithm; rmsprop_graves is DeepMind's (Graves 2013), rmsprop Neon's.",
    )
    group.add_argument(
        "--decay_rate",
        type=Number(0, 1),
        default=Optimization.decay_rate,
        help="Decay rate of RMSProp and Adadelta.",
    )
    group.add_argument(
        "--adam_epsilon",
        type=Number(0, 1),
        default=Optimization.adam_epsilon,
        help="Adam's ε, below the fraction.",
    )
    group.add_argument(
        "--gradient_norm_clip",
        type=Number(0, MAX_FLOAT),
        default=Optimization.gradient_norm_clip,
        help="Clip the norm of the whole gradient to this number; 0: not at all.",
    )
    group.add_argument(
        "--double_q",
        type=boolean,
        default=Targets.double_q,
        help="Let the network choose the next action and the target network value it (double "
        "Q-learning).",
    )
    group.add_argument(
        "--target_update_rate",
        type=Number(0, 1),
        default=Targets.update_rate,
        metavar="τ",
        help="How far the target network moves towards the network after every --target_steps; 1 "
        "copies it.",
    )
    group.add_argument(
        "--clip_error",
        type=Number(0, MAX_FLOAT),
        default=Targets.clip_error,
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


def add_architecture_flags(parser: argparse.ArgumentParser) -> None:
    """Add the group "Network architecture"."""
    group = parser.add_argument_group("Network architecture")
    group.add_argument(
        "--network",
        type=network_spec.network,
        default="nature",
        metavar="{nature,dense,SPEC}",
        help="Layers: nature has three convolutions, as conv32x8s4,conv64x4s2,conv64x3s1 (filters, "
        "size, stride; 8x4 is height and width); dense has none. Then come --dense_units, or the "
        "numbers that a SPEC ends with.",
    )
    group.add_argument(
        "--dense_units",
        type=network_spec.dense_units,
        metavar="N,…",
        help="Units of the dense layers before the last one (default: 512).",
    )
    group.add_argument(
        "--activation",
        **choice(*ACTIVATIONS),
        default=Architecture.activation,
        help="Activation between the layers.",
    )
    group.add_argument(
        "--biases", type=boolean, default=Architecture.biases, help="Give all layers biases."
    )
    group.add_argument(
        "--initializer",
        **choice("xavier", "fan_in"),
        default=Architecture.initializer,
        help="How weights begin: xavier is Neon's, fan_in DeepMind's.",
    )
    group.add_argument(
        "--shared_convolutions",
        type=boolean,
        default=Architecture.shared_convolutions,
        help="Convolve each screen of a state by itself, with the same weights.",
    )
    group.add_argument(
        "--dueling",
        **choice(*DUELING),
        default=Architecture.dueling,
        help="Learn a value and advantages; how they become Q-values: V + A less its average, less "
        "its maximum, or V + A as it is.",
    )
    group.add_argument(
        "--dueling_streams",
        type=boolean,
        default=Architecture.dueling_streams,
        help="Give value and advantages a last hidden layer each, as the paper does; false: one "
        "for both, as keras-rl2.",
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
        **choice("auto", "float16", "bfloat16", "float32", "float64"),
        default=Compute.datatype,
        help="Precision of the computation. auto: bfloat16 if updates are at least 1.2 times as "
        "fast in it as in float32, which takes a second to measure, else float32; a run keeps what "
        "was chosen.",
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


def architecture(
    args: Namespace, num_actions: int, state_shape: tuple[int, ...], state_dtype: str = "uint8"
) -> Architecture:
    """The network for a game with `num_actions` actions and such states."""
    convolutions, dense_units = network_spec.layers(args.network, args.dense_units)
    return Architecture(
        num_actions,
        state_shape,
        convolutions,
        dense_units,
        activation=args.activation,
        biases=args.biases,
        batch_norm=args.batch_norm,
        shared_convolutions=args.shared_convolutions,
        dueling=args.dueling,
        dueling_streams=args.dueling_streams,
        initializer=args.initializer,
        state_dtype=state_dtype,
    )


def optimization(args: Namespace) -> Optimization:
    """How gradients change the weights."""
    return Optimization(
        optimizer=args.optimizer,
        learning_rate=args.learning_rate,
        decay_rate=args.decay_rate,
        adam_epsilon=args.adam_epsilon,
        gradient_norm_clip=args.gradient_norm_clip,
        batch_size=args.batch_size,
    )


def learning_rate(args: Namespace) -> Schedule | None:
    """The learning rate as a function of the training step; None: it stays as it is."""
    if args.learning_rate_end is None:
        return None
    return LinearDecay(args.learning_rate, args.learning_rate_end, args.learning_rate_decay_steps)


def targets(args: Namespace) -> Targets:
    """What is learned."""
    return Targets(
        clip_error=args.clip_error,
        has_network=args.target_steps > 0,
        update_rate=args.target_update_rate,
        double_q=args.double_q,
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

"""What learns: network, replay memory, learner and agent."""

import logging
import math
from argparse import Namespace

import numpy as np

from dqn.actors.create import ActorProcesses
from dqn.agent import Agent
from dqn.assembly.acting import gpu_learns
from dqn.environments.environment import ObservationSpace
from dqn.exploration import Policy
from dqn.learner import Learner, OverlappingLearner
from dqn.networks.architecture import Architecture
from dqn.networks.create import choose_datatype, create_network
from dqn.networks.deepqnetwork import DeepQNetwork
from dqn.networks.layers import Layer
from dqn.networks.memory_need import memory_needs
from dqn.options import agent_flags, network_flags, replay_flags
from dqn.origin import Origin
from dqn.replay.create import create_sampler, create_storage
from dqn.replay.memory import ReplayMemory
from dqn.replay.storage import OTHER_MEMORY
from dqn.replay.sum_tree import bytes_of_sum_tree
from dqn.snapshots.snapshot import Metadata, Snapshot, without_states
from dqn.snapshots.validation import check_snapshot

BYTES_OF_EMULATOR = 2**20
# In a minibatch; a convolution in float64 takes copies, too
BYTES_OF_FLOAT = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 16}

logger = logging.getLogger(__name__)


def make_architecture(args: Namespace, num_actions: int, space: ObservationSpace) -> Architecture:
    """The layers; where observations are a few numbers, the default has no convolutions."""
    if args.environment == "gym" and len(space.shape) == 1 and args.network == "nature":
        logger.info("Using --network dense: observations are %d numbers", *space.shape)
        args.network = "dense"
    state_shape = (args.history_length, *space.shape)
    return network_flags.architecture(args, num_actions, state_shape, str(space.dtype))


def choose_datatype_for(args: Namespace, architecture: Architecture) -> str:
    """Choose a datatype; a run without training is not worth measuring."""
    if not args.train_steps:
        return "float32"
    return choose_datatype(
        architecture,
        network_flags.optimization(args),
        network_flags.targets(args),
        network_flags.compute(args),
    )


def make_network(
    origin: Origin, architecture: Architecture, metadata: Metadata, generator: np.random.Generator
) -> DeepQNetwork:
    """The network with its initial weights, or with those of the snapshot and all that it has."""
    args, snapshot = origin.args, origin.snapshot
    if snapshot:  # a network is only made as large as the file that fills it
        check_snapshot(snapshot, args.load_weights, metadata)
    network = create_network(
        architecture,
        network_flags.optimization(args),
        network_flags.targets(args),
        network_flags.compute(args),
        generator,
    )
    if snapshot:
        network.set_layers(_layers_to_take(snapshot, args))
        if snapshot.metadata:
            network.train_iterations = snapshot.metadata.weight_updates
        logger.info("Loaded weights from %s", args.load_weights)
        if args.train_steps:
            logger.info("A snapshot has no replay memory: it is filled by --random_steps")
    return network


def _layers_to_take(snapshot: Snapshot, args: Namespace) -> list[Layer]:
    """The layers of a snapshot, with the optimizer's states if they are of the same optimizer."""
    optimizer = snapshot.metadata and snapshot.metadata.flags.get("optimizer")
    if optimizer in (None, args.optimizer):
        return snapshot.layers
    if args.train_steps:
        logger.info(
            "The snapshot has states of --optimizer %s: those of %s start from zero",
            optimizer,
            args.optimizer,
        )
    return without_states(snapshot.layers)


def make_memory(
    origin: Origin,
    space: ObservationSpace,
    network: DeepQNetwork,
    architecture: Architecture,
    generator: np.random.Generator,
) -> ReplayMemory:
    """The replay memory; raises UserError if it does not fit beside all else in the memory."""
    args = origin.args
    settings, priorities = replay_flags.replay_settings(args), replay_flags.priorities(args)
    other_memory = OTHER_MEMORY + 2 * args.actors * BYTES_OF_EMULATOR
    if priorities:
        other_memory += bytes_of_sum_tree(settings.size)
    if network.device == "cpu":
        other_memory += _memory_of_network(args, architecture)
        pixels = args.batch_size * math.prod(space.shape)
        floats = (args.history_length + 8) * BYTES_OF_FLOAT[args.datatype]
        other_memory += pixels * (floats + 2 * args.history_length * space.dtype.itemsize)
    storage = create_storage(
        settings,
        shape=space.shape,
        dtype=space.dtype,
        network_device=network.device,
        other_memory=other_memory,
    )
    return ReplayMemory(
        storage,
        history_length=settings.history_length,
        batch_size=settings.batch_size,
        generator=generator,
        num_streams=args.actors,
        returns=replay_flags.returns(args),
        make_sampler=create_sampler(
            priorities,
            planned_minibatches=_minibatches(args, args.epochs * args.train_steps),
            num_minibatches=_minibatches(args, _steps_trained(origin)),
        ),
    )


def _memory_of_network(args: Namespace, architecture: Architecture) -> int:
    """About how many bytes a network on the CPU takes while it learns."""
    return sum(
        memory_needs(
            architecture,
            network_flags.optimization(args),
            network_flags.targets(args),
            network_flags.compute(args),
        )
    )


def _minibatches(args: Namespace, train_steps: int) -> int:
    """The number of minibatches drawn in `train_steps`."""
    count: int = train_steps // args.train_frequency * args.train_repeat
    return count


def _steps_trained(origin: Origin) -> int:
    """How many training steps lie behind the run, from which ε follows."""
    args = origin.args
    if origin.snapshot and origin.snapshot.metadata:
        return origin.snapshot.metadata.train_steps + args.trained_steps
    return args.start_epoch * args.train_steps + args.trained_steps


def make_learner(args: Namespace, network: DeepQNetwork, memory: ReplayMemory) -> Learner:
    """The learner, in a thread of its own where updates overlap with the acting."""
    in_thread = args.overlap and not gpu_learns(args)  # a GPU computes beside the acting anyway
    kind = OverlappingLearner if in_thread else Learner
    return kind(network, memory, network_flags.learning_rate(args))


def make_agent(
    origin: Origin,
    actors: ActorProcesses,
    policies: tuple[Policy, Policy],
    memory: ReplayMemory,
    learner: Learner,
) -> Agent:
    """The agent, with its `policies` for training and for tests."""
    args = origin.args
    return Agent(
        actors.groups["train"],
        actors.groups["test"],
        *policies,
        memory,
        learner,
        exploration=agent_flags.exploration(args),
        exploration_rate_test=args.exploration_rate_test,
        periods=agent_flags.periods(args),
        total_train_steps=_steps_trained(origin),
        learns_meanwhile=args.overlap and gpu_learns(args),
    )

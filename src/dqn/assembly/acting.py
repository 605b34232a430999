"""The games of a run: what is observed, and the actors that play."""

import logging
import secrets
from argparse import Namespace
from functools import partial

from dqn.actors.create import ActorProcesses, create_actors
from dqn.actors.starts import tests_end_with_lives
from dqn.assembly.chance import Chance
from dqn.environments.create import create_environment, find_observation_space
from dqn.environments.environment import ObservationSpace
from dqn.errors import UserError
from dqn.machine.cores import usable_cores
from dqn.machine.interruption import Interruption
from dqn.machine.wording import counted
from dqn.networks.create import learns_on_gpu
from dqn.options import game_flags, network_flags
from dqn.origin import Origin

# Where a GPU learns (docs/gpu.md): with fewer for each core, cores mostly wait for one another.
ACTORS_PER_CORE = 4
MOST_ACTORS = 64

logger = logging.getLogger(__name__)


def settle(origin: Origin) -> None:
    """Decide what the options leave open: the seed, and the number of actors."""
    args = origin.args
    if args.random_seed is None:
        args.random_seed = secrets.randbits(32)
    if not origin.checkpoint:
        logger.info("Using random seed %d", args.random_seed)
    if args.actors == "auto":
        on_gpu = not args.play_games and gpu_learns(args)
        args.actors = min(MOST_ACTORS, ACTORS_PER_CORE * usable_cores()) if on_gpu else 1


def find_space(origin: Origin) -> ObservationSpace:
    """What an observation of the game is like, which no game has to be started for."""
    args = origin.args
    return find_observation_space(
        origin.game,
        game_flags.game_settings(args),
        game_flags.observation_settings(args),
        game_flags.gym_settings(args),
    )


def make_actors(
    origin: Origin,
    space: ObservationSpace,
    chance: Chance,
    interruption: Interruption,
    groups: tuple[str, ...],
) -> ActorProcesses:
    """The actors of each group; raises UserError if the replay memory has no room for them."""
    args = origin.args
    smallest = args.actors * (2 * args.history_length + 1)  # a state and its successor for each
    if args.replay_size < smallest:
        raise UserError(
            f"--replay_size {args.replay_size} is too small for {counted(args.actors, 'actor')}: "
            f"use at least {smallest}, or lower --actors"
        )
    make = partial(
        create_environment,
        origin.rom,
        origin.game,
        game_flags.game_settings(args),
        game_flags.observation_settings(args),
        game_flags.gym_settings(args),
        has_pictures=args.display_screen != "false"
        or bool(args.record_games or args.record_episodes or args.visualization_file),
    )
    with_sound = args.sound and args.play_games > 0
    makers = {
        "train": partial(make, life_loss_is_terminal=args.life_loss_terminal),
        "test": partial(
            make,
            life_loss_is_terminal=tests_end_with_lives(args.episode_start),
            sound=with_sound,
        ),
    }
    return create_actors(
        {group: makers[group] for group in groups},
        num_actors=args.actors,
        state_shape=(args.history_length, *space.shape),
        dtype=space.dtype,
        random_starts=args.random_starts,
        fires_on_start=args.fire_on_start,
        episode_start=args.episode_start,
        game_seeds=chance.seeds["game"],
        seeds=chance.seeds,
        generators=chance.generators,
        is_stopping=lambda: interruption.status is not None,
        is_busy=args.train_steps > 0 and gpu_learns(args),
    )


def gpu_learns(args: Namespace) -> bool:
    """Whether the network learns on a GPU."""
    return learns_on_gpu(network_flags.compute(args))

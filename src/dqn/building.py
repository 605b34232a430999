"""The parts of the program, each built from its own options; `../main.py` puts them together."""

import logging
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dqn.actors.actor import Actor
from dqn.actors.processes import ActorProcesses
from dqn.agent import EpsilonGreedy
from dqn.environments.atari import AleEnvironment
from dqn.errors import UserError
from dqn.machine.cores import usable_cores
from dqn.machine.interruption import Interruption
from dqn.machine.wording import counted
from dqn.networks.architecture import Architecture
from dqn.networks.create import create_network, learns_on_gpu
from dqn.networks.deepqnetwork import DeepQNetwork
from dqn.networks.settings import Compute, Optimization
from dqn.options.parser import Namespace
from dqn.player.display import Display, open_display
from dqn.player.player import Player
from dqn.player.sound import open_speaker
from dqn.player.spectator import Spectator
from dqn.recording.games import GameRecording
from dqn.replay.create import create_storage
from dqn.replay.storage import OTHER_MEMORY, Screens
from dqn.results.statistics import Statistics
from dqn.snapshots.snapshot import Metadata, Snapshot, check_snapshot

logger = logging.getLogger(__name__)

BYTES_OF_EMULATOR = 2**20
# In a minibatch; a convolution in float64 takes copies, too
BYTES_OF_FLOAT = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 16}


def number_of_actors(args: Namespace, checkpoint: dict[str, Any] | None) -> int:
    """What --actors auto stands for."""
    if args.actors != "auto":
        return args.actors
    if checkpoint:
        return checkpoint["options"]["actors"]
    if args.play_games:
        return 1
    return usable_cores() if learns_on_gpu(compute_settings(args)) else 1


def build_actors(
    args: Namespace,
    rom: Path,
    game: str,
    shape: dict[str, int],
    seeds: dict[str, np.random.SeedSequence],
    generators: dict[str, np.random.Generator],
    interruption: Interruption,
) -> ActorProcesses:
    """The actors of training and those of testing, spread over the cores.

    Raises UserError if the replay memory has no room for so many.
    """
    smallest = args.actors * (2 * args.history_length + 1)  # a state and its successor for each
    if args.replay_size < smallest:
        raise UserError(
            f"--replay_size {args.replay_size} is too small for {counted(args.actors, 'actor')}: "
            f"use at least {smallest}, or lower --actors"
        )
    game_seeds = iter(seeds["game"].generate_state(2 * args.actors).tolist())
    makers = {"train": [], "test": []}
    for _ in range(args.actors):
        for group in makers:
            # One actor alone draws its random starts and its actions from the same generator.
            generator = generators[group]
            if args.actors > 1:
                generator = np.random.default_rng(seeds[group].spawn(1)[0])
            makers[group].append(
                partial(
                    build_actor,
                    args,
                    rom,
                    game,
                    shape,
                    life_loss_is_terminal=group == "train",
                    seed=next(game_seeds),
                    generator=generator,
                    sound=group == "test" and args.sound and args.play_games > 0,
                )
            )
    return ActorProcesses(
        makers,
        num_processes=min(args.actors, usable_cores()),
        state_shape=(args.history_length, args.screen_height, args.screen_width),
        is_stopping=lambda: interruption.status is not None,
    )


def build_actor(
    args: Namespace,
    rom: Path,
    game: str,
    shape: dict[str, int],
    *,
    life_loss_is_terminal: bool,
    seed: int,
    generator: np.random.Generator,
    sound: bool = False,
) -> Actor:
    """A game for training or testing, and what plays it."""
    environment = AleEnvironment(
        rom,
        game,
        frame_skip=args.frame_skip,
        repeat_action_probability=args.repeat_action_probability,
        minimal_action_set=args.minimal_action_set,
        color_averaging=args.color_averaging,
        screen_width=args.screen_width,
        screen_height=args.screen_height,
        max_game_frames=args.max_game_frames,
        life_loss_is_terminal=life_loss_is_terminal,
        seed=seed & 0x7FFFFFFF,  # ALE takes a signed 32-bit number
        sound=sound,
    )
    return Actor(environment, **shape, random_starts=args.random_starts, generator=generator)


def build_screens(args: Namespace, network: DeepQNetwork | None) -> Screens:
    """Where the replay memory keeps its screens; a test needs none."""
    network_device = network.device if network else "cpu"
    return create_storage(
        args.replay_size if args.random_steps or args.train_steps else 0,
        screen_height=args.screen_height,
        screen_width=args.screen_width,
        file=args.replay_file,
        where=args.replay_device,
        network_device=network_device,
        other_memory=_other_memory(args, learns_on_cpu=network_device == "cpu"),
    )


def _other_memory(args: Namespace, *, learns_on_cpu: bool) -> int:
    """Bytes that the process takes beside its replay memory, by what was measured."""
    needed = OTHER_MEMORY + 2 * args.actors * BYTES_OF_EMULATOR
    if learns_on_cpu:
        pixels = args.batch_size * args.screen_height * args.screen_width
        floats = (args.history_length + 8) * BYTES_OF_FLOAT[args.datatype]
        needed += pixels * (floats + 2 * args.history_length)
    return needed


def build_recording(
    args: Namespace, game: AleEnvironment, facts: dict[str, str]
) -> GameRecording | None:
    """What records the games that are played, if that is asked for."""
    if not args.record_games:
        return None
    return GameRecording(
        game,
        args.record_games,
        video_file=args.video_file,
        screen_path=args.record_screen_path,
        sound_file=args.record_sound_filename,
        facts=facts,
    )


def facts_of_video(args: Namespace, snapshot: Snapshot | None, random_seed: int) -> dict[str, str]:
    """What a video's metadata tell of who plays: snapshot (its file's name), epoch and seed."""
    facts = {"snapshot": args.load_weights.name} if snapshot else {}
    if snapshot and snapshot.metadata:
        facts["epoch"] = str(snapshot.metadata.epoch)
    return {**facts, "seed": str(random_seed)}


def is_manual(args: Namespace) -> bool:
    """Whether only a person plays."""
    return bool(args.play_games and args.display_screen != "false" and not args.load_weights)


def build_player(
    args: Namespace,
    actor: Actor,
    network: DeepQNetwork | None,
    policy: EpsilonGreedy,
    interruption: Interruption,
    videos: Path,
    facts: dict[str, str],
) -> Player | None:
    """The person who watches the games that are played, or plays them, if there is one."""
    if not args.play_games or args.display_screen == "false":
        return None
    game = actor.environment
    return Player(
        actor,
        network=network,
        policy=policy if network else None,
        open_display=display_opener(args, game.name),
        open_speaker=partial(open_speaker, game.sample_rate, game.frame_rate)
        if args.sound
        else lambda: None,
        frame_skip=args.frame_skip,
        waits_after_games=args.play_games == math.inf,
        videos=videos,
        facts=facts,
        is_stopping=lambda: interruption.status is not None,
    )


def build_spectator(
    args: Namespace,
    train_actor: Actor,
    test_actor: Actor,
    network: DeepQNetwork,
    statistics: Statistics,
) -> Spectator | None:
    """What shows training and testing, if that is asked for."""
    if args.display_screen == "false":
        return None
    actors = {"training": train_actor, "testing": test_actor}
    opener = display_opener(args, train_actor.environment.name)
    return Spectator(actors, network, statistics, opener)


def display_opener(args: Namespace, game: str) -> Callable[[], Display]:
    """What opens the display that was asked for, with the name of the game."""
    return lambda: open_display(args.display_screen, game.replace("_", " ").title())


def build_network(
    args: Namespace,
    num_actions: int,
    shape: dict[str, int],
    generator: np.random.Generator,
) -> DeepQNetwork:
    """The network with its initial weights."""
    return create_network(
        Architecture(num_actions, **shape, batch_norm=args.batch_norm),
        Optimization(
            optimizer=args.optimizer,
            learning_rate=args.learning_rate,
            decay_rate=args.decay_rate,
            clip_error=args.clip_error,
            has_target_network=args.target_steps > 0,
            batch_size=args.batch_size,
        ),
        compute_settings(args),
        generator,
    )


def compute_settings(args: Namespace) -> Compute:
    """What computes the network."""
    return Compute(
        engine=args.engine,
        backend=args.backend,
        device_id=args.device_id,
        datatype=args.datatype,
        stochastic_round=args.stochastic_round,
    )


def set_weights(
    args: Namespace, network: DeepQNetwork, snapshot: Snapshot, metadata: Metadata
) -> None:
    """Begin with the weights, optimizer states and number of updates of a snapshot that fits."""
    check_snapshot(snapshot, args.load_weights, metadata)
    network.set_layers(snapshot.layers)
    if snapshot.metadata:
        network.train_iterations = snapshot.metadata.weight_updates
    logger.info("Loaded weights from %s", args.load_weights)
    if args.train_steps:
        logger.info("A snapshot has no replay memory: it is filled by --random_steps")

"""The wiring: every part of a run, each made from its own settings."""

import logging
import math
import secrets
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from dqn.actors.create import ActorProcesses, create_actors
from dqn.actors.events import FinishedGame
from dqn.actors.starts import tests_end_with_lives
from dqn.agent import Agent, Tester
from dqn.checkpoints.checkpointer import Checkpointer, Part
from dqn.checkpoints.folder import CheckpointFolder
from dqn.environments.create import create_environment, find_observation_space
from dqn.environments.environment import Environment, ObservationSpace
from dqn.errors import UserError
from dqn.experiment import Experiment
from dqn.exploration import EpsilonGreedy, Policy
from dqn.learner import Learner, OverlappingLearner
from dqn.machine.cores import usable_cores
from dqn.machine.interruption import Interruption
from dqn.machine.wording import counted
from dqn.networks.architecture import Architecture
from dqn.networks.create import (
    choose_datatype,
    create_inspector,
    create_network,
    learns_on_gpu,
)
from dqn.networks.deepqnetwork import DeepQNetwork
from dqn.networks.inspector import NetworkInspector
from dqn.networks.layers import Layer, initial_layers
from dqn.networks.memory_need import memory_needs
from dqn.options import (
    agent_flags,
    continuing,
    game_flags,
    network_flags,
    phase_flags,
    replay_flags,
    visualization_flags,
)
from dqn.options.checkpoint_flags import number_of_snapshots
from dqn.origin import Origin
from dqn.player.create import open_display, open_speaker
from dqn.player.display import Display
from dqn.player.keyboard import names_of_actions
from dqn.player.player import Player
from dqn.player.spectator import Spectator
from dqn.recording.episodes import EpisodeRecording, episodes_to_record
from dqn.recording.games import GameRecording
from dqn.recording.screen import size_on_screen
from dqn.recording.settings import RecordingSettings
from dqn.replay.create import create_sampler, create_storage
from dqn.replay.memory import ReplayMemory
from dqn.replay.storage import OTHER_MEMORY
from dqn.replay.sum_tree import bytes_of_sum_tree
from dqn.results.episodes import EpisodeStatistics
from dqn.results.statistics import Statistics
from dqn.results.tensorboard import TensorBoard
from dqn.snapshots.saver import SnapshotSaver
from dqn.snapshots.snapshot import Metadata, Snapshot, without_states
from dqn.snapshots.validation import check_snapshot
from dqn.visualization.film import Film
from dqn.visualization.look import GameWatch
from dqn.visualization.overlay import Highlighter
from dqn.visualization.saliency import GRADIENT, OCCLUSION, create_saliency
from dqn.visualization.settings import FilterSettings

logger = logging.getLogger(__name__)

# Where a GPU learns (docs/gpu.md): with fewer for each core, cores mostly wait for one another.
ACTORS_PER_CORE = 4
MOST_ACTORS = 64
BYTES_OF_EMULATOR = 2**20
# In a minibatch; a convolution in float64 takes copies, too
BYTES_OF_FLOAT = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 16}


@dataclass
class Run:
    """The parts of a run that somebody has to open, start or close."""

    actors: ActorProcesses
    statistics: Statistics
    experiment: Experiment
    saver: SnapshotSaver | None = None
    checkpointer: Checkpointer | None = None
    recording: GameRecording | None = None
    episodes: Sequence[EpisodeRecording | EpisodeStatistics] | None = None
    player: Player | None = None
    spectator: Spectator | None = None

    @property
    def watchers(self) -> list[AbstractContextManager[object]]:
        """What looks on while the run is under way."""
        parts = [self.recording, self.player or self.spectator, *(self.episodes or ())]
        return [part for part in parts if part]

    @contextmanager
    def in_use(self, interruption: Interruption) -> Iterator[None]:
        """Let its parts work, and signals interrupt it; in the end all of them are closed."""
        with ExitStack() as stack:
            stack.enter_context(closing(self.actors))
            stack.enter_context(closing(self.statistics))
            stack.enter_context(interruption)
            for watcher in self.watchers:
                stack.enter_context(watcher)
            yield


@dataclass
class Look:
    """A game in which a network is looked into.

    `finished` are the games that ended; `actions` are the actions' names; `first_weights` are
    those of the first layer, in Neon's layout; `random` is a network with random weights, if one is
    wanted.
    """

    run: Run
    watch: GameWatch
    architecture: Architecture
    actions: list[str]
    first_weights: np.ndarray
    random: NetworkInspector | None
    finished: list[FinishedGame]


class Chance:
    """Every source of random numbers, each with a generator of its own, from one seed."""

    def __init__(self, random_seed: int):
        names = ("train", "test", "game", "memory", "network")
        self.seeds = dict(zip(names, np.random.SeedSequence(random_seed).spawn(5), strict=True))
        self.generators = {
            name: np.random.default_rng(seed) for name, seed in self.seeds.items() if name != "game"
        }


def assemble(origin: Origin, interruption: Interruption, videos: Path) -> Run:
    """Wire what the options of `origin` ask for; what a person records goes to `videos`.

    Raises UserError.
    """
    args = origin.args
    _settle(origin)
    if args.play_games and args.display_screen != "false" and not origin.snapshot:
        return _assemble_manual_play(origin, interruption, videos)
    return _assemble_agent(origin, interruption, videos)


def _settle(origin: Origin) -> None:
    """Decide what the options leave open: the seed, and the number of actors."""
    args = origin.args
    if args.random_seed is None:
        args.random_seed = secrets.randbits(32)
    if not origin.checkpoint:
        logger.info("Using random seed %d", args.random_seed)
    if args.actors == "auto":
        on_gpu = not args.play_games and _learns_on_gpu(args)
        args.actors = min(MOST_ACTORS, ACTORS_PER_CORE * usable_cores()) if on_gpu else 1


def _assemble_manual_play(origin: Origin, interruption: Interruption, videos: Path) -> Run:
    """A game that only a person plays: there is nothing that learns."""
    args, chance = origin.args, Chance(origin.args.random_seed)
    space = _observation_space(origin)
    actors = _create_actors(origin, space, chance, interruption, groups=("test",))
    player = _create_player(origin, actors, None, None, interruption, videos)
    tester = Tester(actors.groups["test"], player.choose_actions, args.exploration_rate_test)
    statistics = Statistics(tester, None, None, args.csv_file)
    recording = _create_recording(origin, actors)
    experiment = Experiment(
        tester,
        statistics,
        None,
        phase_flags.phases(args),
        listeners=[part.on_step for part in (recording, player) if part],
        has_quit=lambda: player.has_quit,
    )
    return Run(actors, statistics, experiment, recording=recording, player=player)


def assemble_look(origin: Origin, interruption: Interruption) -> Look:
    """A game of the snapshot's network, the same as in a test, in which it is looked into.

    Raises UserError.
    """
    args, snapshot = origin.args, origin.snapshot
    assert snapshot, "there is a network to look into"
    _settle(origin)
    chance = Chance(args.random_seed)
    space = _observation_space(origin)
    actors = _create_actors(origin, space, chance, interruption, groups=("test",))
    game = actors.groups["test"].first.environment
    architecture = _architecture(args, game.num_actions, space)
    _check_filters(args.visualization_filters, architecture)
    metadata = Metadata(origin.game, game.actions, architecture.state_shape)
    network = _create_network(origin, architecture, metadata, chance.generators["network"])
    policy = EpsilonGreedy(network, game.num_actions, chance.generators["test"])
    watch = GameWatch(create_inspector(architecture, snapshot.layers), policy)
    game.on_frame = watch.on_frame
    tester = Tester(actors.groups["test"], watch.choose_actions, args.exploration_rate_test)
    statistics = Statistics(tester, None, None, args.csv_file)
    finished: list[FinishedGame] = []
    experiment = Experiment(
        tester,
        statistics,
        None,
        phase_flags.phases(args),
        listeners=[lambda step: finished.extend(step.games)],
    )
    random = None
    if args.sanity:
        layers = initial_layers(architecture, chance.generators["network"])
        random = create_inspector(architecture, layers)
    return Look(
        Run(actors, statistics, experiment),
        watch,
        architecture,
        names_of_actions(game),
        snapshot.layers[0].weights,
        random,
        finished,
    )


def _check_filters(wanted: int, architecture: Architecture) -> None:
    """Raises UserError if no layer has as many filters as are wanted; the default always passes."""
    most = max((layer.filters for layer in architecture.convolutions), default=wanted)
    if wanted > max(most, FilterSettings.filters):
        raise UserError(
            f"--visualization_filters {wanted}: no layer of the network has more than "
            f"{counted(most, 'filter')}"
        )


def _assemble_agent(origin: Origin, interruption: Interruption, videos: Path) -> Run:
    """An agent that is trained, tested or watched."""
    args, chance = origin.args, Chance(origin.args.random_seed)
    space = _observation_space(origin)
    actors = _create_actors(origin, space, chance, interruption, groups=("train", "test"))
    train_actors, test_actors = actors.groups["train"], actors.groups["test"]
    game = train_actors.first.environment
    architecture = _architecture(args, game.num_actions, space)
    if args.datatype == "auto":
        args.datatype = _datatype(args, architecture)
    flags = continuing.flags_for_snapshots(args)
    metadata = Metadata(origin.game, game.actions, architecture.state_shape, flags=flags)
    network = _create_network(origin, architecture, metadata, chance.generators["network"])
    needs = _memory_of_network(args, architecture)
    memory = _create_memory(origin, space, network, needs, chance.generators["memory"])
    learner = _create_learner(args, network, memory)
    train_policy, test_policy = (
        EpsilonGreedy(network, game.num_actions, chance.generators[name])
        for name in ("train", "test")
    )
    player, film, playing_policy = _create_playing(
        *(origin, actors, network, architecture, test_policy, interruption, videos)
    )
    policies = train_policy, playing_policy
    agent = _create_agent(origin, actors, policies, memory, learner)
    saver = _create_saver(args, network, architecture, metadata)
    tensorboard = phase_flags.tensorboard_folder(args)
    statistics = Statistics(
        *(agent, network, memory, args.csv_file, args.actors, bool(args.train_steps)),
        tensorboard=TensorBoard(tensorboard) if tensorboard else None,
    )
    recording = _create_recording(origin, actors, film)
    episodes = _create_episode_recordings(origin, actors, videos)
    episode_statistics = _create_episode_statistics(origin)
    experiment = Experiment(
        agent,
        statistics,
        saver,
        phase_flags.phases(args),
        random_exploration_rate=agent.exploration_rate if origin.snapshot else 1,
        tested_epoch=origin.epoch_of_snapshot,
        listeners=[part.on_step for part in (recording, player, episode_statistics) if part],
        has_quit=lambda: player is not None and player.has_quit,
    )
    run = Run(actors, statistics, experiment, saver, recording=recording, player=player)
    run.episodes = [*episodes.values(), *filter(None, [episode_statistics])] or None
    if origin.folder and saver:
        parts: dict[str, Part] = {
            "learner": learner,
            "network": network,
            "train_actors": train_actors,
            "test_actors": test_actors,
            "agent": agent,
            "saver": saver,
            "statistics": statistics,
            "experiment": experiment,
        }
        if args.prioritized:  # the uniform sampler has no state
            parts["sampler"] = memory.sampler
        # A run that goes on may have recorded none before.
        known = origin.checkpoint["parts"] if origin.checkpoint else episodes
        parts |= {name: part for name, part in episodes.items() if name in known}
        run.checkpointer = _create_checkpointer(
            origin, origin.folder, memory, parts, chance, learner.check
        )
        _warn_if_not_restored_exactly(game)
    if not args.play_games and args.display_screen != "false":
        shown = {"training": train_actors.first, "testing": test_actors.first}
        run.spectator = Spectator(shown, network, statistics, _display_opener(origin))
    return run


def _create_playing(
    origin: Origin,
    actors: ActorProcesses,
    network: DeepQNetwork,
    architecture: Architecture,
    policy: EpsilonGreedy,
    interruption: Interruption,
    videos: Path,
) -> tuple[Player | None, Film | None, Policy]:
    """Who plays and explains tests and games: `policy` itself, or what it passes through."""
    args, game = origin.args, actors.groups["test"].first.environment
    highlighter = partial(_create_highlighter, args, names_of_actions(game), architecture, network)
    player = film = None
    choose_actions: Policy = policy
    if args.play_games and args.display_screen != "false":
        player = _create_player(
            *(origin, actors, network, policy, interruption, videos),
            partial(highlighter, GRADIENT),
        )
        choose_actions = player.choose_actions
    if args.saliency and args.record_games:
        size = partial(size_on_screen, has_square_pixels=game.has_square_pixels)
        film = Film(game, choose_actions, highlighter(OCCLUSION), size)
        choose_actions = film.choose_actions
    return player, film, choose_actions


def _observation_space(origin: Origin) -> ObservationSpace:
    args = origin.args
    return find_observation_space(
        origin.game,
        game_flags.game_settings(args),
        game_flags.observation_settings(args),
        game_flags.gym_settings(args),
    )


def _create_actors(
    origin: Origin,
    space: ObservationSpace,
    chance: Chance,
    interruption: Interruption,
    groups: tuple[str, ...],
) -> ActorProcesses:
    """Raises UserError if the replay memory has no room for that many actors."""
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
        is_busy=args.train_steps > 0 and _learns_on_gpu(args),
    )


def _learns_on_gpu(args: Namespace) -> bool:
    return learns_on_gpu(network_flags.compute(args))


def _architecture(args: Namespace, num_actions: int, space: ObservationSpace) -> Architecture:
    if args.environment == "gym" and len(space.shape) == 1 and args.network == "nature":
        logger.info("Using --network dense: observations are %d numbers", *space.shape)
        args.network = "dense"
    state_shape = (args.history_length, *space.shape)
    return network_flags.architecture(args, num_actions, state_shape, str(space.dtype))


def _datatype(args: Namespace, architecture: Architecture) -> str:
    """Choose a datatype; a run without training is not worth measuring."""
    if not args.train_steps:
        return "float32"
    return choose_datatype(
        architecture,
        network_flags.optimization(args),
        network_flags.targets(args),
        network_flags.compute(args),
    )


def _create_network(
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


def _layers_to_take(snapshot: Snapshot, args: Namespace) -> list[Layer]:
    """The layers of a snapshot, with the optimizer's states if they are of the same optimizer."""
    optimizer = snapshot.metadata and snapshot.metadata.flags.get("optimizer")
    if optimizer in (None, args.optimizer):
        return snapshot.layers
    if args.train_steps:
        logger.info(
            "The snapshot has states of --optimizer %s: those of %s start from zero",
            *(optimizer, args.optimizer),
        )
    return without_states(snapshot.layers)


def _steps_trained(origin: Origin) -> int:
    """How many training steps lie behind the run, from which ε follows."""
    args = origin.args
    if origin.snapshot and origin.snapshot.metadata:
        return origin.snapshot.metadata.train_steps + args.trained_steps
    return args.start_epoch * args.train_steps + args.trained_steps


def _minibatches(args: Namespace, train_steps: int) -> int:
    """The number of minibatches drawn in `train_steps`."""
    count: int = train_steps // args.train_frequency * args.train_repeat
    return count


def _create_memory(
    origin: Origin,
    space: ObservationSpace,
    network: DeepQNetwork,
    memory_of_network: int,
    generator: np.random.Generator,
) -> ReplayMemory:
    args = origin.args
    settings, priorities = replay_flags.replay_settings(args), replay_flags.priorities(args)
    other_memory = OTHER_MEMORY + 2 * args.actors * BYTES_OF_EMULATOR
    if priorities:
        other_memory += bytes_of_sum_tree(settings.size)
    if network.device == "cpu":
        other_memory += memory_of_network
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


def _create_learner(args: Namespace, network: DeepQNetwork, memory: ReplayMemory) -> Learner:
    in_thread = args.overlap and not _learns_on_gpu(args)  # a GPU computes beside the acting anyway
    kind = OverlappingLearner if in_thread else Learner
    return kind(network, memory, network_flags.learning_rate(args))


def _create_agent(
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
        learns_meanwhile=args.overlap and _learns_on_gpu(args),
    )


def _create_saver(
    args: Namespace, network: DeepQNetwork, architecture: Architecture, metadata: Metadata
) -> SnapshotSaver | None:
    if not args.save_weights_prefix:
        return None
    return SnapshotSaver(
        args.save_weights_prefix,
        network,
        architecture,
        metadata,
        last_good=args.load_weights,
        num_newest=number_of_snapshots(args.keep_snapshots),
    )


def _create_checkpointer(
    origin: Origin,
    folder: CheckpointFolder,
    memory: ReplayMemory,
    parts: dict[str, Part],
    chance: Chance,
    check: Callable[[], None],
) -> Checkpointer:
    options = continuing.as_plain_values(origin.args)
    return Checkpointer(
        folder,
        memory,
        parts,
        chance.generators,
        values={"game": origin.game, "rom_sha256": origin.rom_sha256, "options": options},
        every_steps=origin.args.checkpoint_steps,
        check=check,
    )


def _warn_if_not_restored_exactly(game: Environment) -> None:
    if not game.is_restored:
        logger.warning("%s cannot be restored: after a stop, new games of it begin", game.name)
    elif not game.is_restored_exactly:
        logger.warning("ALE does not restore %s exactly: a stop changes how it goes on", game.name)


def _create_recording(
    origin: Origin, actors: ActorProcesses, film: Film | None = None
) -> GameRecording | None:
    args = origin.args
    if not args.record_games:
        return None
    settings = RecordingSettings(
        args.video_file,
        args.record_screen_path,
        args.record_sound_filename,
        _facts_of_video(origin),
        to_scale=film is not None,
    )
    game = actors.groups["test"].first.environment
    paint = {"paint": film.paint} if film else {}
    return GameRecording(game, args.record_games, settings, **paint)


def _create_highlighter(
    args: Namespace,
    actions: list[str],
    architecture: Architecture,
    network: DeepQNetwork,
    default_method: str,
) -> Highlighter:
    """Highlights what values of the network depend on; raises UserError if it sees no screens."""
    settings = visualization_flags.saliency_settings(args)
    inspector = create_inspector(architecture, network.get_layers())
    saliency = create_saliency(settings.method or default_method, inspector)
    return Highlighter(saliency, inspector, actions, settings.strength)


def _create_episode_recordings(
    origin: Origin, actors: ActorProcesses, videos: Path
) -> dict[str, EpisodeRecording]:
    """The recordings of the first actor's games, by their names in a checkpoint."""
    args = origin.args
    if not args.record_episodes:
        return {}
    folder = args.episodes_path or videos / origin.game.rpartition("/")[2]
    choice, facts = episodes_to_record(args.record_episodes), _facts_of_video(origin)
    prefixes = {"train": "", "test": "test_"} if args.train_steps else {"test": ""}
    return {
        f"{group}_episodes": EpisodeRecording(
            actors.groups[group].first, folder, choice, facts, prefix
        )
        for group, prefix in prefixes.items()
    }


def _create_episode_statistics(origin: Origin) -> EpisodeStatistics | None:
    args = origin.args
    if not args.episodes_path or args.train_steps:
        return None
    facts = {
        "game": origin.game,
        **_facts_of_video(origin),
        "exploration_rate": args.exploration_rate_test,
        "is_deterministic": args.exploration_rate_test == 0,
    }
    return EpisodeStatistics(args.episodes_path, facts)


def _create_player(
    origin: Origin,
    actors: ActorProcesses,
    network: DeepQNetwork | None,
    policy: EpsilonGreedy | None,
    interruption: Interruption,
    videos: Path,
    make_highlighter: Callable[[], Highlighter] | None = None,
) -> Player:
    """The person who watches the games that are played, or plays them."""
    args, actor = origin.args, actors.groups["test"].first
    game = actor.environment
    open_sound = partial(open_speaker, game.sample_rate, game.frame_rate)
    has_sound = args.sound and game.sample_rate > 0
    return Player(
        actor,
        network=network,
        policy=policy,
        open_display=_display_opener(origin),
        open_speaker=open_sound if has_sound else lambda: None,
        frame_skip=game.frame_skip,
        waits_after_games=args.play_games == math.inf,
        videos=videos,
        facts=_facts_of_video(origin),
        is_stopping=lambda: interruption.status is not None,
        make_highlighter=make_highlighter,
        shows_saliency=args.saliency,
    )


def _display_opener(origin: Origin) -> Callable[[], Display]:
    title = origin.game.replace("_", " ").title() if origin.rom else origin.game
    return lambda: open_display(origin.args.display_screen, title)


def _facts_of_video(origin: Origin) -> dict[str, str]:
    """What a video's metadata say of the player: snapshot (its file's name), epoch and seed."""
    facts = {"snapshot": origin.args.load_weights.name} if origin.snapshot else {}
    if origin.snapshot and origin.snapshot.metadata:
        facts["epoch"] = str(origin.snapshot.metadata.epoch)
    return {**facts, "seed": str(origin.args.random_seed)}

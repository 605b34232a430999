"""Who looks on: players, displays, recordings."""

import math
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dqn.actors.create import ActorProcesses
from dqn.exploration import EpsilonGreedy, Policy
from dqn.machine.interruption import Interruption
from dqn.networks.architecture import Architecture
from dqn.networks.create import create_inspector
from dqn.networks.deepqnetwork import DeepQNetwork
from dqn.options import visualization_flags
from dqn.origin import Origin
from dqn.player.create import open_display, open_speaker
from dqn.player.display import Display
from dqn.player.keyboard import names_of_actions
from dqn.player.player import Player
from dqn.recording.episodes import EpisodeRecording, episodes_to_record
from dqn.recording.games import GameRecording
from dqn.recording.screen import size_on_screen
from dqn.recording.settings import RecordingSettings
from dqn.results.episodes import EpisodeStatistics
from dqn.visualization.film import Film
from dqn.visualization.overlay import Highlighter
from dqn.visualization.saliency import GRADIENT, OCCLUSION, create_saliency


def make_playing(
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
    highlighter = partial(_make_highlighter, args, names_of_actions(game), architecture, network)
    player = film = None
    choose_actions: Policy = policy
    if args.play_games and args.display_screen != "false":
        player = make_player(
            origin,
            actors,
            network,
            policy,
            interruption,
            videos,
            partial(highlighter, GRADIENT),
        )
        choose_actions = player.choose_actions
    if args.saliency and args.record_games:
        size = partial(size_on_screen, has_square_pixels=game.has_square_pixels)
        film = Film(game, choose_actions, highlighter(OCCLUSION), size)
        choose_actions = film.choose_actions
    return player, film, choose_actions


def make_player(
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
        open_display=display_opener(origin),
        open_speaker=open_sound if has_sound else lambda: None,
        frame_skip=game.frame_skip,
        waits_after_games=args.play_games == math.inf,
        videos=videos,
        facts=_facts_of_video(origin),
        is_stopping=lambda: interruption.status is not None,
        make_highlighter=make_highlighter,
        shows_saliency=args.saliency,
    )


def _make_highlighter(
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


def display_opener(origin: Origin) -> Callable[[], Display]:
    """Opens the display, when it is time, with the game's name as its title."""
    title = origin.game.replace("_", " ").title() if origin.rom else origin.game
    return lambda: open_display(origin.args.display_screen, title)


def make_recording(
    origin: Origin, actors: ActorProcesses, film: Film | None = None
) -> GameRecording | None:
    """The recording of games that are played, if it is wanted; `film` colours its frames."""
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


def make_episode_recordings(
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


def make_episode_statistics(origin: Origin) -> EpisodeStatistics | None:
    """The statistics of a test's episodes, if they are wanted."""
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


def _facts_of_video(origin: Origin) -> dict[str, str]:
    """What a video's metadata say of the player: snapshot (its file's name), epoch and seed."""
    facts = {"snapshot": origin.args.load_weights.name} if origin.snapshot else {}
    if origin.snapshot and origin.snapshot.metadata:
        facts["epoch"] = str(origin.snapshot.metadata.epoch)
    return {**facts, "seed": str(origin.args.random_seed)}

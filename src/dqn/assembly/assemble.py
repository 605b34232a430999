"""The wiring: every part of a run, each made from its own settings."""

from pathlib import Path

from dqn.agent import Tester
from dqn.assembly.acting import find_space, make_actors, settle
from dqn.assembly.chance import Chance
from dqn.assembly.learning import (
    choose_datatype_for,
    make_agent,
    make_architecture,
    make_learner,
    make_memory,
    make_network,
)
from dqn.assembly.run import Run
from dqn.assembly.saving import make_checkpointer, make_saver, warn_if_not_restored_exactly
from dqn.assembly.watching import (
    display_opener,
    make_episode_recordings,
    make_episode_statistics,
    make_player,
    make_playing,
    make_recording,
)
from dqn.checkpoints.checkpointer import Part
from dqn.experiment import Experiment
from dqn.exploration import EpsilonGreedy
from dqn.machine.interruption import Interruption
from dqn.options import continuing, phase_flags
from dqn.origin import Origin
from dqn.player.spectator import Spectator
from dqn.results.statistics import Statistics
from dqn.results.tensorboard import TensorBoard
from dqn.snapshots.snapshot import Metadata


def assemble(origin: Origin, interruption: Interruption, videos: Path) -> Run:
    """Wire what the options of `origin` ask for; what a person records goes to `videos`.

    Raises UserError.
    """
    args = origin.args
    settle(origin)
    if args.play_games and args.display_screen != "false" and not origin.snapshot:
        return _assemble_manual_play(origin, interruption, videos)
    return _assemble_agent(origin, interruption, videos)


def _assemble_manual_play(origin: Origin, interruption: Interruption, videos: Path) -> Run:
    """A game that only a person plays: there is nothing that learns."""
    args, chance = origin.args, Chance(origin.args.random_seed)
    space = find_space(origin)
    actors = make_actors(origin, space, chance, interruption, groups=("test",))
    player = make_player(origin, actors, None, None, interruption, videos)
    tester = Tester(actors.groups["test"], player.choose_actions, args.exploration_rate_test)
    statistics = Statistics(tester, None, None, args.csv_file)
    recording = make_recording(origin, actors)
    experiment = Experiment(
        tester,
        statistics,
        None,
        phase_flags.phases(args),
        listeners=[part.on_step for part in (recording, player) if part],
        has_quit=lambda: player.has_quit,
    )
    return Run(actors, statistics, experiment, recording=recording, player=player)


def _assemble_agent(origin: Origin, interruption: Interruption, videos: Path) -> Run:
    """An agent that is trained, tested or watched."""
    args, chance = origin.args, Chance(origin.args.random_seed)
    space = find_space(origin)
    actors = make_actors(origin, space, chance, interruption, groups=("train", "test"))
    train_actors, test_actors = actors.groups["train"], actors.groups["test"]
    game = train_actors.first.environment
    architecture = make_architecture(args, game.num_actions, space)
    if args.datatype == "auto":
        args.datatype = choose_datatype_for(args, architecture)
    flags = continuing.flags_for_snapshots(args)
    metadata = Metadata(origin.game, game.actions, architecture.state_shape, flags=flags)
    network = make_network(origin, architecture, metadata, chance.generators["network"])
    memory = make_memory(origin, space, network, architecture, chance.generators["memory"])
    learner = make_learner(args, network, memory)
    train_policy, test_policy = (
        EpsilonGreedy(network, game.num_actions, chance.generators[name])
        for name in ("train", "test")
    )
    player, film, playing_policy = make_playing(
        origin, actors, network, architecture, test_policy, interruption, videos
    )
    policies = train_policy, playing_policy
    agent = make_agent(origin, actors, policies, memory, learner)
    saver = make_saver(args, network, architecture, metadata)
    tensorboard = phase_flags.tensorboard_folder(args)
    statistics = Statistics(
        agent,
        network,
        memory,
        args.csv_file,
        args.actors,
        bool(args.train_steps),
        tensorboard=TensorBoard(tensorboard) if tensorboard else None,
    )
    recording = make_recording(origin, actors, film)
    episodes = make_episode_recordings(origin, actors, videos)
    episode_statistics = make_episode_statistics(origin)
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
        run.checkpointer = make_checkpointer(
            origin, origin.folder, memory, parts, episodes, chance, learner.check
        )
        warn_if_not_restored_exactly(game)
    if not args.play_games and args.display_screen != "false":
        shown = {"training": train_actors.first, "testing": test_actors.first}
        run.spectator = Spectator(shown, network, statistics, display_opener(origin))
    return run

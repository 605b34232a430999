"""Train and test a deep Q-network on an Atari game: parse, build, run."""

from dqn.machine import console

with console.starting(__name__):
    from dqn.machine.process_limits import check_process_limits

    check_process_limits()

    import hashlib
    import logging
    import re
    import secrets
    import sys
    import time
    from contextlib import closing, nullcontext
    from pathlib import Path
    from typing import Any

    import numpy as np
    from ale_py.roms import get_all_rom_ids

    from dqn import building
    from dqn.agent import Agent, EpsilonGreedy
    from dqn.checkpoints.checkpointer import (
        Checkpointer,
        UnfittingCheckpoint,
        what_is_missing,
    )
    from dqn.checkpoints.folder import CheckpointFolder
    from dqn.environments.restoring import restores_exactly
    from dqn.environments.roms import find_rom, game_of_file_name
    from dqn.errors import UserError, unforeseen
    from dqn.experiment import Experiment, last_snapshot
    from dqn.exploration import LinearDecay
    from dqn.learner import Learner, OverlappingLearner
    from dqn.machine import start_log
    from dqn.machine.files import check_name, is_path
    from dqn.machine.interruption import Interruption, Stopped
    from dqn.machine.memory_limit import is_out_of_memory
    from dqn.options import continuing
    from dqn.options import parser as options
    from dqn.replay.memory import ReplayMemory
    from dqn.replay.returns import OneStepReturns
    from dqn.results.statistics import Statistics
    from dqn.snapshots.file import load_snapshot
    from dqn.snapshots.saver import SnapshotSaver
    from dqn.snapshots.snapshot import Metadata, Snapshot

PROJECT = Path(__file__).resolve().parent.parent

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> int:
    """Run what the command line says and return the exit status."""
    start = time.monotonic()
    try:
        args = options.parse(arguments, PROJECT, is_complete=False)
        logging.basicConfig(format="%(asctime)s %(message)s", level=args.log_level)
        with start_log.held_back():
            run(args, arguments, start)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # those that can be foreseen say more, where they come from
        logger.debug("This came unforeseen", exc_info=True)
        print(f"error: {unforeseen(error)}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        print("error: the memory is used up: lower --batch_size or --replay_size", file=sys.stderr)
        return 2
    except Stopped as stopped:
        logger.info("Stopped, because %s", stopped)
        return stopped.status
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
    return 0


def run(args: options.Namespace, arguments: list[str], start: float) -> None:
    """Go on with the run's checkpoint if there is one, else begin; lock the run meanwhile.

    What is continued brings its flags, before those in `arguments`, of which `args` alone were
    made. The time limit counts from `start`, a time of time.monotonic.
    """
    for path in options.outputs(args):
        check_name(path)
    if args.start_epoch == "auto":
        arguments = [*arguments, f"--start_epoch={start_epoch_of(args.load_weights)}"]
        args = options.parse(arguments, PROJECT, is_complete=False)
    prefix = args.save_weights_prefix
    if not (prefix and args.train_steps):
        begin(args, arguments, start, None)
        return
    folder = CheckpointFolder(prefix.with_name(f"{prefix.name}.checkpoint"))
    try:
        if not args.checkpoint:
            begin(args, arguments, start, None)  # locked all the same
            return
        checkpoint = find_checkpoint(args, folder)
        if checkpoint is None:
            begin(args, arguments, start, folder)
            return
        before = continuing.flags_of_checkpoint(checkpoint)
        reason = options.find_unusable(continuing.as_arguments(before))
        if reason:
            raise UnfittingCheckpoint(folder, reason)
        complete = options.parse([*continuing.as_arguments(before), *arguments], PROJECT)
        continuing.check_fits(complete, before)
        if is_done(checkpoint["parts"], complete.epochs):
            logger.info(
                "All epochs of this run are done (%d): raise --epochs, or --restart begins anew",
                complete.epochs,
            )
            return
        is_exact = restores_exactly(checkpoint["game"], complete.frame_skip)
        missing = what_is_missing(checkpoint, is_restored_exactly=is_exact)
        logger.info("Going on with the checkpoint %s; %s", folder.path, missing)
        continuing.log_taken(complete, args, "the checkpoint")
        continuing.keep_seed(complete, before)
        continuing.log_changes(complete, before)
        run_experiment(complete, start, folder, checkpoint=checkpoint)
    finally:
        folder.close()


def begin(
    args: options.Namespace,
    arguments: list[str],
    start: float,
    folder: CheckpointFolder | None,
) -> None:
    """Begin a run, or test or play, with the flags of the snapshot if one is loaded."""
    if args.load_weights is None:
        run_experiment(options.parse(arguments, PROJECT), start, folder)
        return
    snapshot = load_snapshot(args.load_weights)
    before = continuing.flags_of_snapshot(snapshot, is_training=args.train_steps > 0)
    unknown = before.keys() - vars(args).keys()
    if unknown:
        logger.warning(
            "The snapshot %s has flags that this version does not know: %s",
            args.load_weights,
            ascii(", ".join(sorted(unknown))[:200]),
        )
    before = {name: value for name, value in before.items() if name not in unknown}
    reason = options.find_unusable(continuing.as_arguments(before))
    if reason:
        raise UserError(f"the snapshot {args.load_weights} has an unusable flag: {reason}")
    complete = options.parse([*continuing.as_arguments(before), *arguments], PROJECT)
    continuing.log_taken(complete, args, f"the snapshot {args.load_weights}")
    continuing.log_changes(complete, before)
    run_experiment(complete, start, folder, snapshot=snapshot)


def start_epoch_of(path: Path | None) -> int:
    """The epoch that the snapshot `path` records; raises UserError if it records none."""
    if path is None:
        raise UserError("--start_epoch auto needs a snapshot: name it with --load_weights")
    snapshot = load_snapshot(path)
    if snapshot.metadata is None:
        raise UserError(
            f"the snapshot {path} does not record its epoch: say after which one to go on, with "
            "--start_epoch NUMBER"
        )
    return snapshot.metadata.epoch


def find_checkpoint(args: options.Namespace, folder: CheckpointFolder) -> dict[str, Any] | None:
    """The checkpoint to go on with; None if there is none, or it is not wanted.

    A snapshot is begun with only if the checkpoint is of another epoch, and not of a run that the
    same command began. Raises UserError for a checkpoint that this program cannot have made.
    """
    checkpoint = None if args.restart else folder.load()
    if checkpoint and not tells_its_run(checkpoint):
        raise UnfittingCheckpoint(folder, "it lacks what tells which run it is of")
    if checkpoint and args.load_weights:
        before = checkpoint["options"]
        epoch = last_snapshot(checkpoint["parts"]["experiment"])
        same_command = before["load_weights"] == str(args.load_weights)
        if not same_command and epoch != (args.start_epoch or None):
            logger.info("The checkpoint %s is of epoch %d: not used", folder.path, epoch)
            checkpoint = None
    return checkpoint


def tells_its_run(checkpoint: dict[str, Any]) -> bool:
    """Whether a checkpoint has what this file looks at before the parts restore theirs."""
    match checkpoint:
        case {
            "options": {"load_weights": str() | None, "csv_file": str() | None, "actors": int(n)},
            "game": str(game),
            "rom_sha256": str(),
            "parts": {
                "experiment": {"epoch": int(), "phase": str()},
                "saver": {"failed_epoch": int() | None},
            },
        } if n > 0:
            values = checkpoint["options"].values()
            csv_file = checkpoint["options"]["csv_file"]
            return (
                all(isinstance(value, str | int | float | None) for value in values)
                and is_path(game)
                and (csv_file is None or is_path(csv_file))
            )
    return False


def is_done(parts: dict[str, Any], epochs: int) -> bool:
    """Whether a checkpoint's run has made all epochs, and saved their snapshots and rows."""
    match parts.get("statistics"):
        case {"files": [{"is_written": bool(phases)}, {"is_written": bool(games)}]}:
            has_rows = phases and games
        case _:
            has_rows = True
    is_saved = has_rows and parts["saver"]["failed_epoch"] is None
    return parts["experiment"]["epoch"] > epochs and is_saved


def run_experiment(
    args: options.Namespace,
    start: float,
    folder: CheckpointFolder | None,
    *,
    checkpoint: dict[str, Any] | None = None,
    snapshot: Snapshot | None = None,
) -> None:
    """Build the parts, each from its own options, and run the experiment."""
    if args.random_seed is None:
        args.random_seed = secrets.randbits(32)
    if not checkpoint:
        logger.info("Using random seed %d", args.random_seed)
    names = ("train", "test", "game", "memory", "network")
    seeds = dict(zip(names, np.random.SeedSequence(args.random_seed).spawn(5), strict=True))
    generators = {
        name: np.random.default_rng(seed) for name, seed in seeds.items() if name != "game"
    }
    shape = {
        "history_length": args.history_length,
        "screen_height": args.screen_height,
        "screen_width": args.screen_width,
    }

    known_game = f"roms/{checkpoint['game']}.bin" if checkpoint else None
    rom, game = find_rom(
        args.game or known_game or rom_of(snapshot, args.load_weights), PROJECT / "roms"
    )
    identity = {"game": game, "rom_sha256": hashlib.sha256(rom.read_bytes()).hexdigest()}
    if checkpoint:
        check_identity(identity, checkpoint, folder)
    args.actors = building.number_of_actors(args, checkpoint)
    interruption = Interruption(args.max_computing_time, start)
    actors = building.build_actors(args, rom, game, shape, seeds, generators, interruption)
    train_actors, test_actors = actors.groups["train"], actors.groups["test"]
    num_actions = train_actors.first.environment.num_actions
    flags = continuing.flags_for_snapshots(args)
    metadata = Metadata(game, train_actors.first.environment.actions, **shape, flags=flags)
    network = None
    if snapshot or not building.is_manual(args):
        network = building.build_network(args, num_actions, shape, generators["network"])
    total_train_steps = args.start_epoch * args.train_steps
    if snapshot:
        building.set_weights(args, network, snapshot, metadata)
        if snapshot.metadata:
            total_train_steps = snapshot.metadata.train_steps
    memory = ReplayMemory(
        building.build_screens(args, network),
        history_length=args.history_length,
        batch_size=args.batch_size,
        generator=generators["memory"],
        num_streams=args.actors,
        returns=OneStepReturns(args.discount_rate, args.min_reward, args.max_reward),
    )
    learner = (OverlappingLearner if args.overlap else Learner)(network, memory)
    test_policy = EpsilonGreedy(network, num_actions, generators["test"])
    facts = building.facts_of_video(args, snapshot, args.random_seed)
    player = building.build_player(
        args, test_actors.first, network, test_policy, interruption, PROJECT / "videos", facts
    )
    agent = Agent(
        train_actors,
        test_actors,
        EpsilonGreedy(network, num_actions, generators["train"]),
        player.choose_actions if player else test_policy,
        memory,
        learner,
        exploration=LinearDecay(
            args.exploration_rate_start, args.exploration_rate_end, args.exploration_decay_steps
        ),
        exploration_rate_test=args.exploration_rate_test,
        train_frequency=args.train_frequency,
        train_repeat=args.train_repeat,
        target_steps=args.target_steps,
        total_train_steps=total_train_steps + args.trained_steps,
    )
    saver = None
    if args.save_weights_prefix:
        saver = SnapshotSaver(
            args.save_weights_prefix,
            network,
            metadata,
            last_good=args.load_weights,
            num_newest=options.number_of_snapshots(args.keep_snapshots),
        )
    if args.csv_file and checkpoint and checkpoint["options"]["csv_file"]:
        # It goes on, whatever snapshot the file that is named now is called after.
        name = Path(checkpoint["options"]["csv_file"]).name
        args.csv_file = args.csv_file.with_name(name)
    statistics = Statistics(
        agent, network, memory, args.csv_file, args.actors, bool(args.train_steps)
    )
    recording = building.build_recording(args, test_actors.first.environment, facts)
    experiment = Experiment(
        agent,
        statistics,
        saver,
        random_steps=args.random_steps,
        random_exploration_rate=agent.exploration_rate if snapshot else 1,
        train_steps=args.train_steps,
        test_steps=args.test_steps,
        test_games=args.test_games,
        start_epoch=args.start_epoch,
        epochs=args.epochs,
        tested_epoch=epoch_of(snapshot, args.load_weights) if snapshot else None,
        play_games=args.play_games,
        listeners=[part.on_step for part in (recording, player) if part],
        has_quit=lambda: player is not None and player.has_quit,
    )
    checkpointer = None
    if folder:
        parts = {
            "learner": learner,
            "network": network,
            "train_actors": train_actors,
            "test_actors": test_actors,
            "agent": agent,
            "saver": saver,
            "statistics": statistics,
            "experiment": experiment,
        }
        values = {**identity, "options": continuing.as_plain_values(args)}
        checkpointer = Checkpointer(
            folder,
            memory,
            parts,
            generators,
            values=values,
            every_steps=args.checkpoint_steps,
            check=learner.check,
        )
        if not train_actors.first.environment.is_restored_exactly:
            logger.warning("ALE does not restore %s exactly: a stop changes how it goes on", game)
    audience = player or building.build_spectator(
        args, train_actors.first, test_actors.first, network, statistics
    )
    with (
        closing(actors),
        closing(statistics),
        interruption,
        recording or nullcontext(),
        audience or nullcontext(),
    ):
        if checkpointer:
            epochs_done = args.start_epoch
            if checkpoint:
                checkpointer.restore(checkpoint)
                epochs_done = last_snapshot(checkpoint["parts"]["experiment"])
            steps_left = args.random_steps + args.train_steps * (args.epochs - epochs_done)
            steps_between = args.random_steps + args.train_steps
            if args.checkpoint_steps:
                steps_between = min(steps_between, args.checkpoint_steps)
            checkpointer.check_room(steps_between, steps_left, checkpoint)
        # All that can fail has been tried by now: from here on, files change.
        start_log.release()
        statistics.open_files()
        if checkpointer and not checkpoint:
            checkpointer.begin()
        if saver and args.train_steps and not checkpoint:
            saver.move_older_aside(args.start_epoch, args.load_weights)
        if args.csv_file and args.train_steps:
            before = checkpoint and continuing.flags_of_checkpoint(checkpoint)
            continuing.save_flags(args, args.csv_file.with_suffix(".args"), before)
        tests = experiment.run(interruption, checkpointer)
    if args.train_steps:
        log_next_commands(saver and saver.last_good, args.csv_file)
    results = []
    if not args.train_steps:
        results += [str(scores) for scores in tests if scores.games or not player]
    if player and player.unfinished_score is not None:
        results.append(f"score of the unfinished game: {player.unfinished_score:g}")
    console.print_results(*results)


def log_next_commands(snapshot: Path | None, csv_file: Path | None) -> None:
    """Say what can be done with a finished run's files."""
    if snapshot:
        play = f"{console.command('play.sh')} {console.as_typed(snapshot)}"
        logger.info("Watch it play: %s", play)
    if csv_file:
        plot = f"{console.command('plot.sh')} {console.as_typed(csv_file)}"
        logger.info("Draw its learning curves: %s", plot)


def check_identity(
    identity: dict[str, str], checkpoint: dict[str, Any], folder: CheckpointFolder
) -> None:
    """Raises UserError if the checkpoint is of another game or another ROM of it."""
    if checkpoint["game"] != identity["game"]:
        raise UserError(
            f"the checkpoint {folder.path} is of {checkpoint['game']!r}, not of "
            f"{identity['game']!r}: name that game, or begin anew with --restart"
        )
    if checkpoint["rom_sha256"] != identity["rom_sha256"]:
        raise UserError(
            f"the checkpoint {folder.path} is of another ROM of {identity['game']!r}: use that one "
            "again, or begin anew with --restart"
        )


def rom_of(snapshot: Snapshot, path: Path) -> str:
    """A ROM of the game recorded in a snapshot, else of the one that its file name begins with."""
    game = snapshot.metadata.game if snapshot.metadata else game_of_file_name(path)
    if game not in get_all_rom_ids():
        raise UserError(f"the snapshot {path} tells no game that ALE knows: name the ROM too")
    return f"roms/{game}.bin"


def epoch_of(snapshot: Snapshot, path: Path) -> int | None:
    """The epoch recorded in a snapshot, else the one that its file name ends with, if any."""
    if snapshot.metadata:
        return snapshot.metadata.epoch
    number = path.stem.rpartition("_")[2]
    return int(number) if re.fullmatch(r"[0-9]{1,9}", number) else None


if __name__ == "__main__":
    console.run(main)

"""Train and test a deep Q-network on an Atari game: parse, find the origin, assemble, run."""

from dqn.machine import console

with console.starting(__name__):
    from dqn.machine.process_limits import check_process_limits

    check_process_limits()

    import logging
    import sys
    import time
    from argparse import Namespace
    from collections.abc import Callable
    from pathlib import Path

    from dqn.assembly.assemble import assemble
    from dqn.assembly.run import Run
    from dqn.errors import UserError, unforeseen
    from dqn.machine import start_log
    from dqn.machine.interruption import Interruption, Stopped
    from dqn.machine.memory_limit import is_out_of_memory
    from dqn.options import continuing, parser
    from dqn.origin import Origin, find_origin
    from dqn.sharing import hub
    from dqn.sharing.address import is_address, read_address

RunOrigin = Callable[[Origin, Interruption], None]

PROJECT = Path(__file__).resolve().parent.parent

logger = logging.getLogger(__name__)


def main(arguments: list[str], run_origin: RunOrigin | None = None) -> int:
    """Run what the command line says and return the exit status.

    `run_origin` takes the place of `run` in another program.
    """
    start = time.monotonic()
    try:
        args = parser.parse(arguments, PROJECT, is_complete=False)
        logging.basicConfig(format="%(asctime)s %(message)s", level=args.log_level)
        if is_address(str(args.load_weights)):
            arguments = [*arguments, f"--load_weights={pull(args)}"]
        with start_log.held_back(), find_origin(arguments, PROJECT) as origin:
            if origin:
                (run_origin or run)(origin, Interruption(origin.args.max_computing_time, start))
    except UserError as error:
        return fail(str(error))
    except OSError as error:  # those that can be foreseen say more, where they come from
        logger.debug("This came unforeseen", exc_info=True)
        return fail(str(unforeseen(error)))
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return fail("the memory is used up: lower --batch_size or --replay_size")
    except Stopped as stopped:
        logger.info("Stopped, because %s", stopped)
        return stopped.status
    except KeyboardInterrupt:
        return fail("interrupted", status=130)
    return 0


def pull(args: Namespace) -> Path:
    """The snapshot that the options name on the hub; training takes the optimizer's state, too."""
    return hub.pull(read_address(str(args.load_weights)), has_states=args.train_steps > 0)


def fail(reason: str, status: int = 2) -> int:
    """Print the one line that says why the program ends; returns its exit status."""
    print(f"error: {reason}", file=sys.stderr)
    return status


def run(origin: Origin, interruption: Interruption) -> None:
    """Assemble the run, open all that it needs, and run it to its end."""
    if origin.args.visualization_file:
        raise UserError("--visualization_file is for nvis.sh: ./nvis.sh SNAPSHOT writes the page")
    parts = assemble(origin, interruption, PROJECT / "videos")
    with parts.in_use(interruption):
        open_files(origin, parts)
        tests = parts.experiment.run(interruption, parts.checkpointer)
    results = []
    if origin.args.train_steps:
        log_next_commands(parts.saver.last_good if parts.saver else None, origin.args.csv_file)
    else:
        results += [str(scores) for scores in tests if scores.games or not parts.player]
    if parts.player and parts.player.unfinished_score is not None:
        results.append(f"score of the unfinished game: {parts.player.unfinished_score:g}")
    console.print_results(*results)


def open_files(origin: Origin, parts: Run) -> None:
    """Resume from the checkpoint, or move an older run aside; all that can fail is tried first."""
    args, checkpointer = origin.args, parts.checkpointer
    if checkpointer:
        if origin.checkpoint:
            checkpointer.restore(origin.checkpoint)
        epochs_left = args.epochs - origin.epochs_done
        steps_left = args.random_steps + args.train_steps * epochs_left
        steps_between = args.random_steps + args.train_steps
        if args.checkpoint_steps:
            steps_between = min(steps_between, args.checkpoint_steps)
        checkpointer.check_room(steps_between, steps_left, origin.checkpoint)
    start_log.release()  # from here on, files change
    parts.statistics.open_files()
    if checkpointer and not origin.checkpoint:
        checkpointer.begin()
    if parts.saver and args.train_steps and not origin.checkpoint:
        parts.saver.move_older_aside(args.start_epoch, args.load_weights)
    if args.csv_file and args.train_steps:
        flags_file = args.csv_file.with_suffix(".args")
        continuing.save_flags(args, flags_file, origin.flags_before)


def log_next_commands(snapshot: Path | None, csv_file: Path | None) -> None:
    """Say what can be done with a finished run's files."""
    if snapshot:
        play = f"{console.command('play.sh')} {console.as_typed(snapshot)}"
        logger.info("Watch it play: %s", play)
    if csv_file:
        plot = f"{console.command('plot.sh')} {console.as_typed(csv_file)}"
        logger.info("Draw its learning curves: %s", plot)


if __name__ == "__main__":
    console.run(main)

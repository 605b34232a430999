"""Share a trained network: build a folder of all that belongs to it; upload it only if asked."""

from dqn.machine import console

with console.starting(__name__):
    import argparse
    import logging
    import sys
    from pathlib import Path

    import main as training_program
    from dqn.assembly.assemble import assemble
    from dqn.errors import ArgumentParser, UserError, unforeseen
    from dqn.machine import start_log
    from dqn.machine.files import check_name
    from dqn.machine.interruption import Interruption
    from dqn.machine.wording import counted, size
    from dqn.options import parser
    from dqn.options.types import MAX_GAMES, Integer, Number
    from dqn.origin import Origin
    from dqn.player.keyboard import names_of_actions
    from dqn.sharing import build, folder, hub, names
    from dqn.sharing.address import check_repository
    from dqn.sharing.build import Request
    from dqn.sharing.played import Played
    from dqn.sharing.source import find_source

PROJECT = Path(__file__).resolve().parent.parent
GAMES, EXPLORATION_RATE, SEED = 100, 0.05, 1
TOLD = {
    "command": "the command that trained it (default: the flags in the snapshot)",
    "hardware": "what it was trained on",
    "commit": "the commit of this program that trained it",
    "licence": "licence of the network, as the hub names it: mit, say",
}

logger = logging.getLogger(__name__)


class Ended(Exception):
    """The training program, which plays the games, ended with this status and has said why."""

    def __init__(self, status: int):
        super().__init__(f"status {status}")
        self.status = status


def parse_arguments(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Read the command line; returns what it has for the games, too. Raises UserError."""
    options = ArgumentParser(
        prog="share.py",
        description=__doc__,
        allow_abbrev=False,
        epilog="Any other flag is one of main.py, for the games: --env_import my_games, say.",
    )
    add = options.add_argument
    add(
        "path",
        type=Path,
        metavar="PATH",
        help="snapshot to share; or a folder that ./test_gym.sh wrote, whose scores are taken; or "
        "a folder that was built before",
    )
    add("--output", type=Path, metavar="FOLDER", help="where to build (default: shared/<name>)")
    add(
        "--test_games",
        type=Integer(1, MAX_GAMES),
        default=GAMES,
        metavar="N",
        help=f"games whose scores are shared (default: {GAMES})",
    )
    add(
        "--exploration_rate_test",
        type=Number(0, 1),
        default=EXPLORATION_RATE,
        metavar="X",
        help=f"ε in them (default: {EXPLORATION_RATE})",
    )
    add(
        "--random_seed",
        type=Integer(0, parser.MAX_SEED),
        default=SEED,
        metavar="N",
        help=f"seed of the games (default: {SEED})",
    )
    add(
        "--scores",
        type=Path,
        metavar="FOLDER",
        help="take the scores that ./test_gym.sh wrote into this folder, and play none",
    )
    add(
        "--csv_file",
        type=Path,
        metavar="FILE",
        help="CSV file of the run (default: the one beside the snapshot or in results/)",
    )
    for name, what in TOLD.items():
        add(f"--{name}", metavar="TEXT", help=what)
    add(
        "--push",
        type=str,
        metavar="OWNER/NAME",
        help="upload the folder to this repository of the hub",
    )
    add("--private", action="store_true", help="make a new repository private")
    add("--yes", action="store_true", help="upload without asking")
    args, others = options.parse_known_args(arguments)
    if args.push:
        check_repository(args.push)
    elif args.private or args.yes:
        options.error("--private and --yes are for --push OWNER/NAME")
    return args, others


def main(arguments: list[str]) -> int:
    """Do what the command line says and return the exit status."""
    logging.basicConfig(format="%(asctime)s %(message)s", level="INFO")
    try:
        args, others = parse_arguments(arguments)
        built = find_or_build(args, others)
        if args.push or hub.is_installed():
            hub.check_card((built / names.README).read_text("utf-8", "replace"))
        if args.push:
            console.print_results(push(built, args))
        else:
            console.print_results(console.as_typed(built))
            logger.info(
                "Look at it, then upload it: %s %s --push OWNER/NAME",
                console.command("share.sh"),
                console.as_typed(built),
            )
    except Ended as ended:
        return ended.status
    except UserError as error:
        return training_program.fail(str(error))
    except OSError as error:
        return training_program.fail(str(unforeseen(error)))
    except KeyboardInterrupt:
        return training_program.fail("interrupted", status=130)
    return 0


def find_or_build(args: argparse.Namespace, others: list[str]) -> Path:
    """The folder that is named, if it was built before, or that of the snapshot."""
    if args.path.is_dir() and folder.is_built(args.path):
        folder.check(args.path)
        return Path(args.path)
    source = find_source(args.path, args.scores, args.csv_file, PROJECT)
    target = Path(args.output or PROJECT / "shared" / source.path.stem)
    check_name(target)
    request = Request(
        args.test_games,
        args.exploration_rate_test,
        args.random_seed,
        args.csv_file,
        {name: getattr(args, name) for name in TOLD},
        others,
    )
    build.find_or_build(source, target, request, play, PROJECT)
    return target


def play(words: list[str]) -> Played:
    """Play games as main.py does; raises Ended if it could not, or was stopped."""
    found: list[Played] = []

    def run(origin: Origin, interruption: Interruption) -> None:
        parts = assemble(origin, interruption, PROJECT / "videos")
        game = parts.actors.groups["test"].first.environment
        with parts.in_use(interruption):
            start_log.release()  # from here on, files change
            parts.statistics.open_files()
            tests = parts.experiment.run(interruption, None)
        found.append(
            Played(
                origin.args,
                origin.game,
                origin.rom,
                list(map(int, game.actions)),
                names_of_actions(game),
                scores=tests[0],
                has_sound=game.sample_rate > 0,
            )
        )

    status = training_program.main(words, run)
    if status:
        raise Ended(status)
    return found[0]


def push(built: Path, args: argparse.Namespace) -> str:
    """Upload a built folder after all was said of it; returns its page."""
    hub.check_token()
    folder.set_repository(built, args.push)
    sent = [*folder.check(built), names.CHECKSUMS]
    where = f"{hub.host()}/{args.push}"
    logger.info(
        "This goes to %s (%s):", where, "private, if it is new" if args.private else "public"
    )
    for name in sent:
        logger.info("  %-24s %s", name, size((built / name).stat().st_size))
    if not args.yes:
        confirm(f"Upload {counted(len(sent), 'file')}, {folder.size_of(built, sent)}? [y/N] ")
    page = hub.push(built, sent, args.push, is_private=args.private)
    logger.info("Uploaded; to watch it: %s hf:%s", console.command("play.sh"), args.push)
    return page


def confirm(question: str) -> None:
    """Ask the user; raises UserError unless the answer is yes."""
    if not sys.stdin.isatty():
        raise UserError("nothing was uploaded, as nobody can be asked here: add --yes")
    print(question, end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UserError("nothing was uploaded, as you did not say yes")


if __name__ == "__main__":
    console.run(main)

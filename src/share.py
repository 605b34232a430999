"""Share a trained network: build a folder of all that belongs to it; upload it only if asked."""

from dqn.machine import console

with console.starting(__name__):
    import argparse
    import logging
    import re
    import shlex
    import shutil
    import sys
    import tempfile
    import time
    from dataclasses import dataclass, replace
    from pathlib import Path
    from typing import Any

    import main as training_program
    from dqn.assembly.assemble import assemble
    from dqn.errors import ArgumentParser, UserError, unforeseen
    from dqn.machine import provenance, start_log
    from dqn.machine.files import check_name
    from dqn.machine.hardware import cpu_model
    from dqn.machine.interruption import Interruption
    from dqn.machine.wording import counted, size
    from dqn.networks.create import export_network
    from dqn.options import continuing, game_flags, parser
    from dqn.options.types import MAX_GAMES, Integer, Number
    from dqn.origin import Origin
    from dqn.player.keyboard import names_of_actions
    from dqn.recording.still import still_of
    from dqn.report import games
    from dqn.report.protocol import protocol
    from dqn.results.statistics import Scores
    from dqn.sharing import card, checksums, contents, curve, folder, hub, names, scores
    from dqn.sharing import training as trainings
    from dqn.sharing.address import check_repository
    from dqn.sharing.card import Card
    from dqn.sharing.contents import Subject
    from dqn.sharing.scores import Evaluation
    from dqn.sharing.training import Training
    from dqn.snapshots.file import load_snapshot
    from dqn.snapshots.snapshot import Metadata, Snapshot, without_states


PROJECT = Path(__file__).resolve().parent.parent
GAMES, EXPLORATION_RATE, SEED = 100, 0.05, 1
TOLD = {
    "command": "the command that trained it (default: the flags in the snapshot)",
    "hardware": "what it was trained on",
    "commit": "the commit of this program that trained it",
    "licence": "licence of the network, as the hub names it: mit, say",
}
# Which part of the game in the video has gone by in the picture
PART_OF_SCREEN = 1 / 3

logger = logging.getLogger(__name__)


class Ended(Exception):
    """The training program, which plays the games, ended with this status and has said why."""

    def __init__(self, status: int):
        super().__init__(f"status {status}")
        self.status = status


@dataclass(frozen=True)
class Source:
    """A snapshot to share; its scores if they are `given`, the CSV file of its run, and a note.

    The note is what stands beside the snapshot.
    """

    path: Path
    snapshot: Snapshot
    given: Evaluation | None
    csv_file: Path | None
    note: dict[str, Any]


@dataclass(frozen=True)
class Played:
    """Games that were played, and by which options."""

    args: argparse.Namespace
    game: str
    rom: Path | None
    actions: list[int]
    action_names: list[str]
    scores: Scores
    has_sound: bool


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
                *(console.command("share.sh"), console.as_typed(built)),
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
    """The folder that was built before of the same snapshot and games, or a new one."""
    if args.path.is_dir() and folder.is_built(args.path):
        folder.check(args.path)
        return Path(args.path)
    source = find_source(args)
    target = args.output or PROJECT / "shared" / source.path.stem
    check_name(target)
    recipe = {
        "snapshot_sha256": checksums.sha256_of(source.path),
        "csv_sha256": args.csv_file and checksums.sha256_of(args.csv_file),
        "test_games": source.given.date if source.given else args.test_games,
        "exploration_rate": args.exploration_rate_test,
        "random_seed": args.random_seed,
        **{name: getattr(args, name) for name in TOLD},
        "flags": others,
    }
    if folder.is_built(target) and contents.recipe_of(target) == recipe:
        folder.check(target)
        logger.info("Using %s, which was built of this snapshot before", target)
        return Path(target)
    folder.check_place(target)
    with tempfile.TemporaryDirectory() as temporary:
        source = replace(source, **copied(source, Path(temporary)))
        recipe["snapshot_sha256"] = checksums.sha256_of(source.path)
        files = make(args, others, source, Path(temporary), recipe)
        folder.build(target, files)
    logger.info("Built %s: %s, %s", target, counted(len(files) + 1, "file"), size_of(target))
    return Path(target)


def find_source(args: argparse.Namespace) -> Source:
    """The snapshot that the command line names, with its scores and CSV file if there are any."""
    path, given = args.path, None
    if args.path.is_dir():
        given = scores.read_evaluation(args.path)
        path = PROJECT / "snapshots" / Path(given.snapshot).name
        if not path.is_file():
            raise UserError(
                f"the scores in {args.path} are of {given.snapshot!r}, which is not in "
                f"{path.parent}: name it, ./share.sh SNAPSHOT --scores {args.path}"
            )
    elif args.scores:
        given = scores.read_evaluation(args.scores)
        if given.snapshot != path.name:
            raise UserError(
                f"the scores in {args.scores} are of {given.snapshot!r} and not of {path.name}: "
                "name that snapshot, or test this one"
            )
    snapshot = load_snapshot(path)
    steps = snapshot.metadata.train_steps if snapshot.metadata else 0
    if args.csv_file:
        trainings.check_csv(args.csv_file, steps)
    csv_file = args.csv_file or trainings.find_csv(path, PROJECT / "results", steps)
    if csv_file is None:
        logger.info("Found no CSV file of the run: the folder gets no learning curve")
    return Source(path, snapshot, given, csv_file, trainings.read_note(path))


def copied(source: Source, folder: Path) -> dict[str, Any]:
    """The path of a copy of the snapshot, and what it holds: a training may replace <run>_best."""
    path = folder / source.path.name
    shutil.copyfile(source.path, path)
    return {"path": path, "snapshot": load_snapshot(path)}


def make(
    args: argparse.Namespace,
    others: list[str],
    source: Source,
    temporary: Path,
    recipe: dict[str, Any],
) -> dict[str, bytes | Path]:
    """The files of the folder: name → content, or a file to copy; first come the games."""
    replay = temporary / names.REPLAY
    words = words_of_games(args, source.given) + others
    load = ["--load_weights", str(source.path)]
    logger.info("Recording a game")
    played = play([*load, *words, "--play_games", "1", "--video_file", str(replay)])
    number = len(source.given.scores) if source.given else args.test_games
    words = ["--test_games", str(number), *words]
    evaluation, hours = evaluate([*load, *words], source.given, played.game, temporary / "scores")
    subject = subject_of(source, played)
    exported = export_network(subject.architecture, without_states(source.snapshot.layers))
    how = protocol_of(subject, played, evaluation)
    training = training_of(args, source, subject, played.game)
    command = shlex.join(["./test.sh", f"hf:{card.REPOSITORY}", *words])
    name = file_name(source.path)
    files: dict[str, bytes | Path] = {
        names.CONFIG: contents.config(subject, name, recipe),
        names.RESULTS: contents.results(
            *(subject, evaluation, how, training),
            command=command,
            test_hours=hours,
            versions=provenance.versions(),
            commit=provenance.commit_of(PROJECT),
            hardware=cpu_model(),
            replay={"score": float(played.scores.mean), "random_seed": evaluation.seed},
        ),
        names.WEIGHTS: contents.weights(subject, exported),
        name: source.path,
        names.AGENT: exported.program,
        names.REPLAY: replay.read_bytes(),
        names.SCREEN: still_of(replay, PART_OF_SCREEN),
    }
    if source.csv_file:
        files[names.CSV] = source.csv_file
        files[names.CURVE] = curve.draw_curve(source.csv_file)
    text = card.write_card(
        Card(
            environment=subject.environment,
            title=games.title(played.game) if played.rom else played.game,
            game=played.game if played.rom else None,
            evaluation=evaluation,
            protocol=how,
            test_command=command,
            training=training,
            inputs=contents.inputs(subject),
            actions=subject.action_names,
            example=contents.example(subject.architecture, exported),
            states=contents.states(subject.architecture),
            files=contents.descriptions([*files, names.CHECKSUMS], name),
            replay=played.scores.mean,
            has_sound=played.has_sound,
            home=provenance.home_of(PROJECT),
            licence=args.licence,
        )
    )
    return {names.README: text.encode(), **files}


def words_of_games(args: argparse.Namespace, given: Evaluation | None) -> list[str]:
    """ε and the seed of all games: those of the scores that are given, if there are any."""
    rate = given.exploration_rate if given else args.exploration_rate_test
    seed = given.seed if given else args.random_seed
    return ["--exploration_rate_test", str(rate), "--random_seed", str(seed)]


def evaluate(
    words: list[str], given: Evaluation | None, game: str, folder_of_scores: Path
) -> tuple[Evaluation, float | None]:
    """The scores that are given, or those of a test and the hours that it took."""
    if given:
        if given.game != game:
            raise UserError(f"the scores are of {given.game!r}, and the snapshot of {game!r}")
        return given, None
    start = time.monotonic()
    phases = "--random_steps 0 --train_steps 0 --epochs 1".split()
    play([*words, *phases, "--episodes_path", str(folder_of_scores)])
    hours = round((time.monotonic() - start) / 3600, 4)
    return scores.read_evaluation(folder_of_scores), hours


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


def subject_of(source: Source, played: Played) -> Subject:
    """The network, with what only playing shows of a file that does not say it."""
    snapshot = source.snapshot
    if snapshot.architecture is None:
        raise UserError(
            f"{source.path.name} does not say how large its screens are: train on for an epoch "
            "with ./resume.sh, and share the new snapshot"
        )
    shape = snapshot.architecture.state_shape
    metadata = snapshot.metadata or Metadata(played.game, played.actions, shape)
    of_game = {
        name: value
        for name, value in continuing.flags_for_snapshots(played.args).items()
        if name in continuing.OF_THE_GAME
    }
    return Subject(
        snapshot.architecture,
        metadata,
        {**of_game, **metadata.flags},
        environment_of(played),
        played.action_names,
        played.rom,
        game_flags.observation_settings(played.args),
    )


def environment_of(played: Played) -> str:
    """Gymnasium's id of the game that was played."""
    if played.rom is None:
        return played.game
    name = played.game.title().replace("_", "")
    is_sticky = played.args.repeat_action_probability > 0
    return f"ALE/{name}-v5" if is_sticky else f"{name}NoFrameskip-v4"


def protocol_of(subject: Subject, played: Played, evaluation: Evaluation) -> list[tuple[str, str]]:
    """How the games were played: what → how."""
    values = {**subject.flags, "test_games": len(evaluation.scores)}
    words = [word[2:].partition("=") for word in continuing.as_arguments(values)]
    rows = protocol({name: text for name, _, text in words}, evaluation.exploration_rate, 0)
    if played.rom is None:  # all else is as the environment has it
        return [row for row in rows if row[0] in ("ε in tests", "Start of a game", "A test")]
    return list(rows)


def training_of(args: argparse.Namespace, source: Source, subject: Subject, game: str) -> Training:
    """How the network was trained: as the user says, else a note beside it, else its flags."""
    metadata = subject.metadata
    told = {name: getattr(args, name) for name in ("command", "hardware", "commit")}
    csv_file = source.csv_file
    hours = trainings.hours_until(csv_file, metadata.train_steps) if csv_file else None
    found = Training(
        command=command_of(source.path, game, metadata.flags) if metadata.flags else None,
        seed=metadata.flags.get("random_seed"),
        steps=metadata.train_steps or None,
        epoch=metadata.epoch or None,
        weight_updates=metadata.weight_updates or None,
        hours=hours and round(hours, 4),
    )
    return replace(found, **source.note | {name: text for name, text in told.items() if text})


def command_of(snapshot: Path, game: str, flags: dict[str, Any]) -> str:
    """The command that trains a network with these flags: those that are not the defaults."""
    defaults = continuing.flags_for_snapshots(parser.parse([game], PROJECT, is_complete=False))
    differing = {n: v for n, v in flags.items() if n in defaults and v != defaults[n]}
    words = [text for word in continuing.as_arguments(differing) for text in word.split("=", 1)]
    label = trainings.run_of(snapshot).removeprefix(game).strip("_")
    return shlex.join(["./train.sh", game, *([label] if label else []), *words])


def file_name(snapshot: Path) -> str:
    """What a snapshot is called in the folder."""
    name = re.sub("[^A-Za-z0-9._-]", "_", snapshot.name).lstrip("._-")
    is_taken = name in names.FILES or not name
    return f"snapshot{snapshot.suffix}" if is_taken else name


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
        confirm(f"Upload {counted(len(sent), 'file')}, {size_of(built, sent)}? [y/N] ")
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


def size_of(built: Path, files: list[str] | None = None) -> str:
    """How much the files of a folder take, or some of them."""
    paths = [built / name for name in files] if files else list(built.iterdir())
    return size(sum(path.stat().st_size for path in paths))


if __name__ == "__main__":
    console.run(main)

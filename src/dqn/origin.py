"""Where a run starts from: nothing, a snapshot or a checkpoint; and its game and ROM."""

import hashlib
import logging
import re
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dqn.checkpoints.checkpointer import UnfittingCheckpoint
from dqn.checkpoints.folder import CheckpointFolder
from dqn.environments.create import find_gym_id
from dqn.environments.restoring import restores_exactly
from dqn.environments.roms import find_rom, game_of_file_name, is_known
from dqn.errors import UserError
from dqn.machine.files import can_be_asked_for, check_name
from dqn.machine.wording import counted
from dqn.networks.architecture import HIDDEN_UNITS, Architecture
from dqn.options import architecture_flags, checks, continuing, parser
from dqn.snapshots.file import load_snapshot
from dqn.snapshots.moment import is_within_epoch
from dqn.snapshots.snapshot import Snapshot

logger = logging.getLogger(__name__)

Game = tuple[Path | None, str, str]  # its ROM, its name and the ROM's SHA-256

ALL_ACTIONS = 18  # of the Atari joystick
DEFAULT_UNITS = ",".join(map(str, HIDDEN_UNITS))


@dataclass(frozen=True)
class Origin:
    """Where a run starts from.

    `args` are all its options. `game` is ALE's name of it, of which `rom` is the file, or, without
    one, Gymnasium's id. `folder` is that of its checkpoints, if it keeps any; `checkpoint`
    is the state that it resumes from, `snapshot` the one that it starts from, if that is so.
    """

    args: Namespace
    rom: Path | None
    game: str
    rom_sha256: str
    folder: CheckpointFolder | None
    checkpoint: dict[str, Any] | None = None
    snapshot: Snapshot | None = None

    @property
    def epoch_of_snapshot(self) -> int | None:
        """The epoch that the snapshot records, else the one that its file name ends with."""
        if self.snapshot is None:
            return None
        if self.snapshot.metadata:
            return self.snapshot.metadata.epoch
        number = self.args.load_weights.stem.rpartition("_")[2]
        return int(number) if re.fullmatch(r"[0-9]{1,9}", number) else None

    @property
    def epochs_done(self) -> int:
        """How many epochs of the run are done."""
        if self.checkpoint:
            return last_saved_epoch(self.checkpoint["parts"]["experiment"])
        return self.args.start_epoch

    @property
    def flags_before(self) -> dict[str, Any] | None:
        """The flags that the run had when its checkpoint was made."""
        return self.checkpoint and continuing.flags_of_checkpoint(self.checkpoint)


@contextmanager
def find_origin(arguments: list[str], project: Path) -> Iterator[Origin | None]:
    """Where the command line says that a run starts from; None if all its epochs are done.

    A run that is continued brings its flags, which stand before `arguments`. While this is entered,
    no other process can have the run. Raises UserError.
    """
    args = parser.parse(arguments, project, is_complete=False)
    for path in checks.outputs(args):
        check_name(path)
    if args.start_epoch == "auto":
        arguments = [*arguments, f"--start_epoch={_start_epoch_of(args.load_weights)}"]
        args = parser.parse(arguments, project, is_complete=False)
    prefix = args.save_weights_prefix
    if not (prefix and args.train_steps):
        yield _start(args, arguments, project, None)
        return
    folder = CheckpointFolder(prefix.with_name(f"{prefix.name}.checkpoint"))
    try:
        if not args.checkpoint:
            yield _start(args, arguments, project, None)
            return
        checkpoint = _find_checkpoint(args, folder)
        if checkpoint is None:
            yield _start(args, arguments, project, folder)
        else:
            yield _resume(args, arguments, project, folder, checkpoint)
    finally:
        folder.close()


def _start(
    args: Namespace, arguments: list[str], project: Path, folder: CheckpointFolder | None
) -> Origin:
    """A new run, or a test or a game, with the flags of the snapshot if one is loaded."""
    snapshot = None
    if args.load_weights is None:
        complete = parser.parse(arguments, project)
    else:
        snapshot = load_snapshot(args.load_weights)
        before = flags_of_snapshot(snapshot, is_training=args.train_steps > 0)
        before = _without_unknown(before, args)
        reason = parser.find_unusable(continuing.as_arguments(before))
        if reason:
            raise UserError(f"the snapshot {args.load_weights} has an unusable flag: {reason}")
        words = [*continuing.as_arguments(before), *arguments]
        fixed = _fixed_by_network(parser.parse(words, project, is_complete=False), before)
        complete = parser.parse([*words, *continuing.as_arguments(fixed)], project)
        continuing.log_taken(complete, args, f"the snapshot {args.load_weights}")
        continuing.keep_datatype(complete, before)
        continuing.log_changes(complete, before)
    find = _find_environment if complete.environment == "gym" else _find_rom
    return Origin(complete, *find(complete, snapshot, project), folder, snapshot=snapshot)


def _resume(
    args: Namespace,
    arguments: list[str],
    project: Path,
    folder: CheckpointFolder,
    checkpoint: dict[str, Any],
) -> Origin | None:
    """The run of a checkpoint; None if all its epochs are done."""
    before = continuing.flags_of_checkpoint(checkpoint)
    reason = parser.find_unusable(continuing.as_arguments(before))
    if reason:
        raise UnfittingCheckpoint(folder, reason)
    complete = parser.parse([*continuing.as_arguments(before), *arguments], project)
    continuing.check_fits(complete, before)
    if _is_done(checkpoint["parts"], complete.epochs):
        logger.info(
            "All epochs of this run are done (%d): raise --epochs, or --restart begins anew",
            complete.epochs,
        )
        return None
    logger.info("Resuming from the checkpoint %s; %s", folder.path, what_is_missing(checkpoint))
    continuing.log_taken(complete, args, "the checkpoint")
    continuing.keep_seed(complete, before)
    continuing.keep_datatype(complete, before)
    continuing.log_changes(complete, before)
    options = checkpoint["options"]
    if complete.actors == "auto":
        complete.actors = options["actors"]
    is_copy = Path(str(options.get("save_weights_prefix"))).name != args.save_weights_prefix.name
    if complete.csv_file and options["csv_file"] and not is_copy:
        # It goes on, whichever snapshot --csv_file is named after now.
        complete.csv_file = complete.csv_file.with_name(Path(options["csv_file"]).name)
    if complete.environment == "gym":
        game = complete.game or checkpoint["game"]
        found: Game = None, find_gym_id(game, complete.env_import or ""), ""
    else:
        found = _find_game(complete.game or f"roms/{checkpoint['game']}.bin", project)
    origin = Origin(complete, *found, folder, checkpoint=checkpoint)
    _check_identity(origin, folder.path, checkpoint)
    return origin


def _fixed_by_network(args: Namespace, before: continuing.PlainFlags) -> continuing.PlainFlags:
    """The flags that a snapshot's network decides; raises UserError if `args` contradict them."""
    fixed = {name: value for name, value in before.items() if name in continuing.OF_THE_NETWORK}
    name = architecture_flags.contradicting(args, fixed)
    if name:
        given, trained = _as_flag(name, vars(args)[name]), _as_flag(name, fixed[name])
        raise UserError(
            f"{given} contradicts the snapshot {args.load_weights}, which was trained with "
            f"{trained}: leave the flag out"
        )
    return fixed


def _as_flag(name: str, value: Any) -> str:
    """A flag with its value, as in a sentence; None is the default of --dense_units."""
    (word,) = continuing.as_arguments({name: DEFAULT_UNITS if value is None else value})
    return word.replace("=", " ", 1)


def _without_unknown(flags: dict[str, Any], args: Namespace) -> dict[str, Any]:
    """The flags of a snapshot but those of a later version, which are logged."""
    unknown = flags.keys() - vars(args).keys()
    if unknown:
        logger.warning(
            "The snapshot %s has flags that this version does not know: %s",
            args.load_weights,
            ascii(", ".join(sorted(unknown))[:200]),
        )
    return {name: value for name, value in flags.items() if name not in unknown}


def _find_rom(args: Namespace, snapshot: Snapshot | None, project: Path) -> Game:
    return _find_game(args.game or _rom_of(snapshot, args.load_weights), project)


def _find_environment(args: Namespace, snapshot: Snapshot | None, project: Path) -> Game:  # noqa: ARG001 (as of ROMs)
    """The environment of Gymnasium: no ROM, its id, and no hash."""
    trained = snapshot.metadata if snapshot else None
    name = args.game or (trained and trained.game)
    if not name:
        raise UserError(f"the snapshot {args.load_weights} names no game: name the environment too")
    try:
        return None, find_gym_id(name, args.env_import or ""), ""
    except UserError as error:
        needed = trained and trained.flags.get("env_import")
        if not needed or args.env_import:
            raise
        raise UserError(
            f"the snapshot {args.load_weights} needs --env_import {str(needed)[:100]}: add it, if "
            "you trust that package"
        ) from error


def _find_game(game: str, project: Path) -> Game:
    """The ROM, its game, and the SHA-256 of the ROM."""
    rom, name = find_rom(game, project / "roms")
    return rom, name, hashlib.sha256(rom.read_bytes()).hexdigest()


def _start_epoch_of(path: Path | None) -> int:
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


def _find_checkpoint(args: Namespace, folder: CheckpointFolder) -> dict[str, Any] | None:
    """The checkpoint to resume from; None if there is none, or it is not wanted.

    A snapshot is begun with only if it is not the last one that was saved before the checkpoint,
    which is not of a run that the same command began. Raises UserError for a checkpoint that this
    program cannot have made.
    """
    checkpoint = None if args.restart else folder.load()
    if checkpoint and not _tells_its_run(checkpoint):
        raise UnfittingCheckpoint(folder, "it lacks what tells which run it is of")
    if checkpoint and args.load_weights:
        before = checkpoint["options"]
        same_command = before["load_weights"] == str(args.load_weights)
        if not same_command and not _is_last_saved(args, checkpoint["parts"]):
            epoch = last_saved_epoch(checkpoint["parts"]["experiment"])
            logger.info("The checkpoint %s is of epoch %d: not used", folder.path, epoch)
            checkpoint = None
    return checkpoint


def _is_last_saved(args: Namespace, parts: dict[str, Any]) -> bool:
    """Whether the snapshot to load is the last one that was saved before a checkpoint.

    Of one from within an epoch the name tells, of others the epoch.
    """
    if is_within_epoch(args.load_weights):
        return Path(parts["saver"]["last_good"] or "").stem == args.load_weights.stem
    return last_saved_epoch(parts["experiment"]) == (args.start_epoch or None)


def _tells_its_run(checkpoint: dict[str, Any]) -> bool:
    """Whether a checkpoint has what this file looks at before the parts restore theirs."""
    match checkpoint:
        case {
            "options": {"load_weights": str() | None, "csv_file": str() | None, "actors": int(n)},
            "game": str(game),
            "rom_sha256": str(),
            "parts": {
                "experiment": {"epoch": int(), "phase": str()},
                "saver": {"failed_epoch": int() | None, "last_good": str() | None},
            },
        } if n > 0:
            values = checkpoint["options"].values()
            csv_file = checkpoint["options"]["csv_file"]
            return (
                all(isinstance(value, str | int | float | None) for value in values)
                and all(can_be_asked_for(v) for v in (game, *values) if isinstance(v, str))
                and (csv_file is None or Path(csv_file).name != "")
            )
    return False


def _is_done(parts: dict[str, Any], epochs: int) -> bool:
    """Whether a checkpoint's run has made all epochs, and saved their snapshots and rows."""
    match parts.get("statistics"):
        case {"files": [{"is_written": bool(phases)}, {"is_written": bool(games)}]}:
            has_rows = phases and games
        case _:
            has_rows = True
    is_saved = has_rows and parts["saver"]["failed_epoch"] is None
    return parts["experiment"]["epoch"] > epochs and is_saved


def _check_identity(origin: Origin, path: Path, checkpoint: dict[str, Any]) -> None:
    """Raises UserError if the checkpoint is of another game or another ROM of it."""
    if checkpoint["game"] != origin.game:
        raise UserError(
            f"the checkpoint {path} is of {checkpoint['game']!r}, not of {origin.game!r}: name "
            "that game, or begin anew with --restart"
        )
    if checkpoint["rom_sha256"] != origin.rom_sha256:
        raise UserError(
            f"the checkpoint {path} is of another ROM of {origin.game!r}: use that one again, or "
            "begin anew with --restart"
        )


def _rom_of(snapshot: Snapshot | None, path: Path) -> str:
    """A ROM of the game recorded in a snapshot, else of the one that its file name begins with."""
    known = snapshot.metadata if snapshot else None
    game = known.game if known else game_of_file_name(path)
    if not is_known(game):
        raise UserError(f"the snapshot {path} names no game that ALE knows: name the ROM too")
    return f"roms/{game}.bin"


def flags_of_snapshot(snapshot: Snapshot, is_training: bool) -> continuing.PlainFlags:
    """The flags that a snapshot was trained with: all, or those of the game to test or play it.

    Files without flags, such as Neon's, still show states, action set and network. Of the network,
    only what the file holds counts, so that none is made that is larger than the file.
    """
    flags: continuing.PlainFlags = {"minimal_action_set": snapshot.num_actions < ALL_ACTIONS}
    if snapshot.input_shape:
        flags |= _flags_of_states(snapshot.input_shape)
    recorded = snapshot.metadata.flags if snapshot.metadata else {}
    left_out = (
        *continuing.OF_THE_PROCESS,
        *continuing.OF_THE_STORAGE,
        *continuing.NOT_FROM_SNAPSHOTS,
    )
    flags |= {name: value for name, value in recorded.items() if name not in left_out}
    has_norm = snapshot.layers[0].batch_norm is not None
    architecture = snapshot.architecture or Architecture(snapshot.num_actions, batch_norm=has_norm)
    flags |= architecture_flags.flags_of(architecture, recorded)
    return {name: v for name, v in flags.items() if is_training or name in continuing.OF_THE_GAME}


def _flags_of_states(state_shape: tuple[int, ...]) -> continuing.PlainFlags:
    """The flags that make states of this shape."""
    kinds = {1: "ram", 2: "screen", 3: "rgb"}
    history, *observation = state_shape
    flags = {"history_length": history, "observation": kinds[len(observation)]}
    if len(observation) > 1:
        flags["screen_height"], flags["screen_width"] = observation[-2:]
    return flags


def last_saved_epoch(state: dict[str, Any]) -> int:
    """The epoch of the last snapshot that was saved before an experiment's `state` was taken."""
    return state["epoch"] if state["phase"] != "train" else state["epoch"] - 1


def what_is_missing(state: dict[str, Any]) -> str:
    """Say what a checkpoint's `state` lacks of the run that it is of; the end of a line of the log.

    `state` is one that tells its run; nothing else of it was looked at yet.
    """
    lacking = []
    frame_skip = state["options"].get("frame_skip")
    if isinstance(frame_skip, int) and not restores_exactly(state["game"], frame_skip):
        lacking.append(f"ALE does not restore {state['game']} exactly")
    groups = [state["parts"].get(name) for name in ("train_actors", "test_actors")]
    actors = [actor for group in groups if isinstance(group, list) for actor in group]
    lost = actors.count(None)
    if lost:
        games = counted(lost, "game")
        lacking.append(f"{games} lost with their process: new ones begin")
    dropped = sum(map(_has_no_game, actors))
    if dropped:
        games = counted(dropped, "game")
        lacking.append(f"{games} of {state['game']} cannot be restored: new ones begin")
    return "; ".join(lacking) or "nothing is missing"


def _has_no_game(actor: Any) -> bool:
    """Whether the state of an actor lacks that of its game, as Gymnasium cannot always give it."""
    match actor:
        case {"environment": {"game": None}}:
            return True
    return False

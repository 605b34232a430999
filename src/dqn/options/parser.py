"""Every flag, in the groups of the original simple_dqn: one for each class that takes them."""

import argparse
import difflib
import logging
import math
import os
import re
import sys
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from dqn.errors import UserError, one_line
from dqn.machine.interruption import TIME_IS_UP
from dqn.networks.architecture import MIN_SCREEN_SIZE
from dqn.options.argument_files import expand

logger = logging.getLogger(__name__)

MAX_SCREEN_SIZE = 210  # the height of Atari's own screen
# Neon's GPU backend rounds to so many bits of mantissa unless told otherwise: those of float16.
DEFAULT_ROUNDING_BITS = 10

# The largest values of flags that no other part bounds. What a person can mean is far below, and
# all that is computed from them stays within 64 bits, or within float32.
MAX_STEPS = 10**12
MAX_EPOCHS = 10**6
MAX_GAMES = 10**6
MAX_REPLAY_SIZE = 10**9
MAX_ACTORS = 1000
MAX_SEED = 2**64 - 1
MAX_FLOAT = 1e38
MAX_SECONDS = 10**9
SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
MAX_C_INT = 2**31 - 1
# These bound what happens within a step, because a signal is looked at only after it.
MAX_FRAME_SKIP = 60
MAX_RANDOM_STARTS = 1000
MAX_TRAIN_REPEAT = 1000

# The files that a run writes
WRITTEN = (
    "save_weights_prefix csv_file replay_file video_file record_screen_path record_sound_filename"
).split()

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def parse(arguments: list[str], project: Path, is_complete: bool = True) -> Namespace:
    """The options given by `arguments`; ends the process with status 2 if they are impossible.

    An argument file `@name` is looked for from the working folder and then from `project`. Whether
    options fit one another is seen only once they are complete.
    """
    parser = _build_parser(_Parser)
    try:
        words = expand(arguments, project)
    except UserError as error:
        parser.error(str(error))
    args, unknown = parser.parse_known_args(words)
    _check_unknown(parser, unknown, flags=[f"--{name}" for name in vars(args) if name != "game"])
    if is_complete:
        _check(parser, args)
    _set_phases(args)
    return args


def find_unusable(arguments: list[str]) -> str:
    """Why `arguments`, read from a file, cannot be used as options; empty if they can."""
    try:
        _build_parser(_ParserOfFiles).parse_args(arguments)
    except ValueError as error:
        return str(error)
    return ""


class _Parser(argparse.ArgumentParser):
    """Takes all numbers below zero for values, such as -1e3; errors take one line."""

    def __init__(self, **settings: Any):
        super().__init__(**settings)
        # Python's own takes -1e3 and -inf for flags.
        self._negative_number_matcher = re.compile(r"-(\.?\d|inf|nan)", re.IGNORECASE)

    def error(self, message: str) -> None:
        print(f"error: {one_line(message)} (--help explains all options)", file=sys.stderr)
        sys.exit(2)


class _ParserOfFiles(_Parser):
    """Raises ValueError where the command line would be told what is wrong."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


class _HelpFormatter(argparse.HelpFormatter):
    """Names the range and the default of each flag that has them."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help
        if isinstance(action.type, _Number):
            text += f" {action.type.range.capitalize()}"
        if action.default not in (None, argparse.SUPPRESS):
            text += f" (default: {str(action.default).lower()})"
        return text


def _build_parser(kind: type[_Parser]) -> _Parser:
    parser = kind(
        prog="main.py",
        description="Train and test a deep Q-network on an Atari game.",
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
        epilog="@FILE reads options from a file, such as @presets/nature.args.",
    )

    group = parser.add_argument_group("Environment")
    group.add_argument(
        "game",
        nargs="?",
        help="ROM file; if it is not there, the ROM of that name that ale-py carries. May be left "
        "out with --load_weights.",
    )
    group.add_argument("--environment", **_choice("ale"), default="ale", help="What runs the game.")
    group.add_argument(
        "--frame_skip",
        type=_Integer(1, MAX_FRAME_SKIP),
        default=4,
        help="Frames for which an action is repeated.",
    )
    group.add_argument(
        "--repeat_action_probability",
        type=_Number(0, 1),
        default=0,
        help="Probability that the game repeats the action before instead (sticky actions).",
    )
    group.add_argument(
        "--minimal_action_set",
        type=_boolean,
        default=True,
        help="Use only the actions that the game knows, not all 18.",
    )
    group.add_argument(
        "--color_averaging",
        type=_boolean,
        default=True,
        help="Blend the last two frames, against flicker.",
    )
    group.add_argument(
        "--screen_width",
        type=_Integer(MIN_SCREEN_SIZE, MAX_SCREEN_SIZE),
        default=84,
        help="Screen width after resizing, in pixels.",
    )
    group.add_argument(
        "--screen_height",
        type=_Integer(MIN_SCREEN_SIZE, MAX_SCREEN_SIZE),
        default=84,
        help="Screen height after resizing, in pixels.",
    )
    group.add_argument(
        "--max_game_frames",
        type=_Integer(0, MAX_C_INT),
        default=108000,
        help="Cut a game off after so many frames, which is not terminal; 0: never.",
    )

    group = parser.add_argument_group("Replay memory")
    group.add_argument(
        "--replay_size",
        type=_Integer(1, MAX_REPLAY_SIZE),
        default=1000000,
        help="Steps that the memory holds.",
    )
    group.add_argument(
        "--replay_file",
        type=_file,
        metavar="FILE",
        help="Keep the screens in this new file, which goes with the process, instead of in "
        "memory: slower, for a machine that has too little of it.",
    )
    group.add_argument(
        "--replay_device",
        **_choice("auto", "cpu", "gpu"),
        default="auto",
        help="Whose memory keeps the screens; auto: the GPU's, if one learns and they fit.",
    )
    group.add_argument(
        "--history_length", type=_Integer(1, 100), default=4, help="Screens that form a state."
    )

    group = parser.add_argument_group("Deep Q-learning network")
    group.add_argument(
        "--learning_rate", type=_Number(0, MAX_FLOAT), default=0.00025, help="Learning rate."
    )
    group.add_argument(
        "--discount_rate", type=_Number(0, 1), default=0.99, help="Discount of future rewards."
    )
    group.add_argument(
        "--batch_size", type=_Integer(1, 10_000), default=32, help="Transitions in a minibatch."
    )
    group.add_argument(
        "--optimizer",
        **_choice("rmsprop", "adam", "adadelta"),
        default="rmsprop",
        help="Optimization algorithm.",
    )
    group.add_argument(
        "--decay_rate", type=_Number(0, 1), default=0.95, help="Decay rate of RMSProp and Adadelta."
    )
    group.add_argument(
        "--clip_error",
        type=_Number(0, MAX_FLOAT),
        default=1,
        help="Clip the error between this number and its negative; 0: not at all.",
    )
    group.add_argument(
        "--min_reward",
        type=_Number(-MAX_FLOAT, MAX_FLOAT),
        default=-1,
        help="Lowest reward that is learned from.",
    )
    group.add_argument(
        "--max_reward",
        type=_Number(-MAX_FLOAT, MAX_FLOAT),
        default=1,
        help="Highest reward that is learned from.",
    )
    group.add_argument(
        "--batch_norm", type=_boolean, default=False, help="Normalise batches in all layers."
    )

    group = parser.add_argument_group("Engine")
    group.add_argument(
        "--engine",
        **_choice("torch", "neon"),
        default="torch",
        help="What computes the network; neon is Nervana Neon itself, if it is installed.",
    )
    group.add_argument(
        "--backend",
        **_choice("auto", "cpu", "gpu", "mkl"),
        default="auto",
        help="Processor; auto takes a CUDA GPU if there is one; mkl is Neon's.",
    )
    group.add_argument("--device_id", type=_Integer(0, 127), default=0, help="Number of the GPU.")
    group.add_argument(
        "--datatype",
        **_choice("float16", "bfloat16", "float32", "float64"),
        default="float32",
        help="Precision of the computation.",
    )
    group.add_argument(
        "--stochastic_round",
        metavar="BITS",
        nargs="?",
        type=_Integer(0, 52),
        default=0,
        const=DEFAULT_ROUNDING_BITS,
        help="Round the weights after an update to so many bits of mantissa "
        f"({DEFAULT_ROUNDING_BITS} without a number), up or down by chance; 0: not at all.",
    )

    group = parser.add_argument_group("Agent")
    group.add_argument(
        "--exploration_rate_start",
        type=_Number(0, 1),
        default=1,
        help="Exploration rate at the beginning of its decay.",
    )
    group.add_argument(
        "--exploration_rate_end",
        type=_Number(0, 1),
        default=0.1,
        help="Exploration rate at the end of its decay.",
    )
    group.add_argument(
        "--exploration_decay_steps",
        type=_Number(0, MAX_STEPS),
        default=1000000,
        help="Training steps in which the exploration rate decays.",
    )
    group.add_argument(
        "--exploration_rate_test",
        type=_Number(0, 1),
        default=0.05,
        help="Exploration rate in tests.",
    )
    group.add_argument(
        "--train_frequency",
        type=_Integer(1, MAX_STEPS),
        default=4,
        help="Train after every so many steps.",
    )
    group.add_argument(
        "--train_repeat",
        type=_Integer(1, MAX_TRAIN_REPEAT),
        default=1,
        help="Minibatches in each training.",
    )
    group.add_argument(
        "--overlap",
        type=_boolean,
        default=False,
        help="Learn while the games go on: faster, with actions from weights that are up to one "
        "update old.",
    )
    group.add_argument(
        "--target_steps",
        type=_Integer(0, MAX_STEPS),
        default=10000,
        help="Copy the network to the target network after every so many steps; 0: have no "
        "target network.",
    )
    group.add_argument(
        "--actors",
        type=_IntegerOr("auto", 1, MAX_ACTORS),
        default="auto",
        metavar="N",
        help="Games that are played at the same time, on all cores; their steps count together. "
        "auto: 1 on a CPU, one for each core where a GPU learns.",
    )
    group.add_argument(
        "--random_starts",
        type=_Integer(0, MAX_RANDOM_STARTS),
        default=30,
        help="Begin every episode with at most so many no-ops, and at least history_length.",
    )

    group = parser.add_argument_group("Main loop")
    group.add_argument(
        "--random_steps",
        type=_Integer(0, MAX_STEPS),
        default=50000,
        help="Fill the replay memory by so many steps before training: random ones, or those of "
        "the network that --load_weights names.",
    )
    group.add_argument(
        "--train_steps",
        type=_Integer(0, MAX_STEPS),
        default=250000,
        help="Training steps in an epoch.",
    )
    group.add_argument(
        "--test_steps",
        type=_Integer(0, MAX_STEPS),
        default=125000,
        help="Test steps after each epoch.",
    )
    group.add_argument(
        "--test_games",
        type=_Integer(0, MAX_GAMES),
        help="Test for so many whole games, instead of --test_steps. 30 with "
        "--max_game_frames 18000 is the protocol of the Nature paper.",
    )
    group.add_argument(
        "--epochs", type=_Integer(0, MAX_EPOCHS), default=200, help="Run to this epoch."
    )
    group.add_argument(
        "--start_epoch",
        type=_IntegerOr("auto", 0, MAX_EPOCHS),
        default=0,
        metavar="N",
        help="Go on after this epoch: the next ones are named and explored accordingly. auto: "
        "after the one that the snapshot of --load_weights records.",
    )
    group.add_argument(
        "--trained_steps",
        type=_Integer(0, MAX_STEPS),
        default=0,
        help="Training steps to add to those that a snapshot records, or that start_epoch stands "
        "for; the exploration rate follows from the sum.",
    )
    group.add_argument("--load_weights", type=_file, metavar="FILE", help="Snapshot to begin with.")
    group.add_argument(
        "--save_weights_prefix",
        type=_file,
        metavar="PREFIX",
        help="Save snapshots as PREFIX_<epoch>.pkl.",
    )
    group.add_argument(
        "--csv_file",
        type=_file,
        metavar="FILE",
        help="Write a row for each phase to this file, and for each game to one beside it.",
    )

    group = parser.add_argument_group("Checkpoints")
    group.add_argument(
        "--checkpoint",
        type=_boolean,
        default=True,
        help="Keep all that a run needs to go on exactly where it stopped, in the folder "
        "PREFIX.checkpoint (with --save_weights_prefix); the same command goes on with it.",
    )
    group.add_argument(
        "--checkpoint_steps",
        type=_Integer(0, MAX_STEPS),
        default=0,
        metavar="STEPS",
        help="Make a checkpoint after every so many steps, too, not only at the end of an epoch "
        "and when the run is stopped.",
    )
    group.add_argument(
        "--restart",
        action="store_true",
        help="Begin anew though there is a checkpoint; it is moved aside.",
    )
    group.add_argument(
        "--max_computing_time",
        type=_Duration(0, MAX_SECONDS),
        metavar="TIME",
        help="Stop with a checkpoint after this time, such as 3h, 1h30m, 90 (seconds) or "
        f"[hours:]minutes:seconds, with exit status {TIME_IS_UP} if there is work left.",
    )

    group.add_argument(
        "--keep_snapshots",
        type=_snapshots_to_keep,
        default="all",
        metavar="{all,last:N,best}",
        help="Which of the snapshots that this run saved stay: all, the newest N and the best one, "
        "or the newest and the best one. The best by the mean score of its test is also "
        "PREFIX_best.pkl.",
    )

    group = parser.add_argument_group("Playing and recording")
    group.add_argument(
        "--play_games",
        type=_IntegerOr("auto", 0, MAX_GAMES),
        default=0,
        metavar="N",
        help="Play so many games as in a test, instead of training and testing. auto: until you "
        "quit where they are shown and not recorded, else one.",
    )
    group.add_argument(
        "--record_games",
        type=_Integer(1, MAX_GAMES),
        help="Record the first so many of them, and play them if --play_games says less; "
        "without it, all are recorded.",
    )
    group.add_argument(
        "--video_file",
        type=_video_file,
        metavar="FILE",
        help="Record a video, with sound, in this .mov or .mp4 file.",
    )
    group.add_argument(
        "--record_screen_path",
        type=_folder_or_none,
        metavar="FOLDER",
        help="Write every frame to this folder, as 000000.png and so on; '': none.",
    )
    group.add_argument(
        "--record_sound_filename",
        type=_file_or_none,
        metavar="FILE",
        help="Write the sound to this WAV file; '': none.",
    )
    group.add_argument("--sound", type=_boolean, default=True, help="Play and record with sound.")
    group.add_argument(
        "--display_screen",
        type=_display,
        default="false",
        metavar="{auto,window,terminal,true,false}",
        help="Show the game, also in training and tests: in a window, in the text terminal, or "
        "(auto, true) in a window if there is a display, else in the terminal. Where games are "
        "played without --load_weights, you play them.",
    )

    group = parser.add_argument_group("Common")
    group.add_argument(
        "--random_seed",
        type=_Integer(0, MAX_SEED),
        help="Seed of everything random: the same one gives the same run. Without it, one is "
        "drawn and logged.",
    )
    group.add_argument(
        "--log_level", **_choice(*LOG_LEVELS), default="INFO", help="What is logged."
    )
    return parser


def _set_phases(args: Namespace) -> None:
    """Playing leaves out all other phases, and recording means playing."""
    if args.play_games == "auto":
        is_watched = args.display_screen != "false" and not any(_outputs(args))
        args.play_games = math.inf if is_watched else 1
    if any(_outputs(args)):
        args.play_games = max(args.play_games, args.record_games or 0)
        args.record_games = args.record_games or args.play_games
    if args.play_games:
        args.random_steps = args.train_steps = args.test_steps = args.epochs = args.start_epoch = 0
        args.test_games = None
    elif not (args.train_steps or args.test_games or (args.test_steps and args.test_games is None)):
        args.epochs = 0  # they are empty


def _outputs(args: Namespace) -> tuple[Path | None, ...]:
    """Where games are recorded."""
    return args.video_file, args.record_screen_path, args.record_sound_filename


def outputs(args: Namespace) -> list[Path]:
    """The files and folders to write, which get endings, too."""
    paths = (args.save_weights_prefix, args.csv_file, args.replay_file, *_outputs(args))
    return [path for path in paths if path]


def _check_unknown(parser: argparse.ArgumentParser, unknown: list[str], flags: list[str]) -> None:
    """Refuse what argparse took for nothing that it knows, with the flags that are most alike."""
    for word in unknown:
        if word.startswith("-"):
            flag = word.partition("=")[0]
            parser.error(f"there is no flag {flag}{did_you_mean(flag, flags)}")
    if unknown:
        parser.error(f"{unknown[0]!r} is neither the game nor the value of a flag")


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """A question about the names in `known` that `text` may stand for; empty if there is none."""
    keys = {re.sub("[^a-z0-9]", "", name.lower()): name for name in known}
    key = re.sub("[^a-z0-9]", "", text.lower())
    alike = [keys[k] for k in keys if key and k.startswith(key)]
    alike = alike or [name for name in keys.values() if key in name.lower().strip("-").split("_")]
    alike = alike or [keys[k] for k in difflib.get_close_matches(key, keys, n=3)]
    return f": did you mean {' or '.join(alike[:3])}?" if alike else ""


def _check(parser: argparse.ArgumentParser, args: Namespace) -> None:
    """What no option can tell alone."""
    if not args.game and args.load_weights is None:
        parser.error("name a game, such as roms/breakout.bin")
    if args.min_reward > args.max_reward:
        parser.error(f"--min_reward {args.min_reward:g} is above --max_reward {args.max_reward:g}")
    # A minibatch, and any window of a state and its successor clear of the write position
    smallest = max(args.batch_size, args.history_length + 1) + args.history_length
    if args.replay_size < smallest:
        parser.error(
            f"--replay_size {args.replay_size} does not hold a minibatch and its history: "
            f"use at least {smallest}"
        )
    if (args.play_games or any(_outputs(args))) and args.actors not in ("auto", 1):
        parser.error(f"--actors {args.actors} plays several games at once: one can be watched")
    if args.overlap and args.engine != "torch":
        parser.error("--overlap needs --engine torch")
    if args.replay_file and args.replay_device == "gpu":
        parser.error("--replay_file and --replay_device gpu exclude each other")
    if args.start_epoch >= args.epochs > 0:
        parser.error(
            f"--start_epoch {args.start_epoch} leaves nothing to do: raise --epochs, now "
            f"{args.epochs}, above it"
        )
    if args.csv_file is not None and args.csv_file.suffix == ".args":
        parser.error("--csv_file ends with .args, as the file of the run's flags beside it does")
    if args.record_games and not any(_outputs(args)):
        parser.error("--record_games needs a file to record in, such as --video_file my.mov")
    if any(_outputs(args)) and not (args.play_games or args.record_games):
        parser.error("what is recorded are games that are played: add --record_games 1")
    if args.keep_snapshots == "best" and not _has_tests(args):
        parser.error("--keep_snapshots best needs tests: raise --test_steps, or use last:1")
    _check_files(parser, args)
    if args.record_sound_filename and not args.sound:
        parser.error("--record_sound_filename needs --sound true")
    if args.epochs == 0 and not (args.play_games or any(_outputs(args))):
        parser.error("--epochs 0 leaves nothing to do: raise --epochs")
    _check_folders(parser, args)


def _check_folders(parser: argparse.ArgumentParser, args: Namespace) -> None:
    """Refuse a file where even the folder around its folder is missing: likely it is mistyped.

    (The folder itself is made.)
    """
    for name in WRITTEN:
        path = getattr(args, name)
        folder = path and path.parent
        if folder and not os.path.exists(folder) and not os.path.exists(folder.parent):
            parser.error(
                f"--{name} {path}: there is neither {folder} nor {folder.parent}: make the folder "
                "first, or write its name another way"
            )


def _boolean(text: str) -> bool:
    if text.lower() in ("true", "yes", "1"):
        return True
    if text.lower() in ("false", "no", "0"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true, yes, 1 nor false, no, 0")


def _display(text: str) -> str:
    if text.lower() in ("auto", "window", "terminal"):
        return text.lower()
    try:
        return "auto" if _boolean(text) else "false"
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is none of auto, window, terminal, true and false"
        ) from error


def _file(text: str) -> Path:
    """A path that ends with a name."""
    if os.path.basename(text) in ("", ".", ".."):
        raise argparse.ArgumentTypeError(f"{text!r} has no file name")
    return Path(text)


def _file_or_none(text: str) -> Path | None:
    return _file(text) if text else None


def _folder_or_none(text: str) -> Path | None:
    return _file(text.rstrip("/") or "/") if text else None


def _video_file(text: str) -> Path | None:
    if text and Path(text).suffix.lower() not in (".mov", ".mp4"):
        raise argparse.ArgumentTypeError(f"{text} ends neither with .mov nor with .mp4")
    return _file_or_none(text)


def _choice(*words: str) -> dict[str, Any]:
    """Settings of a flag that takes one of `words`."""
    return {"type": _Choice(*words), "metavar": f"{{{','.join(words)}}}"}


class _Choice:
    """Reads one of `words`, in any capitals."""

    def __init__(self, *words: str):
        self.words = words

    def __call__(self, text: str) -> str:
        for word in self.words:
            if word.lower() == text.lower():
                return word
        close = did_you_mean(text, self.words) or f" (choose from {', '.join(self.words)})"
        raise argparse.ArgumentTypeError(f"invalid choice: {_shorten(text)!r}{close}")


class _Number:
    """Reads a number from `minimum` to `maximum`."""

    kind = "number"

    def __init__(self, minimum: float, maximum: float):
        self.minimum = minimum
        self.maximum = maximum

    @property
    def range(self) -> str:
        """What `--help` says of it."""
        return f"from {self.minimum:,} to {self.maximum:,}"

    def __call__(self, text: str) -> Any:
        try:
            value = self.read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(
                f"invalid {self.kind} value: {_shorten(text)!r}"
            ) from error
        # The text, because a number of hundreds of digits has no other short form
        if value < self.minimum:
            raise argparse.ArgumentTypeError(f"{_shorten(text)} is below {self.minimum:,}")
        if value > self.maximum:
            raise argparse.ArgumentTypeError(f"{_shorten(text)} is above {self.maximum:,}")
        return value

    def read(self, text: str) -> float:
        """The number that `text` stands for; raises ValueError if there is none."""
        value = float(text)
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{_shorten(text)} is not a finite number")
        return value


class _Integer(_Number):
    kind = "whole number"

    def read(self, text: str) -> int:
        return int(text)


class _IntegerOr(_Integer):
    """The same, or `word`."""

    def __init__(self, word: str, minimum: int, maximum: int):
        super().__init__(minimum, maximum)
        self.word = word
        self.kind = f"whole number or {word}"

    def __call__(self, text: str) -> int | str:
        return self.word if text.lower() == self.word else super().__call__(text)


class _Duration(_Number):
    """Reads seconds: a number of them, [hours:]minutes:seconds, or a time such as 1h30m."""

    kind = "time"

    @property
    def range(self) -> str:
        return f"{super().range} seconds"

    def read(self, text: str) -> float:
        if re.fullmatch(r"(\d+(\.\d+)?[dhms] ?)+", text.lower()):
            parts = re.findall(r"([\d.]+)([dhms])", text.lower())
            return sum(float(number) * SECONDS[unit] for number, unit in parts)
        seconds = 0.0
        numbers = text.split(":")
        for number in numbers:
            value = super().read(number)
            if len(numbers) > 3 or (value < 0 and len(numbers) > 1):
                raise ValueError
            seconds = 60 * seconds + value
        return seconds


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:20]}…{text[-5:]}"


def _has_tests(args: Namespace) -> bool:
    return bool(args.test_steps if args.test_games is None else args.test_games)


def _snapshots_to_keep(text: str) -> str:
    number_of_snapshots(text)
    return text


def number_of_snapshots(text: str) -> int | None:
    """How many of the newest snapshots --keep_snapshots keeps; None: all of them."""
    match text.partition(":"):
        case "all", "", "":
            return None
        case "best", "", "":
            return 1
        case "last", ":", number if re.fullmatch(r"[+-]?\d+", number):
            return _Integer(1, MAX_EPOCHS)(number)
    raise argparse.ArgumentTypeError(f"{text!r} is none of all, last:N (such as last:5) and best")


def _check_files(parser: argparse.ArgumentParser, args: Namespace) -> None:
    """See that no file is named for two purposes: the one would be moved aside for the other."""
    names = "load_weights csv_file replay_file video_file record_sound_filename record_screen_path"
    paths = {f"--{name} {vars(args)[name]}": vars(args)[name] for name in names.split()}
    if args.csv_file and args.csv_file.name:
        paths["the file of the games beside --csv_file"] = args.csv_file.with_suffix(".games.csv")
    files: dict[str, str] = {}
    for what, path in paths.items():
        if path is None:
            continue
        other = files.setdefault(_identity(path), what)
        if other != what:
            parser.error(f"{what} and {other} are the same file: choose another name for one")
        frames = args.record_screen_path
        is_frame = re.fullmatch(r"\d{6,}\.png", path.name)
        if is_frame and frames and _identity(path.parent) == _identity(frames):
            parser.error(f"{what} is the name of a frame in {frames}: choose another name")


def _identity(path: Path) -> str:
    """The same text for all spellings of a path, and for all names of a file that is there."""
    try:
        status = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return f"{status.st_dev} {status.st_ino}"

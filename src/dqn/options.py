"""Every flag, in the groups of the original simple_dqn: one for each class that takes them."""

import argparse
import logging
import math
import shlex
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dqn.errors import UserError
from dqn.interruption import TIME_IS_UP
from dqn.networks.architecture import MIN_SCREEN_SIZE

logger = logging.getLogger(__name__)

MAX_SCREEN_SIZE = 210  # the height of Atari's own screen
# Neon's GPU backend rounds to so many bits of mantissa unless told otherwise: those of float16.
DEFAULT_ROUNDING_BITS = 10

# A checkpoint fits no other values of these.
FIXED = (
    "environment minimal_action_set screen_width screen_height history_length replay_size "
    "optimizer batch_norm engine actors"
).split()
# These say how a run begins, or how this process does, and nothing about how the run goes on.
OF_THE_START = (
    "game load_weights start_epoch trained_steps random_steps save_weights_prefix csv_file restart "
    "max_computing_time log_level replay_file replay_device sound display_screen"
).split()

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def parse(arguments: list[str], project: Path) -> Namespace:
    """The options given by `arguments`; ends the process with status 2 if they are impossible.

    An argument file `@name` is looked for from the working folder and then from `project`.
    """
    parser = _build_parser()
    args = parser.parse_args([_find_argument_file(argument, project) for argument in arguments])
    _check(parser, args)
    _set_phases(args)
    return args


class _Parser(argparse.ArgumentParser):
    """Reads argument files with several words to a line and `#` comments; errors take one line."""

    def convert_arg_line_to_args(self, arg_line: str) -> list[str]:
        return shlex.split(arg_line, comments=True)

    def error(self, message: str) -> None:
        print(f"error: {message} (--help explains all options)", file=sys.stderr)
        sys.exit(2)


class _HelpFormatter(argparse.HelpFormatter):
    """Names the default of each flag that has one."""

    def _get_help_string(self, action: argparse.Action) -> str:
        if action.default in (None, argparse.SUPPRESS):
            return action.help
        return f"{action.help} (default: {str(action.default).lower()})"


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="main.py",
        description="Train and test a deep Q-network on an Atari game.",
        formatter_class=_HelpFormatter,
        fromfile_prefix_chars="@",
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
    group.add_argument("--environment", choices=["ale"], default="ale", help="What runs the game.")
    group.add_argument(
        "--frame_skip", type=_integer(1), default=4, help="Frames for which an action is repeated."
    )
    group.add_argument(
        "--repeat_action_probability",
        type=_number(0, 1),
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
        type=_integer(MIN_SCREEN_SIZE, MAX_SCREEN_SIZE),
        default=84,
        help="Screen width after resizing, in pixels.",
    )
    group.add_argument(
        "--screen_height",
        type=_integer(MIN_SCREEN_SIZE, MAX_SCREEN_SIZE),
        default=84,
        help="Screen height after resizing, in pixels.",
    )
    group.add_argument(
        "--max_game_frames",
        type=_integer(0),
        default=108000,
        help="Cut a game off after so many frames, which is not terminal; 0: never.",
    )

    group = parser.add_argument_group("Replay memory")
    group.add_argument(
        "--replay_size", type=_integer(1), default=1000000, help="Steps that the memory holds."
    )
    group.add_argument(
        "--replay_file",
        type=Path,
        metavar="FILE",
        help="Keep the screens in this new file, which goes with the process, instead of in "
        "memory: slower, for a machine that has too little of it.",
    )
    group.add_argument(
        "--replay_device",
        choices=["auto", "cpu", "gpu"],
        default="auto",
        help="Whose memory keeps the screens; auto: the GPU's, if one learns and they fit.",
    )
    group.add_argument(
        "--history_length", type=_integer(1), default=4, help="Screens that form a state."
    )

    group = parser.add_argument_group("Deep Q-learning network")
    group.add_argument("--learning_rate", type=_number(0), default=0.00025, help="Learning rate.")
    group.add_argument(
        "--discount_rate", type=_number(0, 1), default=0.99, help="Discount of future rewards."
    )
    group.add_argument(
        "--batch_size", type=_integer(1), default=32, help="Transitions in a minibatch."
    )
    group.add_argument(
        "--optimizer",
        choices=["rmsprop", "adam", "adadelta"],
        default="rmsprop",
        help="Optimization algorithm.",
    )
    group.add_argument(
        "--decay_rate", type=_number(0, 1), default=0.95, help="Decay rate of RMSProp and Adadelta."
    )
    group.add_argument(
        "--clip_error",
        type=_number(0),
        default=1,
        help="Clip the error between this number and its negative; 0: not at all.",
    )
    group.add_argument(
        "--min_reward", type=_number(), default=-1, help="Lowest reward that is learned from."
    )
    group.add_argument(
        "--max_reward", type=_number(), default=1, help="Highest reward that is learned from."
    )
    group.add_argument(
        "--batch_norm", type=_boolean, default=False, help="Normalise batches in all layers."
    )

    group = parser.add_argument_group("Engine")
    group.add_argument(
        "--engine",
        choices=["torch", "neon"],
        default="torch",
        help="What computes the network; neon is Nervana Neon itself, if it is installed.",
    )
    group.add_argument(
        "--backend",
        choices=["auto", "cpu", "gpu", "mkl"],
        default="auto",
        help="Processor; auto takes a CUDA GPU if there is one; mkl is Neon's.",
    )
    group.add_argument("--device_id", type=_integer(0), default=0, help="Number of the GPU.")
    group.add_argument(
        "--datatype",
        choices=["float16", "bfloat16", "float32", "float64"],
        default="float32",
        help="Precision of the computation.",
    )
    group.add_argument(
        "--stochastic_round",
        metavar="BITS",
        nargs="?",
        type=_integer(0, 52),
        default=0,
        const=DEFAULT_ROUNDING_BITS,
        help="Round the weights after an update to so many bits of mantissa "
        f"({DEFAULT_ROUNDING_BITS} without a number), up or down by chance; 0: not at all.",
    )

    group = parser.add_argument_group("Agent")
    group.add_argument(
        "--exploration_rate_start",
        type=_number(0, 1),
        default=1,
        help="Exploration rate at the beginning of its decay.",
    )
    group.add_argument(
        "--exploration_rate_end",
        type=_number(0, 1),
        default=0.1,
        help="Exploration rate at the end of its decay.",
    )
    group.add_argument(
        "--exploration_decay_steps",
        type=_number(0),
        default=1000000,
        help="Training steps in which the exploration rate decays.",
    )
    group.add_argument(
        "--exploration_rate_test",
        type=_number(0, 1),
        default=0.05,
        help="Exploration rate in tests.",
    )
    group.add_argument(
        "--train_frequency", type=_integer(1), default=4, help="Train after every so many steps."
    )
    group.add_argument(
        "--train_repeat", type=_integer(1), default=1, help="Minibatches in each training."
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
        type=_integer(0),
        default=10000,
        help="Copy the network to the target network after every so many steps; 0: have no "
        "target network.",
    )
    group.add_argument(
        "--actors",
        type=_integer_or("auto", 1),
        default="auto",
        metavar="N",
        help="Games that are played at the same time, on all cores; their steps count together. "
        "auto: 1 on a CPU, one for each core where a GPU learns.",
    )
    group.add_argument(
        "--random_starts",
        type=_integer(0),
        default=30,
        help="Begin every episode with at most so many no-ops, and at least history_length.",
    )

    group = parser.add_argument_group("Main loop")
    group.add_argument(
        "--random_steps",
        type=_integer(0),
        default=50000,
        help="Fill the replay memory by so many steps before training: random ones, or those of "
        "the network that --load_weights names.",
    )
    group.add_argument(
        "--train_steps", type=_integer(0), default=250000, help="Training steps in an epoch."
    )
    group.add_argument(
        "--test_steps", type=_integer(0), default=125000, help="Test steps after each epoch."
    )
    group.add_argument(
        "--test_games",
        type=_integer(0),
        help="Test for so many whole games, instead of --test_steps. 30 with "
        "--max_game_frames 18000 is the protocol of the Nature paper.",
    )
    group.add_argument("--epochs", type=_integer(0), default=200, help="Run to this epoch.")
    group.add_argument(
        "--start_epoch",
        type=_integer(0),
        default=0,
        help="Go on after this epoch: the next ones are named and explored accordingly.",
    )
    group.add_argument(
        "--trained_steps",
        type=_integer(0),
        default=0,
        help="Training steps to add to those that a snapshot records, or that start_epoch stands "
        "for; the exploration rate follows from the sum.",
    )
    group.add_argument("--load_weights", type=Path, metavar="FILE", help="Snapshot to begin with.")
    group.add_argument(
        "--save_weights_prefix",
        type=Path,
        metavar="PREFIX",
        help="Save snapshots as PREFIX_<epoch>.pkl.",
    )
    group.add_argument(
        "--csv_file",
        type=Path,
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
        type=_integer(0),
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
        type=_duration,
        metavar="TIME",
        help="Stop with a checkpoint after this time, in seconds or as [hours:]minutes:seconds, "
        f"with exit status {TIME_IS_UP} if there is work left.",
    )

    group = parser.add_argument_group("Playing and recording")
    group.add_argument(
        "--play_games",
        type=_integer(0),
        default=0,
        help="Play so many games as in a test, instead of training and testing.",
    )
    group.add_argument(
        "--record_games",
        type=_integer(1),
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
        type=_path_or_none,
        metavar="FOLDER",
        help="Write every frame to this folder, as 000000.png and so on; '': none.",
    )
    group.add_argument(
        "--record_sound_filename",
        type=_path_or_none,
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
        type=_integer(0),
        help="Seed of everything random: the same one gives the same run. Without it, one is "
        "drawn and logged.",
    )
    group.add_argument("--log_level", choices=LOG_LEVELS, default="INFO", help="What is logged.")
    return parser


def _set_phases(args: Namespace) -> None:
    """Playing leaves out all other phases, and recording means playing."""
    if any(_outputs(args)):
        args.play_games = max(args.play_games, args.record_games or 0)
        args.record_games = args.record_games or args.play_games
    if args.play_games:
        args.random_steps = args.train_steps = args.test_steps = args.epochs = args.start_epoch = 0
        args.test_games = None


def _outputs(args: Namespace) -> tuple[Path | None, ...]:
    """Where games are recorded."""
    return args.video_file, args.record_screen_path, args.record_sound_filename


def outputs(args: Namespace) -> list[Path]:
    """The files and folders to write, which get endings, too."""
    paths = (args.save_weights_prefix, args.csv_file, args.replay_file, *_outputs(args))
    return [path for path in paths if path]


def check_continuation(args: Namespace, before: dict[str, Any]) -> None:
    """Compare with the options `before` of a run that goes on; what changes is logged.

    Raises UserError if its checkpoint does not fit.
    """
    for name, value in as_plain_values(args).items():
        if name in OF_THE_START or before.get(name, value) == value or value == "auto":
            continue
        if name in FIXED:
            raise UserError(
                f"the run that goes on has --{name} {before[name]}, not {value}: use the same, "
                "give this run another label, or begin anew with --restart"
            )
        if name == "random_seed":
            logger.info("The run that goes on has random numbers already: --random_seed is unused")
        else:
            logger.info("Going on with --%s %s instead of %s", name, value, before[name])


def as_plain_values(args: Namespace) -> dict[str, Any]:
    """The options as a checkpoint keeps them."""
    return {name: str(v) if isinstance(v, Path) else v for name, v in vars(args).items()}


def _find_argument_file(argument: str, project: Path) -> str:
    name = argument[1:]
    if argument.startswith("@") and not Path(name).exists() and (project / name).exists():
        return f"@{project / name}"
    return argument


def _check(parser: argparse.ArgumentParser, args: Namespace) -> None:
    """What no option can tell alone."""
    if args.game is None and args.load_weights is None:
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
    if args.save_weights_prefix is not None and not args.save_weights_prefix.name:
        parser.error("--save_weights_prefix has no file name, such as snapshots/breakout")
    if args.record_games and not any(_outputs(args)):
        parser.error("--record_games needs a file to record in, such as --video_file my.mov")
    if any(_outputs(args)) and not (args.play_games or args.record_games):
        parser.error("what is recorded are games that are played: add --record_games 1")
    if args.record_sound_filename and not args.sound:
        parser.error("--record_sound_filename needs --sound true")


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


def _duration(text: str) -> float:
    """Seconds, from a number of them or [hours:]minutes:seconds."""
    seconds = 0.0
    for part in text.split(":"):
        seconds = 60 * seconds + _number(0)(part)
    return seconds


_duration.__name__ = "time"  # argparse says "invalid time value"


def _path_or_none(text: str) -> Path | None:
    return Path(text) if text else None


def _video_file(text: str) -> Path | None:
    if text and Path(text).suffix.lower() not in (".mov", ".mp4"):
        raise argparse.ArgumentTypeError(f"{text} ends neither with .mov nor with .mp4")
    return _path_or_none(text)


def _integer(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    def convert(text: str) -> int:
        return _in_range(int(text), minimum, maximum)

    convert.__name__ = "whole number"  # argparse says "invalid whole number value"
    return convert


def _integer_or(word: str, minimum: int) -> Callable[[str], int | str]:
    integer = _integer(minimum)

    def convert(text: str) -> int | str:
        return word if text == word else integer(text)

    convert.__name__ = f"whole number or {word}"
    return convert


def _number(minimum: float | None = None, maximum: float | None = None) -> Callable[[str], float]:
    def convert(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{text} is not a finite number")
        return _in_range(value, minimum, maximum)

    convert.__name__ = "number"
    return convert


def _in_range(value: float, minimum: float | None, maximum: float | None) -> float:
    if minimum is not None and value < minimum:
        raise argparse.ArgumentTypeError(f"{value:g} is below {minimum:g}")
    if maximum is not None and value > maximum:
        raise argparse.ArgumentTypeError(f"{value:g} is above {maximum:g}")
    return value

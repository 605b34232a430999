"""The command line, in the groups of the original simple_dqn: a file for each."""

import argparse
import logging
import math
import re
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any, NoReturn

from dqn.errors import UserError, one_line
from dqn.options import (
    agent_flags,
    checkpoint_flags,
    game_flags,
    network_flags,
    phase_flags,
    playing_flags,
    replay_flags,
    visualization_flags,
)
from dqn.options.argument_files import expand
from dqn.options.checks import check, recordings
from dqn.options.types import Integer, Number, choice, did_you_mean

logger = logging.getLogger(__name__)

MAX_SEED = 2**64 - 1
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
    if args.environment == "gym" and not _is_given("frame_skip", words):
        args.frame_skip = None  # the environment decides
    _check_unknown(parser, unknown, flags=[f"--{name}" for name in vars(args) if name != "game"])
    if is_complete:
        check(parser, args)
    _set_phases(args)
    return args


def _is_given(name: str, words: list[str]) -> bool:
    return any(word.partition("=")[0] == f"--{name}" for word in words)


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

    def error(self, message: str) -> NoReturn:
        print(f"error: {one_line(message)} (--help explains all options)", file=sys.stderr)
        sys.exit(2)


class _ParserOfFiles(_Parser):
    """Raises ValueError where the command line would be told what is wrong."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


class _HelpFormatter(argparse.HelpFormatter):
    """Names the range and the default of each flag that has them."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        if isinstance(action.type, Number):
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
    game_flags.add_flags(parser)
    replay_flags.add_flags(parser)
    network_flags.add_flags(parser)
    network_flags.add_architecture_flags(parser)
    network_flags.add_engine_flags(parser)
    agent_flags.add_flags(parser)
    phase_flags.add_flags(parser)
    checkpoint_flags.add_flags(parser)
    playing_flags.add_flags(parser)
    visualization_flags.add_flags(parser)
    group = parser.add_argument_group("Common")
    group.add_argument(
        "--random_seed",
        type=Integer(0, MAX_SEED),
        help="Seed of everything random: the same one gives the same run. Without it, one is "
        "drawn and logged.",
    )
    group.add_argument("--log_level", **choice(*LOG_LEVELS), default="INFO", help="What is logged.")
    return parser


def _set_phases(args: Namespace) -> None:
    """Playing leaves out all other phases, and recording means playing."""
    if args.play_games == "auto":
        is_watched = args.display_screen != "false" and not any(recordings(args))
        args.play_games = math.inf if is_watched else 1
    if any(recordings(args)):
        args.play_games = max(args.play_games, args.record_games or 0)
        args.record_games = args.record_games or args.play_games
    if args.play_games:
        args.random_steps = args.train_steps = args.test_steps = args.epochs = args.start_epoch = 0
        args.test_games = None
    elif not (args.train_steps or args.test_games or (args.test_steps and args.test_games is None)):
        args.epochs = 0  # they are empty


def _check_unknown(parser: argparse.ArgumentParser, unknown: list[str], flags: list[str]) -> None:
    """Refuse what argparse took for nothing that it knows, with the flags that are most alike."""
    for word in unknown:
        if word.startswith("-"):
            flag = word.partition("=")[0]
            parser.error(f"there is no flag {flag}{did_you_mean(flag, flags)}")
    if unknown:
        parser.error(f"{unknown[0]!r} is neither the game nor the value of a flag")

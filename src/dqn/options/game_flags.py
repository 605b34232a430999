"""The flags of the game."""

import argparse
from argparse import Namespace

from dqn.actors.starts import STARTS
from dqn.environments.settings import (
    GRAYSCALES,
    INTERPOLATIONS,
    GameSettings,
    GymSettings,
    ObservationSettings,
)
from dqn.networks.architecture import MIN_SCREEN_SIZE
from dqn.options.types import Integer, Number, boolean, choice

MAX_SCREEN_SIZE = 210  # the height of Atari's own screen
MAX_C_INT = 2**31 - 1  # ALE's numbers
MAX_FRAME_SKIP = 60  # a signal is looked at only after a step


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the group "Environment"."""
    group = parser.add_argument_group("Environment")
    group.add_argument(
        "game",
        nargs="?",
        help="ROM file; if it is not there, the ROM of that name that ale-py carries. With "
        "--environment gym, the id of an environment of Gymnasium, such as ALE/Breakout-v5. May be "
        "left out with --load_weights.",
    )
    group.add_argument(
        "--environment",
        **choice("ale", "gym"),
        default="ale",
        help="What runs the game: the Arcade Learning Environment, or Gymnasium.",
    )
    group.add_argument(
        "--emulator",
        **choice("ale-py", "atari-py"),
        default=GameSettings.emulator,
        help="Which build of ALE runs the game; atari-py, of 2021, if it is installed.",
    )
    group.add_argument(
        "--env_args",
        metavar="KEY=VALUE,…",
        help="Arguments of Gymnasium's environment, such as frameskip=4,mode=1.",
    )
    group.add_argument(
        "--env_import",
        type=modules,
        metavar="MODULE,…",
        help="Modules to import, which register environments with Gymnasium. A snapshot does not "
        "bring this flag: nothing that a file names is imported.",
    )
    group.add_argument(
        "--frame_skip",
        type=Integer(1, MAX_FRAME_SKIP),
        default=GameSettings.frame_skip,
        help="Frames for which an action is repeated. With --environment gym, steps of the "
        "environment: without this flag 4 for an Atari that skips no frames itself, else 1.",
    )
    group.add_argument(
        "--repeat_action_probability",
        type=Number(0, 1),
        default=GameSettings.repeat_action_probability,
        help="Probability that the game repeats the action before instead (sticky actions).",
    )
    group.add_argument(
        "--minimal_action_set",
        type=boolean,
        default=GameSettings.minimal_action_set,
        help="Use only the actions that the game knows, not all 18.",
    )
    group.add_argument(
        "--observation",
        **choice("screen", "ram", "rgb"),
        default=ObservationSettings.kind,
        help="What the agent sees: the screen in gray, the RAM of 128 bytes, or the screen in red, "
        "green and blue.",
    )
    group.add_argument(
        "--color_averaging",
        type=boolean,
        default=ObservationSettings.pooling == "average",
        help="Blend the last two frames, against flicker.",
    )
    group.add_argument(
        "--frame_pooling",
        **choice("average", "max", "none"),
        help="How the last two frames make a screen: blended, the greater of each of red, green "
        "and blue, as in the paper of Nature, or the last one alone. Without it, --color_averaging "
        "says average or none.",
    )
    group.add_argument(
        "--grayscale",
        **choice(*GRAYSCALES),
        default=ObservationSettings.grayscale,
        help="How colours become gray: as the eye sees them, rounded as ALE does (luminance), as "
        "OpenCV, as OpenCV once they are resized (opencv_last, CleanRL's), or down (truncated, DQN "
        "Zoo's); or the mean of red, green and blue, rounded down.",
    )
    group.add_argument(
        "--interpolation",
        **choice(*INTERPOLATIONS),
        default=ObservationSettings.interpolation,
        help="How OpenCV resizes the screen; nearest takes every second pixel for half the size. "
        "pillow is that library's bilinear one, as DQN Zoo's.",
    )
    group.add_argument(
        "--screen_width",
        type=Integer(MIN_SCREEN_SIZE, MAX_SCREEN_SIZE),
        default=ObservationSettings.width,
        help="Screen width after resizing, in pixels.",
    )
    group.add_argument(
        "--screen_height",
        type=Integer(MIN_SCREEN_SIZE, MAX_SCREEN_SIZE),
        default=ObservationSettings.height,
        help="Screen height after resizing, in pixels.",
    )
    group.add_argument(
        "--max_game_frames",
        type=Integer(0, MAX_C_INT),
        default=GameSettings.max_game_frames,
        help="Truncate games after this many frames (not terminal); 0: never.",
    )
    group.add_argument(
        "--life_loss_terminal",
        type=boolean,
        default=True,
        help="In training, a lost life ends the episode; the game goes on.",
    )
    group.add_argument(
        "--fire_on_start",
        type=boolean,
        default=False,
        help="Begin every episode with FIRE, after the no-ops, in games that have this action.",
    )
    group.add_argument(
        "--episode_start",
        **choice(*STARTS),
        default="nature",
        help="How an episode begins. nature: with no-ops that fill the state. Others: as that "
        "library's wrappers do it (docs/importing.md); stable-baselines3 and cleanrl so begin each "
        "life, in tests, too.",
    )


def modules(text: str) -> str:
    """Names of modules, separated by commas."""
    for name in filter(None, text.split(",")):
        if not all(part.isidentifier() for part in name.split(".")):
            raise argparse.ArgumentTypeError(f"{name!r} is not the name of a module")
    return text


def game_settings(args: Namespace) -> GameSettings:
    """The settings of the game."""
    return GameSettings(
        frame_skip=args.frame_skip or 0,
        repeat_action_probability=args.repeat_action_probability,
        minimal_action_set=args.minimal_action_set,
        max_game_frames=args.max_game_frames,
        emulator=args.emulator,
    )


def gym_settings(args: Namespace) -> GymSettings | None:
    """What Gymnasium makes the game with; None for a game of ALE."""
    if args.environment != "gym":
        return None
    return GymSettings(arguments=args.env_args or "", imports=args.env_import or "")


def observation_settings(args: Namespace) -> ObservationSettings:
    """The settings of what is observed of it."""
    return ObservationSettings(
        kind=args.observation,
        width=args.screen_width,
        height=args.screen_height,
        pooling=args.frame_pooling or ("average" if args.color_averaging else "none"),
        grayscale=args.grayscale,
        interpolation=args.interpolation,
    )

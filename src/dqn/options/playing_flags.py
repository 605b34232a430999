"""The flags of playing and recording."""

import argparse
import re

from dqn.options.types import (
    MAX_GAMES,
    Integer,
    IntegerOr,
    boolean,
    display,
    file_or_none,
    folder_or_none,
    video_file,
)


def episodes(text: str) -> str:
    """The text itself, if it is a valid `--record_episodes`."""
    match text.lower().partition(":"):
        case "all", "", "":
            return "all"
        case "every", ":", number:
            return f"every:{Integer(1, MAX_GAMES)(number)}"
        case number, "", "" if re.fullmatch(r"[+-]?\d+", number):
            return str(Integer(1, MAX_GAMES)(number))
    raise argparse.ArgumentTypeError(f"{text!r} is none of all, a number and every:K (every:100)")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the group "Playing and recording"."""
    group = parser.add_argument_group("Playing and recording")
    group.add_argument(
        "--play_games",
        type=IntegerOr("auto", 0, MAX_GAMES),
        default=0,
        metavar="N",
        help="Play this many games as in a test, instead of training and testing. auto: until you "
        "quit where they are shown and not recorded, else one.",
    )
    group.add_argument(
        "--record_games",
        type=Integer(1, MAX_GAMES),
        help="Record the first N of them, and play that many if --play_games says fewer; "
        "without it, all are recorded.",
    )
    group.add_argument(
        "--video_file",
        type=video_file,
        metavar="FILE",
        help="Record a video, with sound, in this .mov or .mp4 file.",
    )
    group.add_argument(
        "--record_screen_path",
        type=folder_or_none,
        metavar="FOLDER",
        help="Write every frame to this folder, as 000000.png and so on; '': none.",
    )
    group.add_argument(
        "--record_sound_filename",
        type=file_or_none,
        metavar="FILE",
        help="Write the sound to this WAV file; '': none.",
    )
    group.add_argument(
        "--record_episodes",
        type=episodes,
        metavar="{all,N,every:K}",
        help="In training and tests, record games of the first actor, each in a video of its own, "
        "without sound: all, the first N, or every K-th from the first on.",
    )
    group.add_argument(
        "--episodes_path",
        type=folder_or_none,
        metavar="FOLDER",
        help="Where --record_episodes writes episode_000001.mp4 and so on (default: "
        "videos/<game>). A test without training writes statistics of all its games there, too: "
        "episodes.csv and episodes.json.",
    )
    group.add_argument("--sound", type=boolean, default=True, help="Play and record with sound.")
    group.add_argument(
        "--display_screen",
        type=display,
        default="false",
        metavar="{auto,window,terminal,true,false}",
        help="Show the game, also in training and tests: in a window, in the text terminal, or "
        "(auto, true) in a window if there is a display, else in the terminal. Where games are "
        "played without --load_weights, you play them.",
    )

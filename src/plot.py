"""Draw the learning curves of one or several runs, or their games: CSV files to one picture."""

from dqn.machine import console

with console.starting(__name__):
    import argparse
    import math
    import os
    import sys
    import time
    import warnings
    from pathlib import Path
    from typing import Any

    from dqn.environments import benchmark
    from dqn.errors import ArgumentParser, UserError
    from dqn.report.columns import (
        COLUMNS,
        DEFAULT_FIELDS,
        DEFAULT_GAME_FIELDS,
        GAME_COLUMNS,
        OTHER_NAMES,
    )
    from dqn.report.curves import MEAN_OF, figure
    from dqn.report.protocol import FRAME_SKIP
    from dqn.report.rows import brief
    from dqn.report.runs import X_OF_PHASES, Run, read_run, run_name
    from dqn.report.seeds import means_of_seeds
    from dqn.report.style import FORMATS, save

MIN_PANEL = 50  # pixels, for letters of a pixel
MAX_SIDE = 65_535  # pixels, the most that matplotlib draws
MAX_SMOOTH = 1_000_000  # phases or games
WATCH_SECONDS = 1.0
OPTIONAL = ("fields", "human", "output", "x")  # None where the command line says nothing
MAX_PIXELS = 2**28  # 1 GiB of memory while drawing


def make_parser() -> ArgumentParser:
    """Return the parser of the command line; what may be left out has no value then."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add(
        "csv_file",
        nargs="+",
        type=Path,
        help="CSV file of a run, or of its games (.games.csv); or several to compare them",
    )
    add("--dpi", type=float, default=80, help="pixels per inch")
    add("--skiprows", type=int, default=1, help="number of header rows in the CSV")
    add("--delimiter", default=",", help="what separates the values in the CSV")
    fields = ", ".join(name for name in COLUMNS if name != "phase")
    of_games = ", ".join(GAME_COLUMNS)
    add(
        "--fields",
        default=argparse.SUPPRESS,
        help=f"what to draw, comma separated, of {fields} (default: {','.join(DEFAULT_FIELDS)}); "
        f"of games, of {of_games} (default: {','.join(DEFAULT_GAME_FIELDS)})",
    )
    add(
        "--x",
        choices=list(X_OF_PHASES),
        default=argparse.SUPPRESS,
        help="what to draw over; frames are steps × frame_skip, as in the .args file beside the "
        f"CSV, else × {FRAME_SKIP} (default: epoch; of games: steps)",
    )
    add(
        "--smooth",
        type=int,
        default=0,
        metavar="N",
        help="draw means of N phases, with the curves pale behind; of games: of N games, not "
        f"{MEAN_OF}",
    )
    add(
        "--group_seeds",
        action="store_true",
        help="draw runs whose names differ in seed<N> alone as one: their mean, and a band from "
        "the lowest to the highest",
    )
    add(
        "--human",
        default=argparse.SUPPRESS,
        metavar="GAME",
        help="draw a person's mean score in this game, as a dotted line",
    )
    add(
        "--watch",
        action="store_true",
        help="draw again whenever a CSV has grown, until Ctrl-C",
    )
    add("--figure_width", type=float, default=16, help="inches")
    add("--figure_height", type=float, default=9, help="inches")
    add = parser.add_mutually_exclusive_group().add_argument
    endings = ", ".join(f".{kind}" for kind in FORMATS)
    picture: dict[str, Any] = {"type": Path, "metavar": "FILE", "default": argparse.SUPPRESS}
    beside = "(default: a .png beside the first CSV)"
    add("--output", help=f"picture to write, ending with {endings} {beside}", **picture)
    add("--png_file", help="an older name of --output", dest="output", **picture)
    return parser


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; raises UserError if it cannot be obeyed."""
    parser = make_parser()
    args = parser.parse_args(arguments, argparse.Namespace(**dict.fromkeys(OPTIONAL)))
    if args.skiprows < 0:
        parser.error("--skiprows must be 0 or more")
    if not 0 <= args.smooth <= MAX_SMOOTH:
        parser.error(f"--smooth must be from 0 to {MAX_SMOOTH:,}")
    if args.human is not None:
        args.human = human_score(args.human, parser)
    if len(args.delimiter) != 1 or args.delimiter in '\r\n"':
        parser.error("--delimiter must be one character")
    if args.fields is not None:
        names = dict.fromkeys(name.strip() for name in args.fields.split(","))
        args.fields = list(dict.fromkeys(OTHER_NAMES.get(name, name) for name in names if name))
        if not args.fields:
            parser.error("--fields must name a column of the CSV")
    least = MIN_PANEL * math.ceil(math.sqrt(len(args.fields or DEFAULT_FIELDS)))
    pixels = args.dpi * args.figure_width, args.dpi * args.figure_height
    if (
        not all(number >= 1 for number in (args.dpi, args.figure_width, args.figure_height))
        or not all(least <= side <= MAX_SIDE for side in pixels)
        or pixels[0] * pixels[1] > MAX_PIXELS
    ):
        parser.error(
            "--dpi, --figure_width and --figure_height must be 1 or more and give a picture of "
            f"{least} to {MAX_SIDE:,} pixels a side, {MAX_PIXELS:,} in all"
        )
    return args


def human_score(name: str, parser: ArgumentParser) -> float:
    """Return a person's mean score in a game, whose name is written in any way."""
    from dqn.environments.roms import game_called  # needs ale_py, as no other picture does

    game = game_called(name)
    if game not in benchmark.SCORES:
        parser.error(
            f"--human {name}: a person's score is known for {len(benchmark.SCORES)} games, such "
            "as breakout and space_invaders, but not for this one"
        )
    return benchmark.SCORES[game][1]


def check_kind(runs: list[Run], paths: list[Path]) -> list[str]:
    """Return the fields to draw by default; raises UserError if some are runs and some games."""
    for run, path in zip(runs, paths, strict=True):
        if run.is_of_games != runs[0].is_of_games:
            games, phases = (path, paths[0]) if run.is_of_games else (paths[0], path)
            raise UserError(
                f"{games} is of games and {phases} of phases: draw each in a picture of its own"
            )
    return DEFAULT_GAME_FIELDS if runs[0].is_of_games else DEFAULT_FIELDS


def default_output(paths: list[Path]) -> Path:
    """Return the picture beside the first CSV, named after all of them."""
    name = "+".join(run_name(path) for path in paths)
    if len(paths) > 1 and len(name) > 100:
        name = f"{run_name(paths[0])}+{len(paths) - 1}"
    return paths[0].with_name(f"{name}.png")


def check_output(output: Path, paths: list[Path]) -> Path:
    """Return `output`; raises UserError if no picture can go there."""
    if output.suffix[1:].lower() not in FORMATS:
        raise UserError(f"{output} must end with {', '.join(f'.{kind}' for kind in FORMATS)}")
    if not os.path.isdir(output.parent):
        raise UserError(f"there is no folder {output.parent}: make it or choose another --output")
    if os.path.isdir(output):
        raise UserError(f"{output} is a folder: choose another --output")
    if os.path.realpath(output) in map(os.path.realpath, paths):
        raise UserError(f"{output} would overwrite the CSV file: choose another --output")
    return output


def draw(args: argparse.Namespace) -> Path:
    """Draw what the command line asks for, and return the picture; raises UserError."""
    runs = [
        read_run(path, args.fields, args.skiprows, args.delimiter, args.x) for path in args.csv_file
    ]
    default_fields = check_kind(runs, args.csv_file)
    fields = args.fields or default_fields
    if len({run.name for run in runs}) < len(runs):
        for run, path in zip(runs, args.csv_file, strict=True):
            run.name = str(path)
    output = check_output(args.output or default_output(args.csv_file), args.csv_file)
    if args.group_seeds:
        runs = means_of_seeds(runs)
    picture = figure(runs, fields, args.figure_width, args.figure_height, args.smooth, args.human)
    save(picture, output, args.dpi)
    return output


def watch(args: argparse.Namespace) -> None:
    """Draw whenever a CSV has changed; what cannot be drawn yet is waited for."""
    drawn = None
    said = ""
    while True:
        now = [_stamp(path) for path in args.csv_file]
        if now != drawn:
            try:
                text = f"Wrote {draw(args)}; Ctrl-C ends this"
            except UserError as error:
                text = f"Waiting: {error}"
            if text != said:
                print(brief(text, 2000), file=sys.stderr)
            drawn, said = now, text
        time.sleep(WATCH_SECONDS)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def main(arguments: list[str] | None = None) -> int:
    """Draw what the command line asks for; returns the exit status."""
    warnings.simplefilter("ignore")  # of matplotlib, when its font lacks a letter of a name
    try:
        args = parse_arguments(arguments)
        if args.watch:
            try:
                watch(args)
            except KeyboardInterrupt:
                return 0
        output = draw(args)
    except UserError as error:
        print("error:", brief(str(error), 2000), file=sys.stderr)
        return 2
    print(f"Wrote {output}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    console.run(main)

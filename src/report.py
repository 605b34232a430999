"""Report the scores of runs over games and seeds: CSV files to a page, a text and pictures."""

from dqn.machine import console

with console.starting(__name__):
    import argparse
    import logging
    import sys
    import warnings
    from pathlib import Path

    from dqn.errors import ArgumentParser, UserError
    from dqn.machine.files import check_name
    from dqn.report import aggregates, files
    from dqn.report.results import collect, title_of
    from dqn.report.summary import summarize
    from dqn.sweeps.manifest import is_sweep

PROJECT = Path(__file__).resolve().parent.parent


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; raises UserError if it cannot be obeyed."""
    parser = ArgumentParser(
        prog="report.py",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="folder of a sweep, folder of CSV files of runs, or such a CSV file",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        default=argparse.SUPPRESS,
        help="where the report goes (default: into the sweep's folder, else into "
        "results/reports/<name of the first path>)",
    )
    parser.add_argument(
        "--resamples",
        type=int,
        default=aggregates.RESAMPLES,
        metavar="N",
        help="resamples of the bootstrap that gives the intervals",
    )
    args = parser.parse_args(arguments, argparse.Namespace(output=None))
    if not 100 <= args.resamples <= 1_000_000:
        parser.error("--resamples must be from 100 to 1,000,000")
    for path in args.paths:
        if not path.exists():
            raise UserError(f"there is no {path}: name a sweep's folder, or CSV files of runs")
    return args


def default_folder(path: Path) -> Path:
    """Where the report of `path` goes."""
    return path if is_sweep(path) else PROJECT / "results" / "reports" / title_of(path)


def main(arguments: list[str]) -> int:
    """Write the report that the command line asks for; returns the exit status."""
    logging.basicConfig(format="%(message)s", level="INFO")
    warnings.simplefilter("ignore")  # of matplotlib, when its font lacks a letter of a name
    try:
        args = parse_arguments(arguments)
        folder = args.output or default_folder(args.paths[0])
        check_name(folder)
        page = files.write(summarize(collect(args.paths), args.resamples), folder)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    logging.info(
        "Wrote %s, and beside it %s, %s and the pictures", page, files.MARKDOWN, files.SCORES
    )
    return 0


if __name__ == "__main__":
    console.run(main)

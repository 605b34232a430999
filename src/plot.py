"""Draw the learning curves of one or several runs, or their games: CSV files to one picture."""

from dqn.machine import console

with console.starting(__name__):
    import argparse
    import csv
    import itertools
    import math
    import os
    import re
    import sys
    import warnings
    from array import array
    from collections.abc import Iterator, Sequence
    from dataclasses import dataclass
    from pathlib import Path
    from typing import TYPE_CHECKING, Any, TextIO

    from dqn.errors import ArgumentParser, UserError, explain
    from dqn.machine.files import atomic_write
    from dqn.machine.interruption import uninterrupted

if TYPE_CHECKING:  # imported where it draws, so that --help and errors are quick
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import ColorType

# The columns of a CSV in their order, each with a title and the name or unit of its axis.
COLUMNS = {
    "epoch": ("Epoch", "Epoch"),
    "phase": ("Phase", ""),
    "steps": ("Steps per phase", "Steps"),
    "nr_games": ("Games per phase", "Games"),
    "average_reward": ("Average reward per game", "Reward"),
    "min_game_reward": ("Lowest reward of a game", "Reward"),
    "max_game_reward": ("Highest reward of a game", "Reward"),
    "last_exploration_rate": ("Exploration rate", "ε"),
    "total_train_steps": ("Training steps so far", "Steps"),
    "replay_memory_count": ("Replay memory size", "Transitions"),
    "meanq": ("Mean Q-value of validation states", "Q-value"),
    "meancost": ("Mean loss", "½ (TD error)²"),
    "weight_updates": ("Weight updates so far", "Updates"),
    "total_time": ("Time since the start", "Time (s)"),
    "epoch_time": ("Time per phase", "Time (s)"),
    "steps_per_second": ("Steps per second", "Steps/s"),
}
DEFAULT_FIELDS = ["average_reward", "meanq", "nr_games", "meancost"]
# The same of the numbers in a CSV of games.
GAME_COLUMNS = {
    "score": ("Score of each game", "Score"),
    "steps": ("Length of each game", "Steps"),
    "frames": ("Length of each game in frames", "Frames"),
    "seconds": ("Time of each game", "Time (s)"),
}
DEFAULT_GAME_FIELDS = ["score", "steps"]
OTHER_NAMES = {"phase_time": "epoch_time"}  # as the plot.py of simple_dqn called it
PHASES = {"random": "Random", "train": "Train", "test": "Test"}
GAME_PHASES = PHASES | {"play": "Play"}
TRAIN_ONLY = {"meancost", "weight_updates", "total_train_steps"}  # 0 or a copy in other phases

# Okabe and Ito's palette, which people with any colour vision can tell apart.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#595959"

FORMATS = ("png", "svg", "pdf", "eps")
MEAN_OF = 100  # games, in the running mean
CROWD = 500  # games, from which on their points are small and pale
MANY_POINTS = 5000  # become a picture within SVG, PDF and EPS, which would be huge otherwise
MAX_ROWS = 2_000_000  # which take half a GB of memory; a run of 200 epochs has 401, and its games
MAX_LINE = 2**20  # characters
MIN_PANEL = 50  # pixels, for letters of a pixel
MAX_SIDE = 65_535  # pixels, the most that matplotlib draws
MAX_PIXELS = 2**28  # 1 GiB of memory while drawing


@dataclass
class Run:
    """The curves of one CSV file: phase → field → one value per epoch, NaN where there is none.

    If it `is_of_games`, one value per game; the field `played` is the number of steps of all games
    up to that one.
    """

    name: str
    phases: dict[str, dict[str, "array[float]"]]
    is_of_games: bool = False


def brief(text: str, length: int = 300) -> str:
    """Cut the middle out of a text longer than `length`, and show what cannot be printed as ?."""
    text = "".join(char if char.isprintable() else "?" for char in text)
    half = max(1, (length - 1) // 2)
    return text if len(text) <= length else f"{text[:half]}…{text[-half:]}"


class Lines:
    """The lines of a text file; `last` is the last one that was read."""

    def __init__(self, file: TextIO):
        self._file = file
        self.last = ""

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        self.last = self._file.readline(MAX_LINE)
        if not self.last:
            raise StopIteration
        if "\0" in self.last or len(self.last) == MAX_LINE:
            raise csv.Error("it is binary")
        return self.last


def read_rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield a CSV file's rows, each with the number of its line; raises UserError.

    The last number of a row that is being written at this moment may be cut: it is NaN.
    """
    is_empty = True
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = Lines(file)
            reader = csv.reader(lines, delimiter=delimiter)
            for row in filter(None, reader):
                cells = [cell.strip() for cell in row]
                if not is_empty and not lines.last.endswith(("\n", "\r")):
                    cells[-1] = "nan"
                is_empty = False
                yield reader.line_num, cells
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}): name a run's CSV file") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} is not a CSV file (line {reader.line_num + 1}): name the one that a run wrote "
            "into results/"
        ) from error
    if is_empty:
        raise UserError(f"{path} is empty: wait until the run has finished a phase")


def to_number(text: str, path: Path, line: int, name: str) -> float:
    """Read a number; NaN if it is too large to draw, UserError if it is none."""
    try:
        value = float(text)
    except ValueError:
        raise UserError(
            f"{path}, line {line}: {name} is {brief(text, 40)!r}, not a number"
        ) from None
    return value if abs(value) < 1e100 else math.nan


def read_run(path: Path, fields: list[str] | None, skiprows: int = 1, delimiter: str = ",") -> Run:
    """Read `fields` of a run (None: the default ones).

    Of `skiprows` header rows the one with `epoch` names the columns. Raises UserError for a file
    that is not the CSV of a run, lacks a field or has no complete row.
    """
    rows = read_rows(path, delimiter)
    header = read_header(rows, skiprows)
    columns = {OTHER_NAMES.get(name, name): index for index, name in enumerate(header)}
    is_of_games = "score" in columns and "average_reward" not in columns
    fields = fields or (DEFAULT_GAME_FIELDS if is_of_games else DEFAULT_FIELDS)
    numeric = dict.fromkeys(["epoch", *(["steps"] if is_of_games else []), *fields])
    missing = [name for name in dict.fromkeys(["epoch", "phase", *numeric]) if name not in columns]
    if missing:
        raise UserError(
            f"{path} has no column {brief(', '.join(missing))}; it has {brief(', '.join(header))}"
        )
    names = GAME_PHASES if is_of_games else PHASES
    phases: dict[str, dict[str, array[float]]] = {}
    played = 0.0
    for line, row in whole_rows(rows, len(header), path):
        phase = row[columns["phase"]]
        if phase not in names:
            continue
        numbers = {name: to_number(row[columns[name]], path, line, name) for name in numeric}
        if math.isnan(numbers["epoch"]):
            raise UserError(f"{path}, line {line}: epoch is not a number")
        if is_of_games:
            played += 0 if math.isnan(numbers["steps"]) else numbers["steps"]
            numbers["played"] = played
        curves = phases.setdefault(phase, {name: array("d") for name in numbers})
        for name, value in numbers.items():
            curves[name].append(value)
    if not phases:
        raise UserError(f"{path} has nothing to plot yet: no complete row of {', '.join(names)}")
    return Run(run_name(path), phases, is_of_games)


def whole_rows(
    rows: Iterator[tuple[int, list[str]]], length: int, path: Path
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows; a last one that is too short is left out, because it is being written.

    Raises UserError for any other that is not of this length, or too many.
    """
    wrong = None
    for count, (line, row) in enumerate(rows):
        if count == MAX_ROWS:
            raise UserError(f"{path} has more than {MAX_ROWS:,} rows: draw a part of it")
        if wrong:
            raise UserError(wrong)
        if len(row) != length:
            wrong = f"{path}, line {line} has {len(row)} values instead of {length}: remove it"
            is_longer = len(row) > length
        else:
            yield line, row
    if wrong and is_longer:
        raise UserError(wrong)


def read_header(rows: Iterator[tuple[int, list[str]]], skiprows: int) -> list[str]:
    """Take the header rows, and return the one that names the columns."""
    header = list(COLUMNS)
    for number, (_, row) in enumerate(itertools.islice(rows, min(skiprows, MAX_ROWS))):
        if number == 0 or ("epoch" in row and "epoch" not in header):
            header = row
    return header


def run_name(path: Path) -> str:
    """Return the name of the run that wrote `path`."""
    return path.stem if path.suffix.lower() == ".csv" else path.name


def figure(runs: list[Run], fields: list[str], width: float = 16, height: float = 9) -> "Figure":
    """Draw one panel per field, in it the curves of all `runs`, or their games.

    One run has a colour per phase, several have a colour each and a stroke per phase.
    Returns a matplotlib Figure of width × height inches.
    """
    with uninterrupted():
        import matplotlib
        from matplotlib.figure import Figure

    columns = math.ceil(math.sqrt(len(fields)))
    rows = math.ceil(len(fields) / columns)
    size = letter_size(width / columns, height / rows)
    matplotlib.rcdefaults()  # the same picture on every machine
    matplotlib.rcParams.update(settings(size))

    if len(runs) == 1:
        colours: list[ColorType | None] = [None]
    elif len(runs) <= len(PALETTE):
        colours = list(PALETTE[: len(runs)])
    else:
        colormap = matplotlib.colormaps["viridis"].resampled(len(runs) + 1)
        colours = [colormap(i) for i in range(len(runs))]
    result = Figure(figsize=(width, height), layout="constrained")
    for index, field in enumerate(fields):
        axes = result.add_subplot(rows, columns, index + 1)
        for run, colour in zip(runs, colours, strict=True):
            draw = draw_games if run.is_of_games else draw_run
            draw(axes, run, field, colour, size)
        finish_panel(axes, runs, field)
        if index + columns >= len(fields):
            axes.set_xlabel("Steps played" if runs[0].is_of_games else "Epoch")
    result.align_ylabels()
    add_names(result, runs, colours, size)
    return result


def letter_size(width: float, height: float) -> float:
    """Return the size of letters (points) that suits a panel of width × height inches."""
    return min(6 * (width * height) ** 0.25, 2.5 * width, 4.3 * height)


def settings(size: float) -> dict[Any, Any]:
    """Return matplotlib's settings for a picture with letters of `size` points."""
    thin = 0.06 * size
    return {
        "font.size": size,
        "figure.titlesize": 1.3 * size,
        "figure.titleweight": "bold",
        "figure.constrained_layout.h_pad": size / 200,
        "figure.constrained_layout.w_pad": size / 200,
        "agg.path.chunksize": 10_000,  # a longer curve at once is more than Agg can draw
        "axes.titlesize": 1.1 * size,
        "axes.titlepad": 0.6 * size,
        "axes.labelpad": 0.4 * size,
        "axes.edgecolor": GREY,
        "axes.linewidth": thin,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#E3E3E3",
        "grid.linewidth": thin,
        "xtick.major.width": thin,
        "ytick.major.width": thin,
        "lines.markersize": 0.35 * size,
        "legend.frameon": False,
        "pdf.fonttype": 42,  # TrueType, as journals ask for
        "svg.hashsalt": "simple_dqn",
    }


def stroke(phase: str, colour: "ColorType | None", size: float) -> dict[str, Any]:
    """Return how the line of a phase looks; `colour` is None if every phase has its own."""
    width = 0.11 if phase in ("test", "play") else 0.08
    if colour is None:
        width = 0.13
        colours = {"random": GREY, "train": PALETTE[0], "test": PALETTE[1], "play": PALETTE[2]}
        colour = colours[phase]
    elif phase == "train":
        colour = pale(colour, 0.45)
    return {
        "color": colour,
        "linewidth": width * size,
        "linestyle": "--" if phase == "random" else "-",
        "zorder": 2 + list(GAME_PHASES).index(phase) / 10,  # the tests of all runs lie on top
    }


def pale(colour: "ColorType", white: float) -> tuple[float, float, float]:
    """Mix a colour with a share of white: EPS knows no transparency."""
    from matplotlib.colors import to_rgb

    red, green, blue = ((1 - white) * part + white for part in to_rgb(colour))
    return red, green, blue


def draw_run(axes: "Axes", run: Run, field: str, colour: "ColorType | None", size: float) -> None:
    """Draw the curves of a run into one panel, its random phase as a level."""
    for phase, curves in run.phases.items():
        curve, style = curves[field], stroke(phase, colour, size)
        if field in TRAIN_ONLY and phase != "train":
            continue
        if phase != "random":
            axes.plot(curves["epoch"], curve, marker="o", markevery=lone_points(curve), **style)
        elif not math.isnan(curve[-1]):
            axes.axhline(curve[-1], **style)


def draw_games(axes: "Axes", run: Run, field: str, colour: "ColorType | None", size: float) -> None:
    """Draw the games of a run into one panel: a point for each, and their running mean."""
    for phase, curves in run.phases.items():
        style = stroke(phase, colour, size)
        is_crowd = len(curves[field]) > CROWD
        axes.plot(
            curves["played"],
            curves[field],
            color=pale(style["color"], 0.65 if is_crowd else 0.4),
            zorder=1.5,
            rasterized=len(curves[field]) > MANY_POINTS,
            **point(size if is_crowd else 2 * size),
        )
        axes.plot(curves["played"], running_mean(curves[field]), **style)


def point(size: float) -> dict[str, Any]:
    """Return how a game looks."""
    return {
        "marker": "o",
        "linestyle": "none",
        "markersize": 0.22 * size,
        "markeredgewidth": 0,
    }


def running_mean(numbers: "array[float]") -> "np.ndarray":
    """Return the mean of the last MEAN_OF numbers at each of them, as an array; NaN is left out."""
    import numpy as np

    values = np.array(numbers)
    is_there = ~np.isnan(values)
    sums = np.concatenate([[0], np.cumsum(np.where(is_there, values, 0))])
    counts = np.concatenate([[0], np.cumsum(is_there)])
    ends = np.arange(1, len(sums))
    begins = np.maximum(ends - MEAN_OF, 0)
    with np.errstate(invalid="ignore"):  # 0 / 0, where there is none
        return (sums[ends] - sums[begins]) / (counts[ends] - counts[begins])


def lone_points(curve: Sequence[float]) -> list[int]:
    """Return which points need a marker: all of a short curve, else those without neighbours."""
    gap = [True, *map(math.isnan, curve), True]
    return [i for i in range(len(curve)) if len(curve) <= 25 or (gap[i] and gap[i + 2])]


def finish_panel(axes: "Axes", runs: list[Run], field: str) -> None:
    """Give a panel its title and its axes, with whole epochs and readable numbers."""
    import numpy as np
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    class Thousands(ScalarFormatter):
        def __call__(self, value: float, position: int | None = None) -> str:
            whole, point, fraction = super().__call__(value, position).partition(".")
            return re.sub(r"(?<=\d)(?=(\d{3})+$)", ",", whole) + point + fraction

    known = GAME_COLUMNS if runs[0].is_of_games else COLUMNS
    title, unit = known.get(field, (field.replace("_", " ").replace("$", r"\$"), "Value"))
    axes.set_title(title)
    axes.set_ylabel(unit)
    whole = MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True, min_n_ticks=1)
    axes.xaxis.set_major_locator(whole)
    for axis in (axes.xaxis, axes.yaxis):
        formatter = Thousands(useOffset=False)
        formatter.set_powerlimits((-5, 9))
        axis.set_major_formatter(formatter)

    axes.autoscale(axis="y")  # a level alone does not
    low, high = x_range(runs)
    margin = max(0.5, 0.01 * (high - low))
    axes.set_xlim(low - margin, high + margin)
    if not any(np.isfinite(np.asarray(line.get_ydata(), float)).any() for line in axes.lines):
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", color=GREY)


def x_range(runs: list[Run]) -> tuple[float, float]:
    """Return the first and the last x of what is drawn: epochs, or steps played."""
    if runs[0].is_of_games:
        return 0, max(curves["played"][-1] for run in runs for curves in run.phases.values())
    curves = [run.phases[phase] for run in runs for phase in run.phases if phase != "random"]
    if not curves:
        return 0, 0
    return min(min(c["epoch"]) for c in curves), max(max(c["epoch"]) for c in curves)


def add_names(
    result: "Figure", runs: list[Run], colours: "list[ColorType | None]", size: float
) -> None:
    """Put the names of the runs above the panels, and one legend below them."""
    from matplotlib.lines import Line2D

    width = 72 * result.get_figwidth() / size  # in letters' heights
    title = brief(", ".join(run.name for run in runs), int(width / 0.9))
    result.suptitle(title.replace("$", r"\$"))

    names, handles = [], []
    if len(runs) > 1:
        names = [brief(run.name, int(width / 2)) for run in runs]
        handles = [Line2D([], [], color=colour, linewidth=0.25 * size) for colour in colours]
    for phase, name in GAME_PHASES.items():
        if any(phase in run.phases for run in runs):
            names.append(name)
            handles.append(Line2D([], [], **stroke(phase, None if len(runs) == 1 else GREY, size)))
    if runs[0].is_of_games:
        names += ["A game", f"Mean of the last {MEAN_OF} games"]
        handles.append(Line2D([], [], color=pale(GREY, 0.4), **point(2 * size)))
        handles.append(Line2D([], [], color=GREY, linewidth=0.13 * size))
    widths = [4.8 + 0.6 * len(name) for name in names]
    columns = len(names) if sum(widths) < width else max(1, int(width / max(widths)))
    names = [name.replace("$", r"\$") for name in names]
    result.legend(handles, names, loc="outside lower center", ncols=columns)


def save(picture: "Figure", output: Path, dpi: float) -> None:
    """Write a matplotlib Figure in the format that `output` ends with, the same bytes each time.

    Raises UserError if it cannot be written; an older picture is then untouched.
    """
    kind = output.suffix[1:].lower()
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    os.environ["SOURCE_DATE_EPOCH"] = "0"  # the only way to still the clock of EPS
    try:
        with atomic_write(output) as file:
            picture.savefig(file, format=kind, dpi=dpi, metadata=dates.get(kind))
    except OSError as error:
        raise UserError(f"cannot write {output} {explain(error)}") from error


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; raises UserError if it cannot be obeyed."""
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
    add("--figure_width", type=float, default=16, help="inches")
    add("--figure_height", type=float, default=9, help="inches")
    add = parser.add_mutually_exclusive_group().add_argument
    endings = ", ".join(f".{kind}" for kind in FORMATS)
    picture: dict[str, Any] = {"type": Path, "metavar": "FILE", "default": argparse.SUPPRESS}
    beside = "(default: a .png beside the first CSV)"
    add("--output", help=f"picture to write, ending with {endings} {beside}", **picture)
    add("--png_file", help="an older name of --output", dest="output", **picture)
    args = parser.parse_args(arguments, argparse.Namespace(output=None, fields=None))

    if args.skiprows < 0:
        parser.error("--skiprows must be 0 or more")
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


def main(arguments: list[str] | None = None) -> int:
    """Draw what the command line asks for; returns the exit status."""
    warnings.simplefilter("ignore")  # of matplotlib, when its font lacks a letter of a name
    try:
        args = parse_arguments(arguments)
        runs = [
            read_run(path, args.fields, args.skiprows, args.delimiter) for path in args.csv_file
        ]
        default_fields = check_kind(runs, args.csv_file)
        fields = args.fields or default_fields
        if len({run.name for run in runs}) < len(runs):
            for run, path in zip(runs, args.csv_file, strict=True):
                run.name = str(path)
        output = check_output(args.output or default_output(args.csv_file), args.csv_file)
        picture = figure(runs, fields, args.figure_width, args.figure_height)
        save(picture, output, args.dpi)
    except UserError as error:
        print("error:", brief(str(error), 2000), file=sys.stderr)
        return 2
    print(f"Wrote {output}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    console.run(main)

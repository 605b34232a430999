"""The picture of `plot.sh`: the curves of runs, or their games, a panel for each column."""

import math
import re
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dqn.machine.interruption import uninterrupted
from dqn.report.columns import COLUMNS, GAME_COLUMNS, GAME_PHASES, MEAN_SCORES, TRAIN_ONLY
from dqn.report.rows import brief
from dqn.report.runs import Run
from dqn.report.style import GREY, PALETTE, colours_of, letter_size, pale, settings

if TYPE_CHECKING:  # imported where it draws, so that --help and errors are quick
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import ColorType

MEAN_OF = 100  # games, in the running mean
CROWD = 500  # games, from which on their points are small and pale
MANY_POINTS = 5000  # become a picture within SVG, PDF and EPS, which would be huge otherwise


X_TITLES = {
    "epoch": "Epoch",
    "steps": "Training steps",
    "frames": "Frames in training",
    "hours": "Hours",
}


def figure(
    runs: list[Run],
    fields: list[str],
    width: float = 16,
    height: float = 9,
    smooth: int = 0,
    human: float | None = None,
) -> "Figure":
    """Draw one panel per field, in it the curves of all `runs`, or their games.

    `smooth` draws running means over that many phases (or games), with the raw curves pale behind.
    `human`, a person's mean score, is a dotted line where scores are drawn.

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

    colours: list[ColorType | None] = [None]
    if len(runs) > 1:
        colours = list(colours_of(len(runs)))
    result = Figure(figsize=(width, height), layout="constrained")
    for index, field in enumerate(fields):
        axes = result.add_subplot(rows, columns, index + 1)
        for run, colour in zip(runs, colours, strict=True):
            if run.is_of_games:
                draw_games(axes, run, field, colour, size, smooth or MEAN_OF)
            else:
                draw_run(axes, run, field, colour, size, smooth)
        if human is not None and field in MEAN_SCORES:
            axes.axhline(human, **human_stroke(size))
        finish_panel(axes, runs, field, 72 * width / columns / size)
        if index + columns >= len(fields):
            axes.set_xlabel(title_of_x(runs[0]))
    result.align_ylabels()
    add_names(result, runs, colours, size, smooth, human)
    return result


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


def human_stroke(size: float) -> dict[str, Any]:
    """Return how the line of a person's score looks."""
    return {"color": GREY, "linewidth": 0.1 * size, "linestyle": ":", "zorder": 2}


def title_of_x(run: Run) -> str:
    """Return the title of the axis that the curves are drawn over."""
    if run.is_of_games and run.x in (None, "steps", "frames"):
        return "Frames played" if run.x == "frames" else "Steps played"
    return X_TITLES[run.x or "epoch"]


def draw_run(
    axes: "Axes", run: Run, field: str, colour: "ColorType | None", size: float, smooth: int = 0
) -> None:
    """Draw the curves of a run into one panel, its random phase as a level."""
    for phase, curves in run.phases.items():
        curve, style = curves[field], stroke(phase, colour, size)
        if field in TRAIN_ONLY and phase != "train":
            continue
        if phase == "random":
            if len(curve) and not math.isnan(curve[-1]):
                axes.axhline(curve[-1], **style)
            continue
        x = curves[run.field_of_x]
        if run.lows and run.highs:
            draw_range(axes, x, run.lows[phase][field], run.highs[phase][field], style, smooth)
        elif smooth:
            behind = {**style, "color": pale(style["color"], 0.65), "zorder": 1.5}
            axes.plot(x, curve, **(behind | {"linewidth": style["linewidth"] / 2}))
        line = running_mean(curve, smooth) if smooth else curve
        axes.plot(x, line, marker="o", markevery=lone_points(line), **style)


def draw_range(
    axes: "Axes",
    x: Sequence[float],
    low: "array[float]",
    high: "array[float]",
    style: dict[str, Any],
    smooth: int,
) -> None:
    """Draw a pale band between two curves."""
    ends = [running_mean(end, smooth) if smooth else end for end in (low, high)]
    colour = pale(style["color"], 0.6)  # EPS, which has no transparency, shows it whole
    axes.fill_between(x, ends[0], ends[1], color=colour, alpha=0.4, linewidth=0, zorder=1.2)


def draw_games(
    axes: "Axes",
    run: Run,
    field: str,
    colour: "ColorType | None",
    size: float,
    mean_of: int = MEAN_OF,
) -> None:
    """Draw the games of a run into one panel: a point for each, and their running mean."""
    for phase, curves in run.phases.items():
        style = stroke(phase, colour, size)
        x = curves[run.field_of_x]
        is_crowd = len(curves[field]) > CROWD
        axes.plot(
            x,
            curves[field],
            color=pale(style["color"], 0.65 if is_crowd else 0.4),
            zorder=1.5,
            rasterized=len(curves[field]) > MANY_POINTS,
            **point(size if is_crowd else 2 * size),
        )
        axes.plot(x, running_mean(curves[field], mean_of), **style)


def point(size: float) -> dict[str, Any]:
    """Return how a game looks."""
    return {
        "marker": "o",
        "linestyle": "none",
        "markersize": 0.22 * size,
        "markeredgewidth": 0,
    }


def running_mean(numbers: "array[float]", count: int = MEAN_OF) -> "np.ndarray":
    """Return the mean of the last `count` numbers at each of them, as an array; NaN is left out."""
    import numpy as np

    values = np.array(numbers)
    is_there = ~np.isnan(values)
    sums = np.concatenate([[0], np.cumsum(np.where(is_there, values, 0))])
    counts = np.concatenate([[0], np.cumsum(is_there)])
    ends = np.arange(1, len(sums))
    begins = np.maximum(ends - count, 0)
    with np.errstate(invalid="ignore"):  # 0 / 0, where there is none
        return (sums[ends] - sums[begins]) / (counts[ends] - counts[begins])


def lone_points(curve: "Sequence[float] | np.ndarray") -> list[int]:
    """Return which points need a marker: all of a short curve, else those without neighbours."""
    gap = [True, *map(math.isnan, curve), True]
    return [i for i in range(len(curve)) if len(curve) <= 25 or (gap[i] and gap[i + 2])]


def finish_panel(axes: "Axes", runs: list[Run], field: str, width: float) -> None:
    """Give a panel, as wide as `width` letters are high, its title and axes of readable numbers."""
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
    low, high = x_range(runs)
    most = int(0.9 * width / (0.6 * len(f"{high:,.0f}") + 2.5))  # numbers with a gap between them
    axes.xaxis.set_major_locator(
        MaxNLocator(
            min(max(most, 1), 9),
            steps=[1, 2, 2.5, 5, 10],
            integer=runs[0].x != "hours",  # whole epochs
            min_n_ticks=1,
        )
    )
    for axis in (axes.xaxis, axes.yaxis):
        formatter = Thousands(useOffset=False)
        formatter.set_powerlimits((-5, 9))
        axis.set_major_formatter(formatter)

    axes.autoscale(axis="y")  # a level alone does not
    margin = max(0.5 if runs[0].x is None else 0, 0.01 * (high - low)) or 0.5
    axes.set_xlim(low - margin, high + margin)
    if not any(np.isfinite(np.asarray(line.get_ydata(), float)).any() for line in axes.lines):
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", color=GREY)


def x_range(runs: list[Run]) -> tuple[float, float]:
    """Return the first and the last x of what is drawn."""
    if runs[0].is_of_games:
        last = [curves[run.field_of_x][-1] for run in runs for curves in run.phases.values()]
        return 0, max(last)
    numbers = [
        number
        for run in runs
        for phase, curves in run.phases.items()
        if phase != "random"
        for number in curves[run.field_of_x]
        if not math.isnan(number)
    ]
    return (min(numbers), max(numbers)) if numbers else (0, 0)


def add_names(
    result: "Figure",
    runs: list[Run],
    colours: "list[ColorType | None]",
    size: float,
    smooth: int = 0,
    human: float | None = None,
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
        names += ["A game", f"Mean of the last {smooth or MEAN_OF} games"]
        handles.append(Line2D([], [], color=pale(GREY, 0.4), **point(2 * size)))
        handles.append(Line2D([], [], color=GREY, linewidth=0.13 * size))
    if human is not None:
        names.append(f"A person: {human:,g}")
        handles.append(Line2D([], [], **human_stroke(size)))
    widths = [4.8 + 0.6 * len(name) for name in names]
    columns = len(names) if sum(widths) < width else max(1, int(width / max(widths)))
    names = [name.replace("$", r"\$") for name in names]
    result.legend(handles, names, loc="outside lower center", ncols=columns)

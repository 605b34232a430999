"""The picture of `plot.sh`: the curves of runs, or their games, a panel for each column."""

import math
import re
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dqn.machine.interruption import uninterrupted
from dqn.report.columns import COLUMNS, GAME_COLUMNS, GAME_PHASES, TRAIN_ONLY
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

    colours: list[ColorType | None] = [None]
    if len(runs) > 1:
        colours = list(colours_of(len(runs)))
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

"""The pictures of a report."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dqn.environments import benchmark
from dqn.machine.interruption import uninterrupted
from dqn.report.aggregates import METRICS
from dqn.report.results import Result
from dqn.report.rows import brief
from dqn.report.style import GREY, colours_of, settings
from dqn.report.summary import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import ColorType

LETTERS = 10  # points
WIDTH = 10.0  # inches
BAND = 0.18  # how opaque


def all_pictures(summary: Summary) -> "dict[str, tuple[str, Figure]]":
    """Name of the file → what it shows and the picture; those that would show nothing are left out.

    matplotlib's own settings are changed.
    """
    with uninterrupted():
        import matplotlib

    matplotlib.rcdefaults()  # the same picture on every machine
    matplotlib.rcParams.update(settings(LETTERS))
    several = len({overall.variant for overall in summary.aggregates}) > 1
    band = " Band: 95 % interval." if summary.has_intervals else ""
    range_of_seeds = ", mean over seeds; band: from the lowest to the highest"
    makers: list[tuple[str, str, bool, Callable[[Summary], Figure]]] = [
        ("intervals", "Aggregates of the final scores, and 95 % intervals.", several, intervals),
        (
            "profile",
            f"Performance profile: how many runs have a higher final score.{band}",
            bool(summary.profiles),
            profiles,
        ),
        (
            "efficiency",
            f"Sample efficiency: the interquartile mean of all runs in their tests.{band}",
            any(len(curve.x) > 1 for curve in summary.efficiencies.values()),
            efficiencies,
        ),
        (
            "games",
            f"Test scores of each game{range_of_seeds if summary.has_intervals else ''}. "
            "Dotted: a person's score, where it is in reach.",
            True,
            curves_of_games,
        ),
    ]
    return {name: (what, make(summary)) for name, what, is_wanted, make in makers if is_wanted}


def intervals(summary: Summary) -> "Figure":
    """A panel for each aggregate, in it a bar for each variant."""
    overall = [a for a in summary.aggregates if a.which == "final"]
    colours = _colours(summary)
    figure = _figure(0.9 + 0.35 * len(overall))
    panels: Sequence[Axes] = figure.subplots(1, len(METRICS), sharey=True)
    for axes, metric in zip(panels, METRICS, strict=True):
        for place, of_variant in enumerate(overall):
            estimate = of_variant.metrics[metric]
            colour = colours[of_variant.variant]
            if not math.isnan(estimate.low):
                ends = 100 * estimate.low, 100 * estimate.high
                axes.barh(place, ends[1] - ends[0], 0.6, ends[0], color=colour, alpha=0.6)
            middle = 100 * estimate.value
            axes.plot([middle, middle], [place - 0.3, place + 0.3], color="black", linewidth=1.5)
        axes.set_title(metric if metric == "IQM" else metric.capitalize())
        axes.grid(visible=False, axis="y")
        axes.locator_params(axis="x", nbins=4)
    panels[0].set_yticks(range(len(overall)), [_name(a.variant) for a in overall])
    panels[0].invert_yaxis()
    figure.supxlabel("Human-normalised score (%)", fontsize=LETTERS)
    return figure


def profiles(summary: Summary) -> "Figure":
    """The performance profiles."""
    figure = _figure(3.6)
    axes = figure.subplots()
    for variant, curve in summary.profiles.items():
        colour = _colours(summary)[variant]
        axes.step(100 * curve.x, curve.y, where="post", color=colour, label=_name(variant))
        low, high = curve.interval
        axes.fill_between(
            100 * curve.x, low, high, step="post", color=colour, alpha=BAND, linewidth=0
        )
    axes.axvline(100, color=GREY, linestyle=":", linewidth=1)
    axes.set(xlabel="Human-normalised score τ (%)", ylabel="Fraction of runs above τ")
    axes.set(xlim=(0, 100 * next(iter(summary.profiles.values())).x[-1]), ylim=(0, 1.02))
    _add_legend(axes, summary)
    return figure


def efficiencies(summary: Summary) -> "Figure":
    """The sample-efficiency curves."""
    figure = _figure(3.6)
    axes = figure.subplots()
    longest = max(curve.x[-1] for curve in summary.efficiencies.values() if len(curve.x))
    unit, size = _unit(longest)
    for variant, curve in summary.efficiencies.items():
        colour = _colours(summary)[variant]
        axes.plot(
            curve.x / size, 100 * curve.y, color=colour, label=_name(variant), **_dots(curve.x)
        )
        axes.fill_between(
            curve.x / size, *(100 * curve.interval), color=colour, alpha=BAND, linewidth=0
        )
    axes.set(xlabel=f"Frames{unit}", ylabel="IQM of human-normalised scores (%)")
    axes.set_xlim(0, 1.01 * longest / size)
    _add_legend(axes, summary)
    return figure


def curves_of_games(summary: Summary) -> "Figure":
    """A small panel for each game, with a line for each variant."""
    from matplotlib.ticker import MaxNLocator

    names = summary.collection.games
    columns = min(len(names), 4 if len(names) <= 12 else 6)
    rows = math.ceil(len(names) / columns)
    is_small = columns > 4
    in_a_row = _legend_columns(summary)
    top = 0.35 + (0.2 * math.ceil(len(summary.collection.variants) / in_a_row) if in_a_row else 0)
    height = top + (2.8 if rows == 1 else (1.55 if is_small else 2.2) * rows)
    figure = _figure(height, is_constrained=False)
    inches = (0.55, 0.45, 0.5 if is_small else 0.55, 0.5)  # left, bottom, between columns and rows
    panel = (WIDTH - inches[0] - 0.1 - inches[2] * (columns - 1)) / columns
    room = height - inches[1] - top
    panel_height = (room - inches[3] * (rows - 1)) / rows
    figure.subplots_adjust(
        left=inches[0] / WIDTH,
        right=1 - 0.1 / WIDTH,
        bottom=inches[1] / height,
        top=1 - top / height,
        wspace=inches[2] / panel,
        hspace=inches[3] / panel_height,
    )
    unit, size = _unit(max(result.frames for result in summary.collection.results))
    letters = 7 if is_small else 9
    for place, game in enumerate(names):
        axes = figure.add_subplot(rows, columns, place + 1)
        for variant in summary.collection.variants:
            results = summary.collection.of(variant, game)
            if results:
                _draw_game(axes, results, _colours(summary)[variant], size)
        axes.set_title(benchmark.title(game), fontsize=letters + 1, pad=3)
        axes.tick_params(labelsize=letters, pad=2, length=2)
        axes.xaxis.set_major_locator(MaxNLocator(4 if is_small else 5))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(_thousands)
        _show_human_score(axes, game)
    figure.supxlabel(f"Frames{unit}", fontsize=LETTERS, y=0.06 / height)
    if in_a_row:
        _add_legend_of_figure(figure, summary, in_a_row)
    return figure


def _draw_game(axes: "Axes", results: list[Result], colour: "ColorType", size: float) -> None:
    """The mean over seeds at the epochs that all have, and their range."""
    epochs = results[0].epochs
    for result in results[1:]:
        epochs = np.intersect1d(epochs, result.epochs)
    if not len(epochs):
        return
    scores = np.stack([result.scores[result.last_tests(epochs)] for result in results])
    steps = results[0].train_steps[results[0].last_tests(epochs)]
    frames = steps * results[0].frame_skip / size
    axes.plot(frames, scores.mean(axis=0), color=colour, linewidth=1.1, **_dots(epochs))
    if len(results) > 1:
        axes.fill_between(
            frames, scores.min(axis=0), scores.max(axis=0), color=colour, alpha=BAND, linewidth=0
        )


def _show_human_score(axes: "Axes", game: str) -> None:
    """A dotted line, where the panel reaches that high."""
    low, high = axes.get_ylim()
    human = benchmark.SCORES.get(game, (math.nan, math.nan))[1]
    if low <= human <= high:
        axes.axhline(human, color=GREY, linestyle=":", linewidth=0.8)


def _figure(height: float, is_constrained: bool = True) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained" if is_constrained else None)


def _dots(x: np.ndarray) -> dict[str, Any]:
    """A marker for each point, if they are few."""
    return {"marker": "o", "markersize": 3} if len(x) <= 25 else {}


def _unit(frames: float) -> tuple[str, float]:
    """A unit of frames, and how many they are."""
    return (" (millions)", 1e6) if frames >= 1e6 else (" (thousands)", 1e3)


def _thousands(value: float, _position: float) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:,g}k"
    return f"{value:,g}"


def _colours(summary: Summary) -> "dict[str, ColorType]":
    variants = summary.collection.variants
    return dict(zip(variants, colours_of(len(variants)), strict=True))


def _name(variant: str) -> str:
    return brief(variant or "default", 60).replace("$", r"\$")


def _add_legend(axes: "Axes", summary: Summary) -> None:
    if len(summary.collection.variants) > 1:
        axes.legend()


def _legend_columns(summary: Summary) -> int:
    """How many names of variants have room beside one another; 0 if there is one variant."""
    names = [_name(variant) for variant in summary.collection.variants]
    longest = max(map(len, names))
    room = int(72 * WIDTH / ((LETTERS - 1) * (0.6 * longest + 4)))
    return max(1, min(room, len(names))) if len(names) > 1 else 0


def _add_legend_of_figure(figure: "Figure", summary: Summary, columns: int) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=c, label=_name(v)) for v, c in _colours(summary).items()]
    figure.legend(handles=handles, loc="upper center", ncols=columns, fontsize=LETTERS - 1)

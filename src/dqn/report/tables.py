"""The tables of a report, as text; page.py and markdown.py write them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from dqn.environments import benchmark
from dqn.report.aggregates import METRICS, Estimate
from dqn.report.protocol import Protocol
from dqn.report.summary import WHICH, Summary

NOTHING = "–"


@dataclass(frozen=True)
class Table:
    """A caption, the columns' names, and rows of texts, whose first `num_names` are names, too."""

    caption: str
    header: list[str]
    rows: list[list[str]]
    num_names: int = 1


def all_tables(summary: Summary) -> dict[str, Table]:
    """Every table with its title, in their order."""
    tables = {
        "Over all games": over_games(summary),
        "Games": of_games(summary),
        "Protocol": of_protocols(summary),
        "Runs": of_runs(summary),
        "Runs without a score": of_missing(summary),
    }
    return {title: table for title, table in tables.items() if table.rows}


def over_games(summary: Summary) -> Table:
    """The aggregates."""
    several = _has_variants(summary)
    rows = []
    for overall in summary.aggregates:
        row = [overall.variant or "default"] if several else []
        row += [overall.which, str(overall.num_games), str(overall.num_runs)]
        row += [_with_interval(overall.metrics[name], percent) for name in METRICS]
        five = overall.median_of_57
        row.append(NOTHING if five is None else percent(five))
        rows.append(row)
    names = [*(["variant"] if several else []), "test"]
    return Table(
        "Human-normalised scores, in percent: 0 is chance, 100 a person. Brackets: 95 % interval.",
        [*names, "games", "runs", *METRICS, "Atari-5"],
        rows,
        len(names),
    )


def of_games(summary: Summary) -> Table:
    """Each game's scores over seeds."""
    several = _has_variants(summary)
    letters = _letters(summary)
    rows = []
    for row in summary.rows:
        texts = [benchmark.title(row.game), *([row.variant or "default"] if several else [])]
        texts += [str(len(row.results)), _amount([r.train_steps[-1] for r in row.results])]
        texts.append(_amount([r.frames for r in row.results]))
        for which in WHICH:
            scores = row.scores[which]
            texts += [
                score(scores.mean.value),
                score(scores.deviation),
                _interval(scores.mean, score),
                percent(scores.normalised.value),
            ]
        texts += [score(number) for number in benchmark.SCORES.get(row.game, (np.nan, np.nan))]
        texts.append("".join(sorted({letters[r.protocol] for r in row.results})))
        rows.append(texts)
    names = ["game", *(["variant"] if several else [])]
    of_test = ["mean", "SD", "95\u00a0%", "normalised, %"]
    header = [*names, "seeds", "steps", "frames"]
    header += [f"{which} {name}" for which in WHICH for name in of_test]
    return Table(
        "Mean score of a test's games: of the last test, and of each run's best. SD and interval "
        "are over seeds.",
        [*header, "random", "human", "protocol"],
        rows,
        len(names),
    )


def of_protocols(summary: Summary) -> Table:
    """How the runs were trained and tested; a column for each way."""
    letters = _letters(summary)
    names = [name for name, _ in next(iter(letters))]
    rows = [[name, *(dict(protocol)[name] for protocol in letters)] for name in names]
    return Table("", ["", *letters.values()], rows, 1 + len(letters))


def of_runs(summary: Summary) -> Table:
    """Every run."""
    rows = [
        [
            result.name,
            result.variant or NOTHING,
            NOTHING if result.seed is None else str(result.seed),
            *(f"{score(result.final)}", f"{result.epochs[-1]:g}"),
            *(f"{score(result.best)}", str(result.best_epoch)),
            *(_amount([result.train_steps[-1]]), _amount([result.frames])),
        ]
        for result in summary.collection.results
    ]
    header = "run variant seed,final score,epoch,best score,epoch,steps,frames"
    names, *others = header.split(",")
    return Table("", [*names.split(), *others], rows, 2)


def of_missing(summary: Summary) -> Table:
    """The runs without a score."""
    rows = [[name, why] for name, why in summary.collection.missing.items()]
    return Table("", ["run", "why"], rows, 2)


def notes(summary: Summary) -> list[str]:
    """What a reader has to know of the numbers."""
    texts = [
        f"Random and human scores: {benchmark.SOURCE}.",
        "Medians and means are of each game's mean over seeds; IQM (interquartile mean) and "
        "optimality gap (shortfall from a person's score) are of all runs. Intervals are "
        "percentiles of a bootstrap over seeds, stratified by game (Agarwal et al. 2021).",
        "The best of many tests is luck, too: compare final scores.",
    ]
    results = summary.collection.results
    numbers = {len(row.results) for row in summary.rows}
    if min(numbers) == 1:
        texts.append("One seed gives neither a deviation nor an interval.")
    if 1 < max(numbers) < 5:
        texts.append("With fewer than five seeds, intervals are rough, and rather too narrow.")
    if len(numbers) > 1:
        texts.append(
            "Games have different numbers of seeds: in IQM, optimality gap and profile, a game "
            "with more seeds counts more."
        )
    if len({result.train_steps[-1] for result in results}) > 1:
        texts.append("Runs have trained for different numbers of steps: final scores are unequal.")
    if len({result.protocol for result in results}) > 1:
        texts.append("Runs have different protocols: their scores do not compare directly.")
    if any(result.game == "video_pinball" for result in results):
        texts.append(
            "Video Pinball: its random score is 16,256.9 here; other sources give 0, with which "
            "its normalised score is far lower."
        )
    others = sorted({r.game for r in results} - benchmark.SCORES.keys())
    if others:
        titles = ", ".join(map(benchmark.title, others))
        texts.append(f"Without human scores, and so in no aggregate: {titles}.")
    if any(overall.median_of_57 is not None for overall in summary.aggregates):
        texts.append(
            "Atari-5: the median over 57 games as predicted from five (Aitchison et al. 2023); "
            f"its error is about {100 * benchmark.ATARI_5_ERROR:.1f} %."
        )
    return texts


def score(number: float) -> str:
    """A game's score."""
    if np.isnan(number):
        return NOTHING
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:,.1f}"


def percent(number: float) -> str:
    """A normalised score, in percent."""
    return NOTHING if np.isnan(number) else f"{100 * number:,.1f}"


def _with_interval(estimate: Estimate, text: Callable[[float], str]) -> str:
    interval = _interval(estimate, text)
    return text(estimate.value) + ("" if interval == NOTHING else f" ({interval})")


def _interval(estimate: Estimate, text: Callable[[float], str]) -> str:
    if np.isnan(estimate.low):
        return NOTHING
    low, high = text(estimate.low), text(estimate.high)
    return f"{low} to {high}" if "-" in low + high else f"{low}–{high}"


def _amount(numbers: Iterable[float]) -> str:
    """Steps or frames, in their unit; a range if they differ."""
    ordered = sorted(numbers)
    return "–".join(dict.fromkeys((_short(ordered[0]), _short(ordered[-1]))))


def _short(number: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.4g} {unit}"
    return f"{number:g}"


def _has_variants(summary: Summary) -> bool:
    return len(summary.collection.variants) > 1


def _letters(summary: Summary) -> dict[Protocol, str]:
    """A letter for each protocol; numbers after the 26th."""
    protocols = dict.fromkeys(result.protocol for result in summary.collection.results)
    names = [chr(ord("A") + i) if i < 26 else str(i + 1) for i in range(len(protocols))]
    return dict(zip(protocols, names, strict=True))

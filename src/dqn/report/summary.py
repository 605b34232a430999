"""All numbers of a report: each game's scores over seeds, and their aggregates over games."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from dqn.environments import benchmark
from dqn.report import aggregates
from dqn.report.aggregates import Estimate, Scores
from dqn.report.results import Collection, Result

SEED = 0  # of the bootstrap, so that the same files give the same report
MAX_POINTS = 25  # of a sample-efficiency curve
MAX_THRESHOLDS = 101

# Which test of a run counts.
WHICH: dict[str, Callable[[Result], float]] = {
    "final": lambda result: result.final,
    "best": lambda result: result.best,
}


@dataclass(frozen=True)
class OfSeeds:
    """A game's scores over its seeds: the deviation is NaN of one seed, and has n − 1 below."""

    mean: Estimate
    deviation: float
    normalised: Estimate


@dataclass(frozen=True)
class GameRow:
    """One variant in one game; `scores` has an entry for each of WHICH."""

    game: str
    variant: str
    results: list[Result]
    scores: dict[str, OfSeeds]


@dataclass(frozen=True)
class Aggregate:
    """One variant over all games that have human scores; `metrics` as in aggregates.METRICS.

    `median_of_57` is predicted from five games, if all of them are there.
    """

    variant: str
    which: str
    num_games: int
    num_runs: int
    metrics: dict[str, Estimate]
    median_of_57: float | None


@dataclass(frozen=True)
class Curve:
    """Points (x) with a value and an interval (2, x) at each."""

    x: np.ndarray
    y: np.ndarray
    interval: np.ndarray


@dataclass(frozen=True)
class Summary:
    """What the tables and pictures show; profiles and efficiencies have a curve for each variant.

    Profiles are of the final scores, over thresholds of the human-normalised score; efficiencies
    are interquartile means over the frames that were trained on.
    """

    collection: Collection
    rows: list[GameRow]
    aggregates: list[Aggregate]
    profiles: dict[str, Curve]
    efficiencies: dict[str, Curve]

    @property
    def has_intervals(self) -> bool:
        """Whether some game has several seeds."""
        return any(len(row.results) > 1 for row in self.rows)


def summarize(collection: Collection, resamples: int = aggregates.RESAMPLES) -> Summary:
    """Compute it, with intervals of so many resamples; the same results give the same numbers."""
    generator = np.random.default_rng(SEED)
    rows = [
        _row(game, variant, results, generator, resamples)
        for game in collection.games
        for variant in collection.variants
        if (results := collection.of(variant, game))
    ]
    with_human_scores = {
        variant: of_games
        for variant in collection.variants
        if (of_games := _by_game(collection.of(variant)))
    }
    overall = [
        _aggregate(variant, which, of_games, generator, resamples)
        for variant, of_games in with_human_scores.items()
        for which in WHICH
    ]
    thresholds = _thresholds(collection)
    profiles = {}
    efficiencies = {}
    for variant, of_games in with_human_scores.items():
        scores = _scores(of_games, WHICH["final"])
        profiles[variant] = Curve(thresholds, *aggregates.profile(scores, thresholds, generator))
        efficiencies[variant] = _efficiency(of_games, generator)
    return Summary(collection, rows, overall, profiles, efficiencies)


def _row(
    game: str,
    variant: str,
    results: list[Result],
    generator: np.random.Generator,
    resamples: int,
) -> GameRow:
    scores = {}
    for which, score in WHICH.items():
        numbers = np.array([score(result) for result in results])
        mean = aggregates.estimate_mean(numbers, generator, resamples)
        deviation = float(numbers.std(ddof=1)) if len(numbers) > 1 else np.nan
        normalised = (benchmark.normalised(game, x) for x in (mean.value, mean.low, mean.high))
        scores[which] = OfSeeds(mean, deviation, Estimate(*normalised))
    return GameRow(game, variant, results, scores)


def _by_game(results: list[Result]) -> dict[str, list[Result]]:
    """The results of each game that has human scores."""
    by_game: dict[str, list[Result]] = {}
    for result in results:
        if result.game in benchmark.SCORES:
            by_game.setdefault(result.game, []).append(result)
    return by_game


def _scores(of_games: dict[str, list[Result]], score: Callable[[Result], float]) -> Scores:
    """Human-normalised scores: an array of (seeds) for each game."""
    return [
        np.array([benchmark.normalised(game, score(result)) for result in results])
        for game, results in of_games.items()
    ]


def _aggregate(
    variant: str,
    which: str,
    of_games: dict[str, list[Result]],
    generator: np.random.Generator,
    resamples: int,
) -> Aggregate:
    scores = _scores(of_games, WHICH[which])
    metrics = aggregates.estimate(aggregates.METRICS, scores, generator, resamples)
    means = {game: float(s.mean()) for game, s in zip(of_games, scores, strict=True)}
    five = benchmark.median_of_57(means) if benchmark.ATARI_5.keys() <= means.keys() else None
    return Aggregate(variant, which, len(of_games), sum(map(len, scores)), metrics, five)


def _thresholds(collection: Collection) -> np.ndarray:
    """From 0 to twice a person's score, or to the highest, up to eight times."""
    numbers = [benchmark.normalised(r.game, r.final) for r in collection.results]
    highest = max((x for x in numbers if not np.isnan(x)), default=0.0)
    return np.linspace(0, np.clip(highest, 2, 8), MAX_THRESHOLDS)


def _efficiency(of_games: dict[str, list[Result]], generator: np.random.Generator) -> Curve:
    """The interquartile mean at the epochs that all runs have tested.

    Each point is of the last test of every run within so many epochs.
    """
    results = [result for of_game in of_games.values() for result in of_game]
    last = min(result.epochs[-1] for result in results)
    epochs = np.unique(np.concatenate([result.epochs for result in results]))
    first = max(result.epochs[0] for result in results)
    epochs = epochs[(epochs >= first) & (epochs <= last)]
    if len(epochs) > MAX_POINTS:
        epochs = epochs[np.linspace(0, len(epochs) - 1, MAX_POINTS).round().astype(int)]
    frames, values, intervals = [], [], []
    for epoch in epochs:
        scores = _scores(of_games, partial(_score_at, epoch))
        estimate = aggregates.estimate(
            {"IQM": aggregates.iqm}, scores, generator, aggregates.OF_CURVES
        )["IQM"]
        frames.append(
            np.median([r.train_steps[r.last_tests(epoch)] * r.frame_skip for r in results])
        )
        values.append(estimate.value)
        intervals.append((estimate.low, estimate.high))
    return Curve(np.array(frames), np.array(values), np.array(intervals).reshape(-1, 2).T)


def _score_at(epoch: np.ndarray, result: Result) -> float:
    return float(result.scores[result.last_tests(epoch)])

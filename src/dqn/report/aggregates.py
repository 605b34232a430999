"""Aggregate scores over games and seeds, with intervals (Agarwal et al. 2021, rliable).

Scores are lists with an array for each game, one human-normalised score for each seed. The
bootstrap is stratified: every game keeps its number of seeds, drawn anew with replacement. A
resample is the same list, its arrays with one more axis in front: (resamples, seeds).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

Scores = Sequence[np.ndarray]

RESAMPLES = 10_000
OF_CURVES = 1_000  # resamples at each point of a curve
CONFIDENCE = 0.95
MAX_NUMBERS = 2_000_000  # drawn at once: 16 MB


@dataclass(frozen=True)
class Estimate:
    """A number and its interval of 95 %; the ends are NaN where there is nothing to resample."""

    value: float
    low: float
    high: float


def mean(scores: Scores) -> np.ndarray:
    """The mean over games of the mean over seeds."""
    return _means(scores).mean(axis=-1)


def median(scores: Scores) -> np.ndarray:
    """The median over games of the mean over seeds."""
    return np.median(_means(scores), axis=-1)


def iqm(scores: Scores) -> np.ndarray:
    """The interquartile mean: of the middle half of all runs, whatever their game."""
    runs = np.sort(_runs(scores), axis=-1)
    cut = runs.shape[-1] // 4
    return runs[..., cut : runs.shape[-1] - cut].mean(axis=-1)


def optimality_gap(scores: Scores) -> np.ndarray:
    """The mean shortfall of all runs from 1, a person's score; higher scores count as 1."""
    return 1 - np.minimum(_runs(scores), 1).mean(axis=-1)


METRICS: dict[str, Callable[[Scores], np.ndarray]] = {
    "median": median,
    "IQM": iqm,
    "mean": mean,
    "optimality gap": optimality_gap,
}


def estimate(
    metrics: dict[str, Callable[[Scores], np.ndarray]],
    scores: Scores,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> dict[str, Estimate]:
    """Each metric with its percentile interval, all of the same resamples."""
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    if can_resample(scores):
        for resample in _resamples(scores, generator, resamples):
            for name, metric in metrics.items():
                drawn[name].append(metric(resample))
    return {name: _estimate(float(metric(scores)), drawn[name]) for name, metric in metrics.items()}


def estimate_mean(
    scores: np.ndarray, generator: np.random.Generator, resamples: int = RESAMPLES
) -> Estimate:
    """The mean over the seeds of one game, with its percentile interval."""
    return estimate({"mean": mean}, [scores], generator, resamples)["mean"]


def profile(
    scores: Scores,
    thresholds: np.ndarray,
    generator: np.random.Generator,
    resamples: int = OF_CURVES,
) -> tuple[np.ndarray, np.ndarray]:
    """The performance profile: the fraction of runs above each threshold, and its interval.

    Returns an array of (thresholds) and one of (2, thresholds): the ends at each threshold.
    """
    fractions = _fractions_above(_runs(scores), thresholds)
    if not can_resample(scores):
        return fractions, np.full((2, len(thresholds)), np.nan)
    drawn = [
        _fractions_above(_runs(resample), thresholds)
        for resample in _resamples(scores, generator, resamples, of_each=len(thresholds))
    ]
    return fractions, _interval(np.concatenate(drawn))


def can_resample(scores: Scores) -> bool:
    """Whether some game has several seeds: else every resample is the scores themselves."""
    return any(len(of_game) > 1 for of_game in scores)


def _resamples(
    scores: Scores, generator: np.random.Generator, count: int, of_each: int = 1
) -> Iterator[list[np.ndarray]]:
    """`count` resamples, as many at a time as memory allows if each number becomes `of_each`."""
    at_once = max(1, MAX_NUMBERS // (of_each * sum(map(len, scores))))
    for begin in range(0, count, at_once):
        shape = min(at_once, count - begin)
        yield [
            of_game[generator.integers(len(of_game), size=(shape, len(of_game)))]
            for of_game in scores
        ]


def _means(scores: Scores) -> np.ndarray:
    """The mean of each game, (…, games)."""
    return np.stack([of_game.mean(axis=-1) for of_game in scores], axis=-1)


def _runs(scores: Scores) -> np.ndarray:
    """All runs, (…, games × seeds)."""
    return np.concatenate(list(scores), axis=-1)


def _fractions_above(runs: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    return (runs[..., None, :] > thresholds[:, None]).mean(axis=-1)


def _interval(drawn: np.ndarray) -> np.ndarray:
    tail = (1 - CONFIDENCE) / 2
    return np.quantile(drawn, [tail, 1 - tail], axis=0)


def _estimate(value: float, drawn: list[np.ndarray]) -> Estimate:
    if not drawn:
        return Estimate(value, np.nan, np.nan)
    low, high = _interval(np.concatenate(drawn))
    return Estimate(value, float(low), float(high))

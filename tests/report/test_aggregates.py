"""Aggregates against definitions written another way, and against rliable's own numbers."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqn.report import aggregates
from helpers.paths import DATA

# What rliable 1.2.0 gave for `scores` with 50,000 resamples (scripts/rliable_reference.py)
RLIABLE = json.loads((DATA / "rliable.json").read_text())
SCORES = np.array(RLIABLE["scores"])  # runs × games


def by_game(matrix):
    return list(np.asarray(matrix, float).T)


def generator():
    return np.random.default_rng(0)


def test_metrics_are_those_of_rliable():
    for name, expected in RLIABLE["points"].items():
        value = aggregates.METRICS[name](by_game(SCORES))
        assert value == pytest.approx(expected, rel=1e-12), name


def test_intervals_are_those_of_rliable_within_the_bootstraps_error():
    estimates = aggregates.estimate(
        aggregates.METRICS, by_game(SCORES), generator(), resamples=20_000
    )
    for name, (low, high) in RLIABLE["intervals"].items():
        width = high - low
        assert estimates[name].low == pytest.approx(low, abs=0.05 * width), name
        assert estimates[name].high == pytest.approx(high, abs=0.05 * width), name


def test_profiles_are_those_of_rliable():
    thresholds = np.array(RLIABLE["thresholds"])
    fractions, interval = aggregates.profile(by_game(SCORES), thresholds, generator(), 4000)
    np.testing.assert_allclose(fractions, RLIABLE["profile"])
    np.testing.assert_allclose(interval, RLIABLE["profile_interval"], atol=0.026)


def test_the_interquartile_mean_leaves_out_the_lowest_and_highest_quarter():
    assert aggregates.iqm([np.array([1.0, 100]), np.array([2.0, -50])]) == 1.5
    assert aggregates.iqm([np.array([1.0, 2, 3, 4, 5])]) == 3  # a quarter of five is one


@given(
    st.lists(st.lists(st.floats(-10, 10), min_size=1, max_size=4), min_size=1, max_size=5).map(
        lambda lists: [np.array(numbers) for numbers in lists]
    )
)
def test_metrics_follow_their_definitions(scores):
    means = [sum(numbers) / len(numbers) for numbers in scores]
    runs = sorted(itertools.chain(*scores))
    cut = int(len(runs) * 0.25)
    middle = runs[cut : len(runs) - cut]
    assert aggregates.mean(scores) == pytest.approx(sum(means) / len(means))
    assert aggregates.median(scores) == pytest.approx(np.median(means))
    assert aggregates.iqm(scores) == pytest.approx(sum(middle) / len(middle))
    gap = sum(1 - min(run, 1) for run in runs) / len(runs)
    assert aggregates.optimality_gap(scores) == pytest.approx(gap)


def test_an_interval_of_a_mean_has_the_quantiles_of_all_resamples():
    numbers = np.array([1.0, 2, 4, 7, 11])
    means = [np.mean(chosen) for chosen in itertools.product(numbers, repeat=5)]
    estimate = aggregates.estimate_mean(numbers, generator(), 100_000)
    assert estimate.value == 5
    for end, part in ((estimate.low, 0.025), (estimate.high, 0.975)):
        assert end == pytest.approx(np.quantile(means, part), abs=0.21)  # a step of the means


def test_resamples_never_mix_games():
    scores = [np.array([0.0, 0.0]), np.array([1.0, 1.0])]
    estimates = aggregates.estimate(aggregates.METRICS, scores, generator(), 500)
    assert {(e.low, e.value, e.high) for e in estimates.values()} == {(0.5, 0.5, 0.5)}


def test_one_seed_has_no_interval():
    estimates = aggregates.estimate(aggregates.METRICS, [np.array([0.3])], generator(), 500)
    assert all(np.isnan([e.low, e.high]).all() for e in estimates.values())
    fractions, interval = aggregates.profile([np.array([0.3])], np.array([0, 0.5]), generator())
    assert list(fractions) == [1, 0]
    assert np.isnan(interval).all()


def test_the_same_scores_give_the_same_numbers_however_many_are_drawn_at_once(monkeypatch):
    first = aggregates.estimate(aggregates.METRICS, by_game(SCORES), generator(), 1000)
    assert first == aggregates.estimate(aggregates.METRICS, by_game(SCORES), generator(), 1000)
    monkeypatch.setattr(aggregates, "MAX_NUMBERS", 1)
    alone = aggregates.estimate(aggregates.METRICS, by_game(SCORES), generator(), 1000)
    for name, estimate in first.items():
        assert alone[name].low == pytest.approx(estimate.low, abs=0.05)

"""How alike two maps are."""

import numpy as np
import pytest

from dqn.visualization.likeness import rank_correlation


def test_the_rank_correlation_is_that_of_the_formula_without_ties():
    chance = np.random.default_rng(1)
    one, other = chance.standard_normal((2, 5, 6))
    ranks = [np.abs(m).ravel().argsort().argsort() for m in (one, other)]
    n = one.size
    expected = 1 - 6 * ((ranks[0] - ranks[1]) ** 2).sum() / (n * (n**2 - 1))  # Spearman's
    assert rank_correlation(one, other) == pytest.approx(expected)


def test_only_the_order_of_sizes_counts():
    one = np.array([[1.0, -2.0], [3.0, 0.5]])
    assert rank_correlation(one, -(one**3)) == pytest.approx(1)
    assert rank_correlation(one, 1 / one) == pytest.approx(-1)


def test_equal_numbers_share_their_rank():
    # By hand: ranks 1.5, 1.5, 3 and 1, 2, 3 have the correlation √3/2.
    assert rank_correlation(np.array([0, 0, 1.0]), np.array([1, 2, 3.0])) == pytest.approx(
        np.sqrt(3) / 2
    )


def test_a_map_that_is_the_same_everywhere_is_like_none():
    assert rank_correlation(np.ones(4), np.arange(4)) == 0

"""How alike two maps are: the number behind the sanity check."""

import numpy as np


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation of the sizes of two maps' numbers; 0 where one is constant.

    It is what Adebayo et al. 2018, section 4, compare maps with.
    """
    ranks, other_ranks = _ranks(np.abs(one).ravel()), _ranks(np.abs(other).ravel())
    if np.ptp(ranks) == 0 or np.ptp(other_ranks) == 0:
        return 0.0
    return float(np.corrcoef(ranks, other_ranks)[0, 1])


def _ranks(numbers: np.ndarray) -> np.ndarray:
    """The rank of each number; equal ones share the mean of theirs."""
    _, places, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[places]

"""A sum tree: draws from many entries in proportion to their values."""

import numpy as np


def bytes_of_sum_tree(size: int) -> int:
    """What a SumTree of `size` leaves takes of the memory."""
    return 2 * _capacity(size) * np.dtype(np.float64).itemsize


class SumTree:
    """`size` leaves, float64 and at first 0, in a binary tree whose nodes are sums of two children.

    (Schaul et al. 2016, appendix B.2.1.) Values must not be negative. Every sum is computed from
    its children anew, so that the tree depends on its leaves alone and not on what they were.
    """

    def __init__(self, size: int):
        self.size = size
        self._first_leaf = _capacity(size)
        # Node 1 is the root; those below node i are 2i and 2i + 1.
        self._nodes = np.zeros(2 * self._first_leaf)
        self._depth = self._first_leaf.bit_length() - 1

    @property
    def total(self) -> float:
        """The sum of all leaves."""
        return float(self._nodes[1])

    @property
    def leaves(self) -> np.ndarray:
        """All leaves, float64 (size,); not to be changed."""
        return self._nodes[self._first_leaf : self._first_leaf + self.size]

    def get(self, indexes: np.ndarray) -> np.ndarray:
        """The leaves, float64 (n,), of `indexes`, int64 (n,)."""
        return self._nodes[self._first_leaf + indexes]

    def set(self, indexes: np.ndarray, values: np.ndarray) -> None:
        """Set the leaves of `indexes`, int64 (n,), to values, float64 (n,).

        Where an index comes twice, its last value counts.
        """
        nodes = self._first_leaf + indexes
        self._nodes[nodes] = values
        for _ in range(self._depth):
            nodes = nodes >> 1
            left = 2 * nodes
            self._nodes[nodes] = self._nodes[left] + self._nodes[left + 1]

    def set_all(self, values: np.ndarray) -> None:
        """Set all leaves to values, float64 (size,)."""
        self.leaves[:] = values
        start = self._first_leaf
        while start > 1:
            level = self._nodes[start : 2 * start]
            start //= 2
            self._nodes[start : 2 * start] = level[::2] + level[1::2]

    def find(self, values: np.ndarray) -> np.ndarray:
        """The leaves' indexes, int64 (n,), in which the running sum exceeds values, float64 (n,).

        Values are in [0, total). No leaf of 0 is found unless the total is 0.
        """
        nodes = np.ones(len(values), np.int64)
        for _ in range(self._depth):
            left = 2 * nodes
            left_sums = self._nodes[left]
            # A value that rounding has lifted to the total must not end in a leaf of 0.
            goes_right = (values >= left_sums) & (self._nodes[left + 1] > 0)
            values = values - left_sums * goes_right
            nodes = left + goes_right
        return nodes - self._first_leaf


def _capacity(size: int) -> int:
    """The next power of two."""
    return 1 << max(size - 1, 0).bit_length()

"""The sum tree, against NumPy's sums over all leaves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqn.replay.sum_tree import SumTree, bytes_of_sum_tree

# Sums of whole numbers have no rounding, so that they can be compared exactly.
WHOLE = st.lists(st.integers(0, 5), min_size=1, max_size=70)
VALUES = st.floats(0, 1e6)


def make_tree(leaves):
    tree = SumTree(len(leaves))
    tree.set(np.arange(len(leaves)), np.array(leaves, float))
    return tree


@given(WHOLE)
def test_each_value_is_found_where_the_running_sum_exceeds_it(leaves):
    tree = make_tree(leaves)
    assert tree.total == sum(leaves)
    values = np.arange(0, sum(leaves), 0.25)
    expected = np.searchsorted(np.cumsum(leaves), values, side="right")
    assert tree.find(values).tolist() == expected.tolist()


@given(
    leaves=st.lists(VALUES, min_size=1, max_size=40),
    changes=st.lists(st.lists(st.tuples(st.integers(0, 39), VALUES), max_size=9), max_size=9),
)
def test_the_tree_depends_on_its_leaves_alone(leaves, changes):
    tree = make_tree(leaves)
    leaves = list(leaves)
    for change in changes:
        change = [(index % len(leaves), value) for index, value in change]
        for index, value in change:  # the last one counts
            leaves[index] = value
        indexes, values = np.array(change).reshape(-1, 2).T
        tree.set(indexes.astype(int), values)
    other = SumTree(len(leaves))
    other.set_all(np.array(leaves))
    assert tree.leaves.tolist() == other.leaves.tolist() == leaves
    assert tree._nodes.tobytes() == other._nodes.tobytes()
    assert tree.total == pytest.approx(sum(leaves))
    indexes = np.arange(len(leaves))[::-1]
    assert tree.get(indexes).tolist() == leaves[::-1]


@given(st.lists(st.one_of(st.just(0.0), st.floats(1e-300, 1e30)), min_size=1, max_size=70))
def test_no_leaf_of_nothing_is_found_even_beyond_the_total(leaves):
    tree = make_tree(leaves)
    values = np.concatenate((np.linspace(0, tree.total, 50), [np.nextafter(tree.total, np.inf)]))
    if any(leaves):
        assert (tree.get(tree.find(values)) > 0).all()


@pytest.mark.parametrize("size", [0, 1, 2, 3, 64, 65])
def test_the_memory_that_it_takes_is_known_beforehand(size):
    assert SumTree(size)._nodes.nbytes == bytes_of_sum_tree(size)

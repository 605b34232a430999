"""What a transition is worth, against the formulas."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dqn.replay.returns import OneStepReturns

REWARDS = st.floats(-1e6, 1e6, width=32)
TRANSITIONS = arrays.arrays(
    np.dtype([("reward", np.float32), ("terminal", bool)]),
    st.integers(1, 20),
    elements=st.tuples(REWARDS, st.booleans()),
)


@given(TRANSITIONS, st.floats(0, 1), st.floats(-5, 0), st.floats(0, 5))
def test_a_return_is_the_clipped_reward_and_a_terminal_state_has_no_discount(
    transitions, discount_rate, low, high
):
    rewards, terminals = transitions["reward"].copy(), transitions["terminal"]
    returns, discounts = OneStepReturns(discount_rate, low, high)(rewards, terminals)
    assert returns.dtype == discounts.dtype == np.float64
    assert returns.tolist() == [min(max(float(reward), low), high) for reward in rewards]
    assert discounts.tolist() == [0 if terminal else discount_rate for terminal in terminals]
    np.testing.assert_array_equal(rewards, transitions["reward"])  # the memory's: not to change


@given(st.lists(REWARDS, min_size=1))
def test_without_bounds_no_reward_is_clipped(rewards):
    rewards = np.array(rewards, np.float32)
    unclipped = OneStepReturns(min_reward=-np.inf, max_reward=np.inf)
    returns, _ = unclipped(rewards, np.zeros(len(rewards), bool))
    np.testing.assert_array_equal(returns, rewards)


def test_by_default_they_are_those_of_the_paper():
    returns, discounts = OneStepReturns()(
        np.array([-7, -0.5, 0, 1, 200], np.float32), np.array([False, False, True, False, True])
    )
    assert returns.tolist() == [-1, -0.5, 0, 1, 1]
    assert discounts.tolist() == [0.99, 0.99, 0, 0.99, 0]


def test_they_cannot_be_changed_on_the_way():
    with pytest.raises(dataclasses.FrozenInstanceError):
        OneStepReturns().discount_rate = 0.5

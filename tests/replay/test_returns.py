"""What a transition is worth, against the formulas."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dqn.replay.returns import NStepReturns, OneStepReturns

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


@given(
    st.lists(
        st.lists(st.tuples(REWARDS, st.sampled_from(".TC")), min_size=4, max_size=4), min_size=1
    ),
    st.floats(0, 1),
)
def test_several_steps_are_summed_up_to_the_last_one(rows, discount_rate):
    rewards = np.array([[reward for reward, _ in row] for row in rows], np.float32)
    ends = np.array([[end for _, end in row] for row in rows])
    returns, discounts, lengths = NStepReturns(4, discount_rate, -5, 7)(
        rewards, ends == "T", ends != "."
    )
    for row, value, discount, length in zip(rows, returns, discounts, lengths, strict=True):
        kept = next((k for k in range(4) if row[k][1] != "."), 3) + 1
        assert length == kept
        clipped = [min(max(float(np.float32(reward)), -5), 7) for reward, _ in row[:kept]]
        expected = sum(discount_rate**k * reward for k, reward in enumerate(clipped))
        assert value == pytest.approx(expected, rel=1e-12, abs=1e-12)
        is_terminal = row[kept - 1][1] == "T"
        assert discount == pytest.approx(0 if is_terminal else discount_rate**kept, rel=1e-12)

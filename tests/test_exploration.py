"""ε falls linearly and then stays, or exponentially."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqn.exploration import ExponentialDecay, LinearDecay
from dqn.options import agent_flags, parser
from helpers.paths import PROJECT


def test_epsilon_falls_linearly_and_then_stays():
    decay = LinearDecay(start=1, end=0.1, decay_steps=1_000_000)
    assert decay(0) == 1
    assert decay(250_000) == pytest.approx(0.775)
    assert decay(999_999) == pytest.approx(0.1000009)
    assert decay(1_000_000) == decay(50_000_000) == 0.1


def test_no_decay_steps_mean_the_end_value_from_the_start():
    assert LinearDecay(start=1, end=0.2, decay_steps=0)(0) == 0.2


def test_epsilon_falls_exponentially_as_in_the_keras_tutorials():
    decay = ExponentialDecay(start=1, end=0.01, decay_rate=0.00003)
    assert decay(0) == 1
    # Half of the way is left after ln 2 / k = 23,105 steps, a thousandth after ln 1000 / k.
    assert decay(23_105) == pytest.approx(0.01 + 0.99 / 2, rel=1e-4)
    assert decay(230_259) == pytest.approx(0.01 + 0.99 / 1000, rel=1e-4)
    assert decay(100_000) == pytest.approx(0.01 + 0.99 * 2.718281828**-3)
    assert decay(10**12) == 0.01


@given(
    start=st.floats(0, 1),
    end=st.floats(0, 1),
    rate=st.floats(0, 1),
    steps=st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)).map(sorted),
)
def test_an_exponential_epsilon_only_comes_closer_to_its_end(start, end, rate, steps):
    decay = ExponentialDecay(start, end, rate)
    earlier, later = (abs(decay(step) - end) for step in steps)
    assert later <= earlier <= abs(start - end) + 1e-15


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("", 1 - 0.9 * 0.3),
        ("--exploration_decay_steps 600000", 1 - 0.9 * 0.5),
        ("--exploration_schedule exponential", 0.1 + 0.9 * math.exp(-9)),
        (
            "--exploration_schedule Exponential --exploration_decay_rate 1e-5 "
            "--exploration_rate_end 0.02",
            0.02 + 0.98 * math.exp(-3),
        ),
    ],
)
def test_the_flags_choose_the_schedule(flags, expected):
    args = parser.parse(["breakout", *flags.split()], PROJECT)
    assert agent_flags.exploration(args)(300_000) == pytest.approx(expected)

"""ε falls linearly, then stays."""

import pytest

from dqn.exploration import LinearDecay


def test_epsilon_falls_linearly_and_then_stays():
    decay = LinearDecay(start=1, end=0.1, decay_steps=1_000_000)
    assert decay(0) == 1
    assert decay(250_000) == pytest.approx(0.775)
    assert decay(999_999) == pytest.approx(0.1000009)
    assert decay(1_000_000) == decay(50_000_000) == 0.1


def test_no_decay_steps_mean_the_end_value_from_the_start():
    assert LinearDecay(start=1, end=0.2, decay_steps=0)(0) == 0.2

"""Numbers as a person reads them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqn.machine.wording import counted, duration, size

SECONDS = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}


def test_one_is_singular():
    assert [counted(number, "step") for number in (0, 1, 2)] == ["0 steps", "1 step", "2 steps"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (0.6, "1 second"),
        (59.7, "1 minute"),
        (61, "1 minute 1 second"),
        (3599, "59 minutes 59 seconds"),
        (7260, "2 hours 1 minute"),
        (86399, "1 day"),
        (3 * 86400 + 4 * 3600 + 1700, "3 days 4 hours"),
        (400 * 86400, "400 days"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds, text):
    assert duration(seconds) == text


@given(st.floats(0, 1e9))
def test_a_duration_is_right_to_half_its_smaller_unit(seconds):
    parts = re.findall(r"(\d+) (day|hour|minute|second)s?", duration(seconds))
    assert 1 <= len(parts) <= 2
    read = sum(int(number) * SECONDS[unit] for number, unit in parts)
    smaller = 60 if seconds >= 3600 else 1
    smaller = 3600 if seconds >= 86400 else smaller
    assert abs(read - seconds) <= smaller / 2 + 0.5


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (18e6, "17.2 MiB"), (8.3 * 2**30, "8.3 GiB")],
)
def test_a_size_has_its_largest_unit(num_bytes, text):
    assert size(num_bytes) == text


@given(st.integers(0, 10**15))
def test_a_size_is_right_to_three_digits(num_bytes):
    number, unit = size(num_bytes).split()
    power = ["bytes", "KiB", "MiB", "GiB", "TiB"].index(unit)
    assert float(number) < 1000
    assert abs(float(number) * 1024**power - num_bytes) <= 0.051 * 1024**power

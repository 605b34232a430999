"""When frames are due and which of them are shown, by a clock that the test turns."""

import pytest

from dqn.player.pace import MAX_DELAY, SPEEDS, Pace


class Clock:
    time = 5.0

    def __call__(self):
        return self.time


def play(pace, clock, frames, work=0.001):
    """Wait for each frame as a player does; returns how many were shown."""
    shown = 0
    for _ in range(frames):
        pace.next_frame()
        clock.time += max(pace.seconds_left, 0)
        shown += pace.shows_frame()
        clock.time += work
    return shown


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    return Pace(60, clock)


def test_at_speed_1_each_of_60_frames_a_second_is_shown(pace, clock):
    assert play(pace, clock, 600) == 600
    assert clock.time == pytest.approx(5 + 600 / 60, abs=0.002)


@pytest.mark.parametrize("presses", range(-5, 6))
def test_each_press_halves_or_doubles_the_speed_within_its_range(pace, clock, presses):
    for _ in range(abs(presses)):
        pace.slower() if presses < 0 else pace.faster()
    assert pace.speed == min(max(2.0**presses, SPEEDS[0]), SPEEDS[-1])
    shown = play(pace, clock, 480)
    seconds = 480 / 60 / pace.speed
    assert clock.time == pytest.approx(5 + seconds, abs=0.002)
    assert shown == pytest.approx(min(480, 60 * seconds), abs=1)


def test_a_short_delay_is_made_up_for(pace, clock):
    play(pace, clock, 60)
    clock.time += 0.05
    play(pace, clock, 60)
    assert clock.time == pytest.approx(5 + 2, abs=0.002)


def test_a_long_delay_is_not_made_up_for(pace, clock):
    play(pace, clock, 60)
    clock.time += 10
    play(pace, clock, 60)
    assert clock.time == pytest.approx(5 + 12, abs=MAX_DELAY)


def test_after_a_pause_the_frames_do_not_hurry(pace, clock):
    play(pace, clock, 60)
    clock.time += 0.09
    pace.restart()
    play(pace, clock, 60)
    assert clock.time == pytest.approx(5 + 2.09, abs=0.002)


def test_a_game_that_is_too_slow_still_shows_some_pictures(pace, clock):
    shown = play(pace, clock, 200, work=0.03)
    assert 200 * 0.03 / MAX_DELAY * 0.7 < shown < 100

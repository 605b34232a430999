"""Signals and the time limit."""

import os
import signal
import time

import pytest

from dqn.machine.interruption import SIGNALS, TIME_IS_UP, Interruption


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_noted_and_its_handler_comes_back(number):
    handler = signal.getsignal(number)
    with Interruption(None, 0) as interruption:
        assert interruption.status is None
        os.kill(os.getpid(), number)
        assert interruption.status == 128 + number
    assert signal.getsignal(number) is handler


def test_a_second_ctrl_c_stops_at_once():
    with Interruption(None, 0) as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.status == 130
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_second_term_does_not_break_the_checkpoint_that_the_first_one_asked_for():
    with Interruption(None, 0) as interruption:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.status == 143


def test_the_time_limit_counts_from_the_start():
    now = time.monotonic()
    assert Interruption(100, now).status is None
    assert Interruption(100, now - 101).status == TIME_IS_UP


def test_what_nohup_ignores_stays_ignored():
    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption(None, 0) as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            assert interruption.status is None
    finally:
        signal.signal(signal.SIGHUP, handler)

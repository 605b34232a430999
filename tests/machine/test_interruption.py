"""Signals and the time limit."""

import os
import signal
import time

import pytest

from dqn.machine.interruption import SIGNALS, TIME_IS_UP, Interruption, uninterrupted


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


def test_ctrl_c_waits_for_the_end_of_what_must_not_be_interrupted():
    done = []

    @uninterrupted()
    def work():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with uninterrupted():
        pass


def test_a_run_notes_ctrl_c_also_where_it_would_wait():
    with Interruption(None, 0) as interruption, uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.status == 130


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

"""An error at the start is the only line; what began to run logs all that it did."""

import contextlib
import io
import logging

import pytest

import main
from dqn.errors import UserError
from dqn.machine import start_log


@contextlib.contextmanager
def standard_error():
    """A standard error of its own, to which the log goes."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    with contextlib.redirect_stderr(io.StringIO()) as output:
        root.handlers = [logging.StreamHandler()]
        root.setLevel(logging.INFO)
        try:
            yield output
        finally:
            root.handlers = handlers
            root.setLevel(level)


def test_lines_are_shown_once_the_run_begins_and_in_their_order():
    with standard_error() as output:
        with start_log.held_back():
            logging.info("one")
            assert output.getvalue() == ""
            start_log.release()
            logging.info("two")
        logging.info("three")
    assert output.getvalue() == "one\ntwo\nthree\n"


def test_a_block_that_releases_nothing_shows_all_at_its_end():
    with standard_error() as output, start_log.held_back():
        logging.info("one")
    assert output.getvalue() == "one\n"


def log_and_raise(error):
    with start_log.held_back():
        logging.info("Using random seed 1")
        logging.warning("moved something aside")
        raise error


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (UserError("no ROM"), "moved something aside\n"),
        (PermissionError(13, "Permission denied"), "moved something aside\n"),
        (ZeroDivisionError(), "Using random seed 1\nmoved something aside\n"),  # a bug
    ],
)
def test_an_error_of_the_user_shows_warnings_alone(error, shown):
    with standard_error() as output, contextlib.suppress(type(error)):
        log_and_raise(error)
    assert output.getvalue() == shown


@pytest.mark.parametrize(
    "arguments",
    [
        ["no_such_game"],
        ["pong", "--load_weights", "missing.pkl"],
        ["pong", "--csv_file", "file/x.csv"],
        ["pong", "--save_weights_prefix", "file/x"],
        ["pong", "--replay_file", "file"],
        ["pong", "--actors", "1000"],
        ["pong", "--backend", "mkl"],
        ["pong", "--play_games", "1", "--video_file", "file/x.mov"],
    ],
)
def test_what_can_be_known_at_the_start_is_one_line(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    small = ["--replay_size", "500", "--random_steps", "60", "--epochs", "1", "--backend", "cpu"]
    with standard_error() as output:
        assert main.main([*small, *arguments]) == 2
    assert output.getvalue().startswith("error: ")
    assert output.getvalue().count("\n") == 1

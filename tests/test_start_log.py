"""An error at the start is the only line; what began to run logs all that it did."""

import io
import logging

import pytest

import main
from dqn import start_log
from dqn.errors import UserError


@pytest.fixture
def log():
    """What the log shows on a terminal of its own."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    output = io.StringIO()
    root.handlers = [logging.StreamHandler(output)]
    root.setLevel(logging.INFO)
    yield output
    root.handlers = handlers
    root.setLevel(level)


def test_lines_are_shown_once_the_run_begins_and_in_their_order(log):
    with start_log.held_back():
        logging.info("one")
        assert log.getvalue() == ""
        start_log.release()
        logging.info("two")
    logging.info("three")
    assert log.getvalue() == "one\ntwo\nthree\n"


def test_a_block_that_releases_nothing_shows_all_at_its_end(log):
    with start_log.held_back():
        logging.info("one")
    assert log.getvalue() == "one\n"


@pytest.mark.parametrize("error", [UserError("no ROM"), PermissionError(13, "Permission denied")])
def test_an_error_of_the_user_shows_warnings_alone(log, error):
    with pytest.raises(type(error)):
        log_and_raise(error)
    assert log.getvalue() == "moved something aside\n"


def test_an_error_of_the_program_shows_what_came_before(log):
    with pytest.raises(ZeroDivisionError):
        log_and_raise(ZeroDivisionError())
    assert log.getvalue() == "Using random seed 1\nmoved something aside\n"


def log_and_raise(error):
    with start_log.held_back():
        logging.info("Using random seed 1")
        logging.warning("moved something aside")
        raise error


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
def test_what_can_be_known_at_the_start_is_one_line(arguments, log, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    small = ["--replay_size", "500", "--random_steps", "60", "--epochs", "1", "--backend", "cpu"]
    assert main.main([*small, *arguments]) == 2
    assert log.getvalue() == ""
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1

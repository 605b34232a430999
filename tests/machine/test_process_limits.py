"""A limit of memory that the program cannot start in is named in one line."""

import resource
import subprocess
import sys

import pytest

import main
from dqn.errors import UserError
from dqn.machine import process_limits

PROGRAM = main.PROJECT / "src" / "main.py"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not enforce these limits")
@pytest.mark.parametrize(
    ("flag", "megabytes"), [("-v", 60), ("-v", 200), ("-v", 800), ("-d", 100), ("-d", 400)]
)
def test_too_little_memory_to_start_takes_one_line(flag, megabytes):
    limited = f"ulimit {flag} {megabytes * 1024} && exec '{sys.executable}' '{PROGRAM}' pong"
    result = subprocess.run(["bash", "-c", limited], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(
        f"error: ulimit {flag} allows this process {megabytes / 1024:.2f}"
    )
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("limit", [resource.RLIM_INFINITY, 2**40])
def test_a_limit_that_is_high_enough_is_none(limit, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    process_limits.check_process_limits()


def test_the_libraries_of_pytorch_count(monkeypatch):
    limit = 8 * 2**30
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    monkeypatch.setattr(process_limits, "_bytes_of_libraries", lambda: limit)
    with pytest.raises(UserError, match=r"at least 8\.70 GiB"):
        process_limits.check_process_limits()

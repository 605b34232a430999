"""What a user gets where a stream fails, Ctrl-C comes early or Python lacks the packages."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dqn.errors import UserError
from dqn.machine import console
from helpers.paths import PROJECT

SRC = PROJECT / "src"
RESULT = "games: 2, mean: 1.00 ± 0.50"
PROGRAM = f"""
import sys
sys.path.insert(0, {str(SRC)!r})
from dqn.machine import console
with console.starting(__name__):
    import logging
    from dqn.errors import UserError

def main(arguments):
    logging.basicConfig(level="INFO", format="%(message)s")
    logging.info("ε is 0.1")
    with open(arguments[0], "w") as file:
        file.write(f"{{file.fileno()}}")
    try:
        console.print_results({RESULT!r})
    except UserError as error:
        print(f"error: {{error}}", file=sys.stderr)
        return 2
    return 0

if __name__ == "__main__":
    console.run(main)
"""


@pytest.fixture
def shell(tmp_path):
    """Runs the program in bash, whose redirections follow; returns status, output and errors."""
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")

    def shell(redirections, **variables):
        program = f"{shlex.quote(sys.executable)} program.py file"
        done = subprocess.run(
            ["bash", "-c", f"{program} {redirections}; exit ${{PIPESTATUS[0]}}"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONUTF8": "0", **variables},
            capture_output=True,
        )
        assert int((tmp_path / "file").read_text()) > 2  # it took the place of no stream
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return shell


def test_the_result_goes_to_standard_output_and_the_log_to_standard_error(shell):
    assert shell("", PYTHONIOENCODING="utf-8") == (0, f"{RESULT}\n", "ε is 0.1\n")


@pytest.mark.parametrize(
    ("encoding", "output", "errors"),
    [
        ("ascii", r"games: 2, mean: 1.00 \xb1 0.50", r"\u03b5 is 0.1"),
        ("ascii:strict", r"games: 2, mean: 1.00 \xb1 0.50", r"\u03b5 is 0.1"),
        ("cp1253", r"games: 2, mean: 1.00 ± 0.50", r"ε is 0.1"),
        ("cp437", RESULT, "ε is 0.1"),
        ("koi8-r", r"games: 2, mean: 1.00 \xb1 0.50", r"\u03b5 is 0.1"),
    ],
)
def test_no_encoding_loses_the_result(tmp_path, shell, encoding, output, errors):
    codec = encoding.partition(":")[0]
    status, *_ = shell(">output 2>errors", PYTHONIOENCODING=encoding)
    assert status == 0
    assert (tmp_path / "output").read_text(codec) == f"{output}\n"
    assert (tmp_path / "errors").read_text(codec) == f"{errors}\n"


@pytest.mark.parametrize(
    ("redirections", "reason"),
    [
        (">&-", "Bad file descriptor"),
        (">/dev/full", "No space left on device"),
        ("> >(exec true)", "Broken pipe"),
        ("<&- >&-", "Bad file descriptor"),
    ],
)
def test_a_result_that_cannot_be_printed_is_said_on_standard_error(shell, redirections, reason):
    for _ in range(20):  # until the pipe was closed soon enough
        status, output, errors = shell(redirections)
        if status:
            break
    assert (status, output) == (2, "")
    assert errors.splitlines() == [
        "ε is 0.1",
        f"error: cannot write to standard output ({reason}): {RESULT}",
    ]


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "2> >(exec true)", "<&- 2>&-"])
def test_standard_error_may_fail(shell, redirection):
    assert shell(redirection) == (0, f"{RESULT}\n", "")


def test_without_any_stream_the_exit_status_tells(shell):
    assert shell("<&- >&- 2>&-") == (2, "", "")


def test_a_stream_that_another_program_made_non_blocking_loses_nothing():
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    program = (
        f"import sys; sys.path.insert(0, {str(SRC)!r})\n"
        "from dqn.machine import console\n"
        "with console.starting(__name__): pass\n"
        "for i in range(30_000): print(i, file=sys.stderr)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stderr=theirs)
    os.close(theirs)
    with open(ours) as file:
        assert file.read().split() == [str(i) for i in range(30_000)]
    assert process.wait() == 0


def test_results_are_one_error_if_they_cannot_be_printed(monkeypatch):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", console._make_unbreakable(full, full.fileno()))
        with pytest.raises(UserError, match=r"\(No space left on device\): one; two$"):
            console.print_results("one", "two")


PROGRAMS = ("main.py", "plot.py", "convert.py")


@pytest.mark.parametrize(
    ("program", "redirection", "status"),
    [
        *[(program, ">/dev/full", 2) for program in PROGRAMS],
        ("main.py", ">&-", 2),
        ("plot.py", "> >(exec true)", (0, 141)),
        ("convert.py", "2>&-", 0),
    ],
)
def test_help_needs_no_stream(program, redirection, status):
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(SRC / program))} --help"
    done = subprocess.run(["bash", "-c", f"{command} {redirection}"], capture_output=True)
    assert done.returncode in (status if isinstance(status, tuple) else (status,))
    assert done.stderr.decode().count("\n") == (done.returncode == 2)


@pytest.mark.parametrize(
    ("program", "arguments", "package", "script"),
    [
        ("main.py", ["--help"], "numpy", "train.sh"),
        ("convert.py", ["--help"], "numpy", "convert.sh"),
        ("plot.py", ["tests/data/simple_dqn_breakout.csv"], "matplotlib", "plot.sh"),
    ],
)
@pytest.mark.parametrize("folder", [PROJECT, SRC, Path("/")])
def test_a_python_without_the_packages_says_what_to_use(
    program, arguments, package, script, folder
):
    paths = [os.path.relpath(SRC / program, folder), str(SRC / program)]
    arguments = [str(PROJECT / each) if "/" in each else each for each in arguments]
    output = [] if program != "plot.py" else ["--output", "/tmp/never_written.png"]
    for path in paths:
        done = subprocess.run(
            [sys.executable, "-S", path, *arguments, *output],  # no site-packages
            capture_output=True,
            text=True,
            cwd=folder,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"error: this Python ({sys.executable}) has no {package}: use ")
        typed = line.partition(": use ")[2]
        named = shlex.split(typed)[0].rstrip(",")
        assert (folder / named).resolve() == PROJECT / script
        assert typed.endswith(f"{SRC.relative_to(folder) / program}")


def test_a_package_that_is_there_and_cannot_be_imported_is_named(tmp_path):
    (tmp_path / "numpy.py").write_text(
        "raise ImportError('libGone.so: cannot open\\nmore', name='numpy')"
    )
    done = subprocess.run(
        [sys.executable, SRC / "main.py", "--help"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "cannot import numpy (libGone.so: cannot open): use " in line


# Ctrl-C


@pytest.mark.parametrize("program", PROGRAMS)
def test_ctrl_c_while_packages_are_imported_takes_one_line(program, tmp_path):
    """Even if the package turns the exception into another one, as compiled ones do."""
    name = {"main.py": "ale_py", "plot.py": "matplotlib", "convert.py": "numpy"}[program]
    (tmp_path / f"{name}.py").write_text(
        "import pathlib, time\n"
        f"pathlib.Path({str(tmp_path / 'importing')!r}).touch()\n"
        "try:\n"
        f"    while not pathlib.Path({str(tmp_path / 'interrupted')!r}).exists():\n"
        "        time.sleep(0.01)\n"
        "except KeyboardInterrupt:\n"
        + ("    raise\n" if name == "matplotlib" else "    raise ImportError('half imported')\n")
    )
    arguments = {"plot.py": [str(PROJECT / "tests/data/simple_dqn_breakout.csv")]}
    process = subprocess.Popen(
        [sys.executable, SRC / program, *arguments.get(program, ["a", "b"])],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "importing").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    (tmp_path / "interrupted").touch()
    assert process.communicate()[1] == "error: interrupted\n"
    assert process.returncode == 130


def test_ctrl_c_that_is_ignored_stays_ignored(tmp_path):
    program = (
        f"import os, signal, sys; sys.path.insert(0, {str(SRC)!r})\n"
        "from dqn.machine import console\n"
        "with console.starting(__name__): os.kill(os.getpid(), signal.SIGINT)\n"
        "console.run(lambda _: os.kill(os.getpid(), signal.SIGINT) or 7)\n"
    )
    command = ["bash", "-c", 'trap "" INT; exec "$@"', "bash", sys.executable, "-c", program]
    assert subprocess.run(command).returncode == 7


# Paths and commands as they are typed


def test_paths_are_named_as_they_are_typed_in_the_current_folder(monkeypatch, tmp_path):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    assert console.as_typed(folder / "c.pkl") == "c.pkl"
    assert console.as_typed(Path("c d.pkl")) == "'c d.pkl'"
    assert console.as_typed(tmp_path / "c.pkl") == "../../c.pkl"
    assert console.as_typed(Path("/c.pkl")) == "/c.pkl"
    folder.rmdir()
    assert console.as_typed("c d.pkl") == "'c d.pkl'"
    assert console.as_typed(tmp_path / "c.pkl") == str(tmp_path / "c.pkl")


@pytest.mark.parametrize(
    ("folder", "typed"), [(PROJECT, "./plot.sh"), (SRC, "../plot.sh"), ("/", f"{PROJECT}/plot.sh")]
)
def test_scripts_are_named_as_they_are_typed(monkeypatch, folder, typed):
    monkeypatch.chdir(folder)
    # From the root folder, the path without its first / is shorter, and as good.
    assert console.command("plot.sh") in (typed, typed[1:])

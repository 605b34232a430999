"""Runs of src/main.py that skip the seconds in which a new process imports its packages.

One process of each worker of the tests imports them once, and every run is a fork of it. Where the
start itself is tested, or a script, a process is started as a user does.
"""

import contextlib
import fcntl
import functools
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.util
import os
import resource
import runpy
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from helpers.paths import MAIN, PROJECT

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        *("dqn.assembly.assemble", "dqn.networks.torch_engine.network", "helpers.forked"),
        "torch.fx.experimental.symbolic_shapes",  # the first update of a network imports it
    ]
)


class Program:
    """A run of src/main.py, with what the tests use of subprocess.Popen.

    The streams are names of files; what is written to one without a name, `communicate` returns.
    `prepare` is called in the new process, whose session is its own if `start_new_session`.
    """

    def __init__(
        self,
        arguments: Sequence[object],
        *,
        stdin: str | Path = os.devnull,
        stdout: str | Path | None = None,
        stderr: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        start_new_session: bool = False,
        prepare: Callable[[], object] | None = None,
    ):
        _start_server()
        self._outputs = [stdout or _temporary_file(), stderr or _temporary_file()]
        for output in filter(None, (stdout, stderr)):
            Path(output).touch()  # at once, as a shell does
        self._process = _context.Process(
            target=_run,
            args=(
                list(map(str, arguments)),
                [stdin, *map(_name, self._outputs)],
                dict(os.environ if env is None else env),
                cwd or Path.cwd(),
                start_new_session,
                prepare,
            ),
        )
        self._process.start()
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, the negative number of a signal, or None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(str(MAIN), timeout)
        return self.returncode

    def communicate(self) -> tuple[str | None, str | None]:
        """Wait for the end; returns what was written to the streams without names."""
        self.wait()
        files = (output for output in self._outputs if not isinstance(output, str | Path))
        texts = {file.name: Path(file.name).read_text() for file in files}
        output, errors = (texts.get(_name(output)) for output in self._outputs)
        return output, errors

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def run_main(arguments: Sequence[object], log: Path, **options) -> int:
    """Run it to its end, with standard error in `log`; returns its exit status."""
    log.unlink(missing_ok=True)
    return Program(arguments, stdout=os.devnull, stderr=log, **options).wait()


def take_terminal() -> None:
    """Make standard input the terminal of the process, which leaves no core files."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@functools.cache
def _start_server() -> None:
    """Start the process that is forked, with a path on which it finds what it is to import.

    (Up to Python 3.13, it is told the path and does not use it.)
    """
    multiprocessing.util.Finalize(None, _kill_what_runs, exitpriority=0)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(MAIN.parent), str(PROJECT / "tests")])
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _kill_what_runs() -> None:
    """End what a test that failed has left, before it is waited for."""
    for process in multiprocessing.active_children():
        process.kill()


def _temporary_file():
    return tempfile.NamedTemporaryFile()


def _name(output) -> str | Path:
    return output if isinstance(output, str | Path) else output.name


def _run(
    arguments: list[str],
    streams: list[str | Path],
    environment: dict[str, str],
    folder: Path,
    start_new_session: bool,
    prepare: Callable[[], object] | None,
) -> None:
    if start_new_session:
        os.setsid()
    for descriptor, name in enumerate(streams):
        opened = os.open(name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        if opened != descriptor:
            os.dup2(opened, descriptor)
            os.close(opened)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    if prepare:
        prepare()
    sys.argv = [str(MAIN), *arguments]
    runpy.run_path(str(MAIN), run_name="__main__")

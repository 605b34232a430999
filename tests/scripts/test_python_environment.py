"""How the scripts come by a Python with everything in it: .venv, or the user's own environment."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import packaging
import psutil
import pytest

from helpers.stand_in import Project, assert_one_line_error, finish, write_program

SETTING_UP = "Setting up the Python environment"
WAITING = "Waiting for another start"
HERE = f"3.{sys.version_info.minor}"


class SilentIndex:
    """A package index that takes requests and never answers, so that a pip stays where it is."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(30)
        port = self._server.getsockname()[1]
        url = f"http://127.0.0.1:{port}/simple"
        self.env = {
            "PIP_INDEX_URL": url,
            "PIP_NO_INDEX": "",
            "PIP_FIND_LINKS": "",
            "PIP_RETRIES": "0",
        }

    def wait_for_pip(self) -> None:
        self._connection, _ = self._server.accept()

    def close(self) -> None:
        """Let pip go, without the package."""
        self._server.close()
        if hasattr(self, "_connection"):
            self._connection.close()


@pytest.fixture
def silent_index() -> Iterator[SilentIndex]:
    index = SilentIndex()
    yield index
    index.close()


@pytest.fixture(scope="module")
def empty_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of the user's; `packaging` is there, as it is wherever matplotlib is."""
    folder = tmp_path_factory.mktemp("environments") / "empty"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    shutil.copytree(Path(packaging.__file__).parent, site_packages(folder) / "packaging")
    return folder


@pytest.fixture
def own_environment(tmp_path: Path, empty_environment: Path) -> Path:
    """A copy of it, which may change."""
    return Path(shutil.copytree(empty_environment, tmp_path / "my environment", symlinks=True))


def site_packages(environment: Path) -> Path:
    return next(environment.glob("lib/python3.*/site-packages"))


def add_package(environment: Path, name: str, version: str) -> None:
    info = site_packages(environment) / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def snapshot(folder: Path) -> dict[Path, float]:
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


def train(project: Project, **env: str):
    return project.run("train.sh", "pong.bin", **env)


# --- .venv --------------------------------------------------------------------------------------


def test_the_first_start_makes_the_environment_and_says_so(first_starts):
    project, result, _ = first_starts
    assert result.report["prefix"] == str(project.venv)
    assert result.report["tiny"] == "1.0"
    assert result.stderr.startswith(SETTING_UP)
    assert "once" in result.stderr.splitlines()[0]


def test_later_starts_say_nothing_and_touch_nothing(ready_project):
    before = snapshot(ready_project.venv)
    result = train(ready_project)
    assert result.report["prefix"] == str(ready_project.venv)
    assert result.stderr == ""
    assert snapshot(ready_project.venv) == before


def test_two_first_starts_at_once_make_one_environment(first_starts):
    _, first, second = first_starts
    assert first.report["prefix"] == second.report["prefix"]
    assert second.report["tiny"] == "1.0"
    assert second.stderr.startswith(WAITING)
    assert SETTING_UP not in second.stderr


def test_a_first_start_that_fails_or_is_killed_is_not_taken_for_good(
    new_project,
):
    new_project.require("no-such-package\n")
    result = train(new_project)
    assert result.returncode == 2
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    assert last.startswith("error: pip could not install")
    assert "start again" in last
    assert not new_project.has_started()

    new_project.require("tiny>=1,<2\n")
    kill_while_setting_up(new_project)
    debris = new_project.venv / "debris"
    debris.touch()
    result = train(new_project)
    assert SETTING_UP in result.stderr
    assert result.report["tiny"] == "1.0"
    assert not debris.exists()
    assert train(new_project).stderr == ""


def kill_while_setting_up(project: Project, **env: str) -> None:
    """Start, and kill everything as soon as .venv is being made (anew); fails if it is not."""
    configuration = project.venv / "pyvenv.cfg"
    before = modification_time(configuration)
    process = project.start("train.sh", "pong.bin", **env)
    assert process.stderr.readline().startswith(SETTING_UP)
    wait_for(lambda: modification_time(configuration) not in (None, before))
    os.killpg(process.pid, signal.SIGKILL)
    finish(process)


def modification_time(file: Path) -> int | None:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_pip_that_outlives_its_killed_parents_is_waited_for(ready_project, silent_index):
    ready_project.require("tiny>=2\n")
    process = ready_project.start("train.sh", "pong.bin", **silent_index.env)
    silent_index.wait_for_pip()
    shell = psutil.Process(process.pid)
    for parent in [shell, *shell.children()]:  # environment.py; its child is pip
        parent.kill()

    second = ready_project.start("train.sh", "pong.bin")
    assert second.stderr.readline().startswith(WAITING)
    assert not is_readable(second.stderr)
    silent_index.close()  # the first pip gives up
    assert second.stderr.readline().startswith(SETTING_UP)
    os.killpg(second.pid, signal.SIGKILL)
    finish(second)


def is_readable(pipe: IO, seconds: float = 0.5) -> bool:
    return bool(select.select([pipe], [], [], seconds)[0])


def test_changed_requirements_are_installed_into_the_environment_there_is(ready_project):
    witness = ready_project.venv / "witness"
    witness.touch()
    ready_project.require("tiny>=2\n")
    result = train(ready_project)
    assert result.report["tiny"] == "2.0"
    assert result.stderr.startswith("Installing what requirements.txt asks for")
    assert witness.exists()
    assert train(ready_project).stderr == ""


def test_an_environment_whose_python_is_gone_is_made_anew(ready_project):
    python = ready_project.venv / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    kill_while_setting_up(ready_project)


def test_a_broken_environment_is_made_anew_even_while_it_is_active(ready_project):
    (ready_project.venv / "unfinished").touch()
    kill_while_setting_up(ready_project, **activate(ready_project))


def test_an_environment_whose_python_became_another_is_made_anew(ready_project):
    pretend_older_python(ready_project.venv, "3.9.1")
    packages = site_packages(ready_project.venv).parent
    packages.rename(packages.with_name("python3.9"))
    kill_while_setting_up(ready_project)


def test_an_environment_whose_python_was_patched_is_kept(ready_project):
    pretend_older_python(ready_project.venv, "3.10.0rc1")
    result = train(ready_project)
    assert result.report["tiny"] == "1.0"
    assert SETTING_UP not in result.stderr
    assert train(ready_project).stderr == ""


def pretend_older_python(environment: Path, version: str) -> None:
    """Let the note of what is installed say that it was done with another Python."""
    note = environment / "requirements.txt"
    _, requirements = note.read_text().split("\n", 1)
    note.write_text(f"# Python {version}\n{requirements}")


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_without_network_a_working_environment_goes_on_working(ready_project, file):
    path = ready_project.root / file
    text = path.read_text()
    path.write_text("no-such-package\n")
    result = ready_project.run("run_tests.sh")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith("error: pip could not install")

    path.write_text(text)
    result = train(ready_project)
    assert result.stderr == ""
    assert result.report["prefix"] == str(ready_project.venv)


def test_a_folder_that_cannot_be_written_is_one_line(new_project):
    new_project.venv.write_text("a file where the folder should be")
    assert_one_line_error(train(new_project), "cannot use", ".venv")


def test_an_environment_that_the_user_made_there_is_never_touched(new_project, own_environment):
    own_environment.rename(new_project.venv)
    before = snapshot(new_project.venv)
    result = train(new_project)
    assert result.returncode == 2
    assert "lacks tiny>=1,<2" in result.stderr
    assert "was not made by these scripts" in result.stderr.splitlines()[-1]
    assert snapshot(new_project.venv) == before


def test_an_environment_that_the_user_made_there_is_taken_if_complete(new_project, own_environment):
    add_package(own_environment, "tiny", "1.5")
    own_environment.rename(new_project.venv)
    result = train(new_project)
    assert result.report["tiny"] == "1.5"
    assert result.stderr == ""


# --- the user's own environment -------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX", "PYTHON"])
def test_an_active_environment_that_has_everything_is_taken(new_project, own_environment, variable):
    add_package(own_environment, "tiny", "1.5")
    value = own_environment / "bin" / "python" if variable == "PYTHON" else own_environment
    result = train(new_project, **{variable: str(value)})
    assert result.report["prefix"] == str(own_environment)
    assert result.stderr == ""
    assert not new_project.venv.exists()


@pytest.mark.parametrize("version", [None, "0.9", "2.0"])
def test_an_active_environment_that_lacks_something_is_left_alone(
    ready_project, own_environment, version
):
    if version:
        add_package(own_environment, "tiny", version)
    before = snapshot(own_environment)
    result = train(ready_project, VIRTUAL_ENV=str(own_environment))
    assert result.report["prefix"] == str(ready_project.venv)
    assert (
        result.stderr == f"{own_environment} lacks tiny>=1,<2: using {ready_project.venv} instead\n"
    )
    assert snapshot(own_environment) == before


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_without_standard_error_the_environment_is_found_all_the_same(
    ready_project, own_environment, redirection
):
    done = subprocess.run(
        ["bash", "-c", f"./train.sh pong.bin {redirection}"],
        cwd=ready_project.root,
        env=ready_project.env | {"VIRTUAL_ENV": str(own_environment)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["prefix"] == str(ready_project.venv)


@pytest.mark.parametrize("version", ["4.10.0.84", "4.9"])
def test_opencv_with_windows_serves_as_well_as_without(ready_project, own_environment, version):
    ready_project.require("tiny>=1,<2\nopencv-python-headless>=4.10,<6  # screens\n")
    shutil.copy(ready_project.root / "requirements.txt", ready_project.venv)
    add_package(own_environment, "tiny", "1.0")
    add_package(own_environment, "opencv-python", version)
    result = train(ready_project, VIRTUAL_ENV=str(own_environment), PIP_FIND_LINKS="")
    assert (result.returncode == 0) == (version == "4.10.0.84")


def test_the_environment_may_be_active_itself(ready_project):
    assert train(ready_project, **activate(ready_project)).stderr == ""


def activate(project: Project) -> dict[str, str]:
    path = f"{project.venv}/bin:{project.env['PATH']}"
    return {"VIRTUAL_ENV": str(project.venv), "PATH": path}


def test_a_python_that_the_user_names_and_that_does_not_run_is_an_error(ready_project):
    result = train(ready_project, PYTHON="/nowhere/python3")
    assert_one_line_error(result, "PYTHON=/nowhere/python3")


def test_without_any_python_the_error_says_what_to_install(new_project, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "dirname", "env"):
        (programs / name).symlink_to(shutil.which(name))
    write_program(programs / "python3", "#!/bin/sh\necho 'Python 2.7.18' >&2\nexit 1\n")
    assert_one_line_error(train(new_project, PATH=str(programs)), "Python 3.10 to 3.13", "install")


# --- run_tests.sh ---------------------------------------------------------------------------------


def test_run_tests_checks_style_and_types_and_then_runs_pytest(first_tests):
    project, result = first_tests
    assert result.stdout.splitlines() == [
        "ruff check",
        "ruff format --check",
        "mypy",
        "pytest -n auto --dist worksteal -k two words",
    ]
    assert "Installing what requirements-dev.txt asks for" in result.stderr
    again = project.run("run_tests.sh", "--all-pythons")
    assert "Installing" not in again.stderr
    for version in {"3.10", "3.13"} - {HERE}:
        assert f"Python {version} is not installed: no test was run on it" in again.stderr
    assert train(project).stderr == ""


def test_run_tests_fails_with_each_of_its_checks(first_tests):
    project, _ = first_tests
    result = project.run("run_tests.sh", FAIL="ruff")
    assert (result.returncode, result.stdout) == (1, "ruff check\n")
    result = project.run("run_tests.sh", FAIL="mypy")
    assert (result.returncode, result.stdout.splitlines()[-1]) == (1, "mypy")
    assert project.run("run_tests.sh", FAIL="pytest").returncode == 1


def test_run_tests_can_install_system_packages_and_says_what_was_tested(first_tests):
    project, _ = first_tests
    result = project.run("run_tests.sh", "--system", "-q")
    first, *_, last = result.stderr.splitlines()
    assert first.startswith("System packages: ")
    assert last.startswith(f"This was Python {HERE} alone")
    assert result.stdout.splitlines()[-1] == "pytest -n auto --dist worksteal -q"


def test_where_system_packages_cannot_be_installed_no_test_is_run(first_tests, tmp_path):
    project, _ = first_tests
    write_program(tmp_path / "dpkg-query", "#!/bin/sh\nexit 1\n")
    write_program(tmp_path / "apt-get", "#!/bin/sh\nsleep 1\nexit 1\n")
    write_program(tmp_path / "sudo", '#!/bin/sh\nexec "$@"\n')
    path = f"{tmp_path}:{project.env['PATH']}"
    result = project.run("run_tests.sh", "--system", PATH=path)
    assert result.returncode == 2
    assert "error: apt-get could not install: slurmctld" in result.stderr
    assert result.stdout.splitlines()[-1] == "mypy"
    both = project.run("run_tests.sh", "--system", PATH=path, FAIL="ruff")
    assert (both.returncode, both.stdout) == (1, "ruff check\n")
    assert "error: apt-get could not install" in both.stderr  # which was waited for


def test_run_tests_can_test_on_another_python(first_tests, tmp_path):
    project, _ = first_tests
    other = "3.13" if HERE != "3.13" else "3.10"
    programs = tmp_path / "programs"
    programs.mkdir()
    base = Path(sys.base_prefix, "bin", f"python{HERE}")
    venv = f'[ "$1 $2" != "-m venv" ] || exec cp -a "{project.venv}" "$3"'  # sooner done
    write_program(programs / f"python{other}", f'#!/bin/sh\n{venv}\nexec "{base}" "$@"\n')
    path = f"{programs}:{project.env['PATH']}"
    result = project.run("run_tests.sh", "--all-pythons", "-x", PATH=path)
    assert result.stdout.splitlines()[-2:] == ["pytest -n auto --dist worksteal -x"] * 2
    assert (project.root / f".venv-{other}" / "bin" / "python").exists()
    assert project.run("run_tests.sh", "--all-pythons", FAIL="pytest", PATH=path).returncode


def test_an_interrupted_install_of_the_test_tools_is_made_anew(ready_project, silent_index):
    process = ready_project.start("run_tests.sh", **silent_index.env)
    silent_index.wait_for_pip()
    os.killpg(process.pid, signal.SIGKILL)
    finish(process)
    kill_while_setting_up(ready_project)

"""Projects whose scripts can be started: new, after their first start, or without requirements."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from helpers.stand_in import (
    Project,
    Result,
    copy_environment,
    finish,
    make_project,
    write_program,
    write_wheel,
)


@pytest.fixture(scope="session")
def scripts_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables: packages from a folder, and the PATH of somebody who uses pyenv."""
    wheels = tmp_path_factory.mktemp("wheels")
    write_wheel(wheels, "tiny", "1.0")
    write_wheel(wheels, "tiny", "2.0")
    for tool in ("ruff", "mypy", "pytest"):
        exits = f"sys.exit({tool!r} == os.getenv('FAIL'))"
        code = f"import os, sys; print({tool!r}, *sys.argv[1:]); {exits}"
        write_wheel(wheels, tool, "1.0", code)

    # pyenv puts a program on PATH for every Python that it has, and most of them do not run; one
    # runs and is of a version that we do not support.
    shims = tmp_path_factory.mktemp("shims")
    for name in ("python3.13", "python3.12", "python3.11", "python3.10", "python"):
        write_program(
            shims / name, f"#!/bin/sh\necho 'pyenv: {name}: command not found' >&2\nexit 127\n"
        )
    write_program(shims / "python3.12", '#!/bin/sh\ncase "$*" in *version_info*) exit 1; esac\n')
    base = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    write_program(shims / "python3", f'#!/bin/sh\nexec "{base}" "$@"\n')

    ours = ("PIP_", "PYTHON", "VIRTUAL_ENV", "CONDA_", "CDPATH")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return inherited | {
        "PATH": f"{shims}:{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": wheels.as_uri(),
        "PIP_CONFIG_FILE": os.devnull,
    }


@pytest.fixture
def new_project(tmp_path: Path, scripts_env: dict[str, str]) -> Project:
    """A fresh clone in a folder with spaces in its name, which requires `tiny`."""
    return make_project(tmp_path / "my programs" / "simple dqn", scripts_env)


@pytest.fixture(scope="session")
def first_starts(
    tmp_path_factory: pytest.TempPathFactory, scripts_env: dict[str, str]
) -> tuple[Project, Result, Result]:
    """A project, its first start, and another start that was made in the middle of the first."""
    project = make_project(tmp_path_factory.mktemp("ready") / "simple dqn", scripts_env)
    first = project.start("train.sh", "pong.bin")
    begun = first.stderr.readline()
    second = project.run("train.sh", "pong.bin")
    result = finish(first)
    result.stderr = begun + result.stderr
    return project, result, second


@pytest.fixture
def ready_project(tmp_path: Path, first_starts: tuple[Project, Result, Result]) -> Project:
    """A project whose .venv is complete; a copy, because making one takes seconds."""
    original, *_ = first_starts
    root = tmp_path / "my programs" / "simple dqn"
    shutil.copytree(original.root, root, ignore=lambda *_: [".venv", "starts"])
    copy_environment(original.venv, root / ".venv")
    return Project(root, original.env)


@pytest.fixture(scope="session")
def first_tests(
    tmp_path_factory: pytest.TempPathFactory, first_starts: tuple[Project, Result, Result]
) -> tuple[Project, Result]:
    """A project whose .venv has the tools of run_tests.sh, and the run that installed them."""
    original, *_ = first_starts
    root = tmp_path_factory.mktemp("tested") / "simple dqn"
    shutil.copytree(original.root, root, ignore=lambda *_: [".venv", "starts"])
    copy_environment(original.venv, root / ".venv")
    project = Project(root, original.env)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    return project, project.run("run_tests.sh", "-k", "two words", cwd=elsewhere)


@pytest.fixture
def light_project(new_project: Project) -> Project:
    """A project that requires nothing, whose .venv is taken for complete."""
    base = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    (new_project.venv / "bin").mkdir(parents=True)
    (new_project.venv / "bin" / "python").symlink_to(base)
    version = "{}.{}.{}".format(*sys.version_info)
    for name in ("requirements.txt", "requirements-gym.txt"):
        (new_project.root / name).write_text("# nothing\n")
        (new_project.venv / name).write_text(f"# Python {version}\n# nothing\n")
    return new_project

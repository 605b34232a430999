"""A copy of the project with the real shell scripts and stand-ins for all that is heavy.

Its main.py prints what it was given, its requirements are packages of a few lines, and pip finds
them in a folder: no network, no torch.
"""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FAKE_PROGRAM = """\
import importlib.metadata, json, os, sys
with open(os.path.join(os.path.dirname(__file__), "..", "starts"), "a") as file:
    file.write("started\\n")
try:
    tiny = importlib.metadata.version("tiny")
except importlib.metadata.PackageNotFoundError:
    tiny = None
threads = os.environ.get("OMP_NUM_THREADS")
report = {"argv": sys.argv, "prefix": sys.prefix, "cwd": os.getcwd(), "tiny": tiny}
print(json.dumps({**report, "threads": threads}))
sys.exit(int(os.environ.get("STATUS", 0)))
"""

FAKE_GAME_NAME = """\
import sys
print(sys.argv[1].lower())
"""


class Project:
    """The copy in `root`; `env` is what its scripts are started with."""

    def __init__(self, root: Path, env: dict[str, str]):
        self.root = root
        self.env = env

    def start(self, script: str, *args: str, cwd: Path | None = None, **env: str):
        return subprocess.Popen(
            [self.root / script, *args],
            cwd=cwd or self.root,
            env=self.env | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, script: str, *args: str, cwd: Path | None = None, **env: str):
        return finish(self.start(script, *args, cwd=cwd, **env))

    def has_started(self) -> bool:
        """Whether any Python program of the project was run."""
        return (self.root / "starts").exists()

    def require(self, text: str) -> None:
        (self.root / "requirements.txt").write_text(text)

    @property
    def venv(self) -> Path:
        return self.root / ".venv"


class Result(subprocess.CompletedProcess):
    @property
    def report(self) -> dict:
        """What the program printed; fails if anything else stands on standard output."""
        assert self.returncode == 0, self.stderr
        return json.loads(self.stdout)


def finish(process: subprocess.Popen) -> Result:
    stdout, stderr = process.communicate()
    return Result(process.args, process.returncode, stdout, stderr)


def assert_one_line_error(result: Result, *words: str, start: str = "error: ") -> None:
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(start)
    for word in words:
        assert word in result.stderr


def write_wheel(folder: Path, name: str, version: str, code: str = "") -> None:
    """Write a package of one module, which `python -m` can run."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", code)
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def copy_environment(source: Path, target: Path) -> None:
    """Copy a .venv; link to the thousands of files of pip and setuptools, which nobody changes."""
    large = ("pip", "setuptools")
    shutil.copytree(source, target, symlinks=True, ignore=lambda *_: large)
    for folder in source.glob("lib/python3.*/site-packages"):
        for name in large:
            if (folder / name).exists():
                (target / folder.relative_to(source) / name).symlink_to(folder / name)


def make_project(root: Path, env: dict[str, str]) -> Project:
    for folder in ("src", "scripts", "snapshots"):
        (root / folder).mkdir(parents=True)
    for path in [*ROOT.glob("*.sh"), *ROOT.glob("scripts/*.*")]:
        shutil.copy(path, root / path.relative_to(ROOT))
    programs = ("main", "plot", "convert", "nvis", "sweep", "report", "share")
    for program in (f"{name}.py" for name in programs):
        (root / "src" / program).write_text(FAKE_PROGRAM)
    (root / "src" / "game_name.py").write_text(FAKE_GAME_NAME)
    (root / "requirements-dev.txt").write_text("pytest\nruff\nmypy\n")
    (root / "requirements-share.txt").write_text("# nothing\n")
    project = Project(root, env)
    project.require("tiny>=1,<2  # a comment\n")
    return project

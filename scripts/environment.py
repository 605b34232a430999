"""Print the Python interpreter that has what the requirement files ask for; make one if need be.

    python environment.py [--take] requirements.txt [requirements-dev.txt ...]

`--take` says that the Python running this is the user's own choice: it is the answer if it has
everything. Otherwise the answer is `<repository>/.venv`, which is made on first use and repaired
when a start was interrupted, the requirements changed or its Python is gone. Exit status 2 and one
last line on standard error when that fails.

Standard library only, because it runs before anything is installed; scripts/python.sh calls it.
"""

import contextlib
import fcntl
import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).absolute().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / ".venv.lock"
# Exists from before anything is written into .venv until pip is done. What a killed start left
# cannot be trusted (pip takes half-installed packages for installed ones), so it is made anew.
UNFINISHED = VENV / "unfinished"

# Any of the builds of OpenCV serves: they all hold the same module cv2.
OPENCV = {f"opencv{more}-python{gui}" for more in ("", "-contrib") for gui in ("", "-headless")}


def main() -> None:
    """Find or make the environment, and print its Python."""
    files = sys.argv[1:]
    lacking = []
    if files[0] == "--take":
        files = files[1:]
        lacking = [requirement for name in files for requirement in find_lacking(ROOT / name)]
        if not lacking:
            print(sys.executable)
            return
        instead = "" if Path(sys.prefix) == VENV else f": using {VENV} instead"
        say(f"{sys.prefix} lacks {', '.join(lacking)}{instead}")
    try:
        if not all(map(is_installed, files)) or UNFINISHED.exists():
            with locked() as lock:
                install(files, lock)
    except OSError as error:
        fail(
            f"cannot use {error.filename or VENV} ({error.strerror}): make it writable, free "
            "disk, or activate an environment that has what requirements.txt asks for"
        )
    print(PYTHON)


def find_lacking(file: Path) -> list[str]:
    """Return the requirements in `file` that the running interpreter does not meet."""
    text = re.sub(r"(?m)(^|\s)#.*$", "", file.read_text("utf-8"))
    lines = filter(None, map(str.strip, text.splitlines()))
    return [line for line in lines if not line.startswith("-") and not is_met(line)]


def is_met(line: str) -> bool:
    """Tell whether the running interpreter has what one line of a requirement file asks for."""
    packaging = import_packaging()
    if packaging is None:
        # Only an environment without pip and matplotlib gets here: it lacks enough by name.
        return find_version(re.sub(r"[^\w.-].*", "", line)) is not None
    requirement = packaging.Requirement(line)
    if requirement.marker and not requirement.marker.evaluate():
        return True
    version = find_version(requirement.name)
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def import_packaging() -> ModuleType | None:
    """Import the library that reads requirements, or the copy of it that pip carries."""
    for name in ("packaging.requirements", "pip._vendor.packaging.requirements"):
        with contextlib.suppress(ImportError):
            return importlib.import_module(name)
    return None


def find_version(name: str) -> str | None:
    """Return the version of an installed package, or None; any build of OpenCV does."""
    for alternative in [name, *(OPENCV if name in OPENCV else [])]:
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(alternative)
    return None


@contextlib.contextmanager
def locked() -> Iterator[int]:
    """Let one start at a time work on .venv; yields the lock's file descriptor.

    Subprocesses inherit it, so that a pip that outlives its killed parent keeps the lock: the next
    start waits until nobody writes into .venv any more.
    """
    with open(LOCK, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another start, which is setting up the Python environment")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def install(files: list[str], lock: int) -> None:
    """Bring .venv to the state that `files` describe; the caller holds the lock."""
    if not is_whole():
        make_venv(lock)
    for name in files:
        if is_installed(name):
            continue
        say(f"Installing what {name} asks for")
        before = list_packages()
        UNFINISHED.touch()
        pip: list[str | Path] = [
            PYTHON,
            "-m",
            "pip",
            "install",
            "--no-input",
            "--disable-pip-version-check",
            "-r",
        ]
        if call([*pip, ROOT / name], lock):
            # Without network, pip gives up before it changes anything: what worked goes on working.
            if (VENV / "requirements.txt").exists() and list_packages() == before:
                UNFINISHED.unlink()
            free = shutil.disk_usage(ROOT).free / 2**30
            fail(
                f"pip could not install what {name} asks for (its reason stands above; {free:.1f} "
                "GiB of disk are free): check network and disk, then start again"
            )
        (VENV / name).write_bytes(describe(name))
        UNFINISHED.unlink()
    say("The Python environment is ready")


def is_installed(name: str) -> bool:
    """Tell whether pip finished with the requirement file `name` as it is now (see python.sh)."""
    try:
        return (VENV / name).read_bytes() == describe(name)
    except FileNotFoundError:
        return False


def describe(name: str) -> bytes:
    """Return what stands in .venv for an installed file: the Python's version and its text."""
    version = subprocess.run([PYTHON, "--version"], capture_output=True, check=False).stdout.strip()
    return b"# " + version + b"\n" + (ROOT / name).read_bytes()


def list_packages() -> set[Path]:
    """Return the files of all packages in .venv."""
    files = (VENV / "lib").glob("python3.*/site-packages/**/*")
    return {file for file in files if "__pycache__" not in file.parts}


def is_whole() -> bool:
    """Tell whether .venv can be installed into; one whose Python went or became another cannot."""
    if UNFINISHED.exists() or not (VENV / "requirements.txt").exists() or not PYTHON.exists():
        return False
    return subprocess.call([PYTHON, "-c", "import pip"], stderr=subprocess.DEVNULL) == 0


def make_venv(lock: int) -> None:
    """Make an empty environment in place of what an earlier start left in .venv, if anything."""
    VENV.mkdir(exist_ok=True)
    ours = UNFINISHED.exists() or (VENV / "requirements.txt").exists() or not any(VENV.iterdir())
    if not ours:
        fail(
            f"{VENV} was not made by these scripts and lacks what they need: rename it, "
            "or activate it and run: pip install -r requirements.txt"
        )
    say(
        f"Setting up the Python environment in {VENV}, once, before the first start: this takes "
        "minutes and downloads several hundred megabytes, on Linux several gigabytes"
    )
    UNFINISHED.touch()  # first, and deleted last: it says that all the rest is ours
    for path in VENV.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != UNFINISHED:
            path.unlink()
    # Where .venv is active it may be running this very script: then its base makes the new one.
    base = Path(sys.executable)
    if sys.prefix != sys.base_prefix:
        base = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    if call([base, "-m", "venv", VENV], lock):
        fail(
            f"{base} cannot make an environment in {VENV} (its reason stands above): free disk, "
            "install Python's venv module, or name another Python: PYTHON=/path/to/python"
        )


def call(command: Sequence[str | Path], lock: int) -> int:
    """Run `command` with its output on standard error; return its exit status."""
    # A user's `--user` setting of pip cannot be meant for an environment; it would end the install.
    environment = {**os.environ, "PIP_USER": "0"}
    return subprocess.call(
        command, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=environment, pass_fds=[lock]
    )


def say(line: str) -> None:
    """Print a line on standard error."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:  # a full disk, say: go on without
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def fail(line: str) -> None:
    """Print the last line, and exit with status 2."""
    say(f"error: {line}")
    sys.exit(2)


if __name__ == "__main__":
    if sys.stderr is None:  # print and pip would write to standard output, which is our answer
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    try:
        main()
    except KeyboardInterrupt:
        say("Interrupted: the next start sets up the Python environment anew")
        sys.exit(130)

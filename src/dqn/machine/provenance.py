"""Which program, of which versions, computed something."""

import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = ("torch", "numpy", "ale-py", "gymnasium", "opencv-python-headless", "safetensors", "av")


def versions() -> dict[str, str]:
    """Those of Python and of the libraries that scores depend on, as far as they are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit_of(project: Path) -> str | None:
    """The commit that is checked out, with a + if files were changed since; None if none is."""
    commit = _git(project, "rev-parse", "HEAD")
    if not commit:
        return None
    return f"{commit}+" if _git(project, "status", "--porcelain", "-uno") else commit


def home_of(project: Path) -> str | None:
    """The public page that the project was cloned from, without any password; None if unknown."""
    url = _git(project, "remote", "get-url", "origin") or ""
    found = re.fullmatch(r"(https://[A-Za-z0-9.-]+/[A-Za-z0-9._/-]+?)(\.git)?/?", url)
    return found[1] if found else None


def _git(project: Path, *words: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", "-C", project, *words], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None

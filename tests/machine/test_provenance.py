"""Which program computed something."""

import platform
import subprocess

import numpy as np
import pytest

from dqn.machine.provenance import commit_of, home_of, versions


@pytest.fixture
def checkout(tmp_path):
    """A checkout with one commit."""

    def git(*words):
        name = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
        result = subprocess.run(
            ["git", "-C", tmp_path, *name, *words], check=True, capture_output=True, text=True
        )
        return result.stdout.strip()

    git("init", "-q")
    (tmp_path / "a").write_text("a")
    git("add", "a")
    git("commit", "-qm", "a")
    return tmp_path, git


def test_the_commit_is_the_one_checked_out_and_says_whether_files_changed(checkout):
    folder, git = checkout
    commit = git("rev-parse", "HEAD")
    (folder / "new").write_text("not of the project")
    assert commit_of(folder) == commit
    (folder / "a").write_text("b")
    assert commit_of(folder) == f"{commit}+"


@pytest.mark.parametrize(
    ("url", "home"),
    [
        ("https://example.org/me/dqn.git", "https://example.org/me/dqn"),
        ("https://example.org/me/dqn", "https://example.org/me/dqn"),
        ("https://me:secret@example.org/me/dqn", None),
        ("git@example.org:me/dqn.git", None),
        ("/home/me/dqn", None),
    ],
)
def test_the_page_of_the_project_is_a_public_one_without_passwords(checkout, url, home):
    folder, git = checkout
    assert home_of(folder) is None
    git("remote", "add", "origin", url)
    assert home_of(folder) == home


def test_a_folder_that_is_no_checkout_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit_of(tmp_path) is None
    monkeypatch.setenv("PATH", "")
    assert commit_of(tmp_path) is home_of(tmp_path) is None


def test_the_versions_are_those_of_this_python():
    assert versions()["python"] == platform.python_version()
    assert versions()["numpy"] == np.__version__

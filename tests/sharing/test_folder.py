"""A shared folder: whole or not there, and as it was built."""

import subprocess

import pytest

from dqn.errors import UserError
from dqn.sharing import folder as folders
from dqn.sharing.checksums import read_checksums


def test_sha256sum_itself_checks_the_folder(folder):
    result = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True
    )
    assert result.stdout.splitlines() == [
        *("README.md: OK", "config.json: OK", "pong_77.pkl: OK", "weights.safetensors: OK")
    ]
    assert list(folders.check(folder)) == list(read_checksums(folder / "SHA256SUMS"))


def test_the_card_may_be_edited_and_nothing_else(folder):
    (folder / "README.md").write_text("my own words")
    found = folders.check(folder)
    assert found == read_checksums(folder / "SHA256SUMS") == folders.check(folder)
    (folder / "config.json").write_text("{ }")
    with pytest.raises(UserError, match=r"config\.json was changed since the folder was built"):
        folders.check(folder)


def test_a_file_that_is_missing_takes_one_line(folder):
    (folder / "config.json").unlink()
    with pytest.raises(UserError, match=r"config\.json"):
        folders.check(folder)


def test_an_older_folder_is_moved_aside(folder):
    folders.build(folder, {"README.md": b"new"})
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "SHA256SUMS"]
    assert (folder.with_name("pong_77.1") / "pong_77.pkl").exists()


def test_a_folder_that_cannot_be_built_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match="cannot write"):
        folders.build(tmp_path / "new", {"a": b"a", "b": tmp_path / "missing"})
    assert list(tmp_path.iterdir()) == []


def test_the_card_is_told_where_its_network_will_be(folder):
    folders.set_repository(folder, "me/dqn-pong")
    assert "hf:me/dqn-pong" in (folder / "README.md").read_text()
    folders.check(folder)


@pytest.mark.parametrize("text", ["", "abc  a\n", f"{'0' * 64}  ../a\n", f"{'0' * 64}  a\nx\n"])
def test_a_list_of_checksums_from_elsewhere_names_files_of_the_folder_alone(tmp_path, text):
    (tmp_path / "SHA256SUMS").write_text(text)
    with pytest.raises(UserError, match="no list of checksums"):
        read_checksums(tmp_path / "SHA256SUMS")

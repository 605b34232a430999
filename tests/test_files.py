"""Files are replaced whole or not at all, and older ones are moved aside."""

import pytest

from dqn import files
from dqn.errors import UserError


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_text("old")
    with files.atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_text("old")

    def write_half():
        with files.atomic_write(path) as file:
            file.write(b"half")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_older_files_are_kept_under_the_next_free_number(tmp_path):
    path = tmp_path / "a.csv"
    for content in "one", "two", "three":
        files.move_aside(path)
        path.write_text(content)
    contents = {p.name: p.read_text() for p in tmp_path.iterdir()}
    assert contents == {"a.csv": "three", "a.csv.1": "one", "a.csv.2": "two"}


def test_a_link_to_nothing_is_not_overwritten_by_what_is_moved_aside(tmp_path):
    (tmp_path / "a.csv").write_text("one")
    (tmp_path / "a.csv.1").symlink_to("nowhere")
    files.move_aside(tmp_path / "a.csv")
    assert (tmp_path / "a.csv.1").is_symlink()
    assert (tmp_path / "a.csv.2").read_text() == "one"


def test_an_older_folder_is_kept_with_all_that_is_in_it(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    (folder / "a").write_text("one")
    files.rename_aside(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["frames.1"]
    assert (tmp_path / "frames.1" / "a").read_text() == "one"


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(UserError, match="cannot write into the folder"):
        files.make_writable_folder(tmp_path / "results" / "run")

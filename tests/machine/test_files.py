"""Files are replaced whole or not at all, and older ones are moved aside."""

import errno
import io
import os
import re

import pytest

from dqn.errors import UserError, explain
from dqn.machine import files


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


@pytest.mark.parametrize(
    ("make", "is_link"),
    [
        (os.mkfifo, False),
        (os.mkdir, False),
        (lambda path: path.symlink_to("nothing"), True),
        (lambda path: path.symlink_to("precious"), True),
        (lambda path: path.symlink_to("/dev/zero"), True),
    ],
)
@pytest.mark.parametrize("mode", ["rb", "r+b", "wb", "ab"])
def test_only_a_regular_file_is_opened_and_nothing_is_waited_for(tmp_path, make, is_link, mode):
    (tmp_path / "precious").write_text("precious")
    make(tmp_path / "a")
    with pytest.raises(OSError) as caught:  # noqa: PT011
        open(tmp_path / "a", mode, opener=files.no_link).close()
    assert explain(caught.value)
    assert (tmp_path / "precious").read_text() == "precious"
    assert {path.name for path in tmp_path.iterdir()} == {"a", "precious"}


def test_a_link_to_a_regular_file_is_followed_where_it_is_not_ours(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "a").symlink_to("precious")
    with open(tmp_path / "a", opener=files.regular) as file:
        assert file.read() == "precious"


def test_a_name_that_is_a_link_to_nothing_is_not_free(tmp_path):
    (tmp_path / "a").write_text("one")
    (tmp_path / "a.1").symlink_to("nothing")
    files.move_aside(tmp_path / "a")
    assert (tmp_path / "a.1").is_symlink()
    assert (tmp_path / "a.2").read_text() == "one"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("nothing")])
def test_what_is_no_file_is_not_moved_aside(tmp_path, make):
    make(tmp_path / "a")
    with pytest.raises(files.CannotMoveAside, match="choose another name"):
        files.move_aside(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_that_the_system_does_not_rename_is_one_line(tmp_path, monkeypatch):
    def forbidden(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    (tmp_path / "a").write_text("one")
    monkeypatch.setattr("pathlib.Path.rename", forbidden)
    with pytest.raises(UserError, match=r"cannot move the older .* change the permissions"):
        files.move_aside(tmp_path / "a")


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "free some disk space"),
        (errno.EDQUOT, "free some disk space"),
        (errno.EACCES, "permissions"),
        (errno.EPERM, "permissions"),
        (errno.EROFS, "can be written"),
        (errno.EFBIG, "ulimit -f"),
        (errno.ENAMETOOLONG, "shorter"),
        (errno.ENOENT, "check the name"),
        (errno.EISDIR, "something else"),
        (errno.EIO, "see that the disk works"),
        (errno.ESTALE, "see that the disk works"),
    ],
)
def test_the_advice_fits_the_error(number, advice):
    text = explain(OSError(number, os.strerror(number), "a file"))
    assert text.startswith(f"({os.strerror(number)}): ")
    assert advice in text


def test_an_error_without_a_number_is_explained_too():
    assert "not seekable" in explain(io.UnsupportedOperation("it is not seekable"))


def test_an_error_is_one_line_whatever_is_in_it():
    error = UserError("a\nb\x1b[31m\udcff ε")
    assert str(error) == "a\\nb\\x1b[31m\\udcff ε"
    assert str(error).isprintable()


@pytest.mark.parametrize(("name", "can"), [("a\0b", False), ("\ud800", False), ("\udcff", True)])
def test_a_name_that_no_file_can_have_is_known(tmp_path, name, can):
    assert files.can_be_asked_for(name) == can
    if can:
        assert not (tmp_path / name).exists()


# Long names


@pytest.mark.parametrize("letter", ["x", "ε"])
def test_a_name_that_fits_leaves_room_for_all_that_is_added(tmp_path, letter):
    new = tmp_path / "not" / "there"
    with pytest.raises(UserError) as caught:
        files.check_name(new / (letter * 250))
    (fitting,) = map(int, re.findall(r": (\d+) characters of it fit", str(caught.value)))
    assert 80 < fitting < 250
    name = letter * fitting
    files.check_name(new / name)
    with pytest.raises(UserError):
        files.check_name(new / f"{name}{letter}")
    assert not list(tmp_path.iterdir())
    for addition in ("_999999.pkl.99", "_.pkl.new.4194304.part", ".checkpoint.9", ".games.csv.9"):
        (tmp_path / f".{name}{addition}").touch()


@pytest.mark.parametrize(
    "folder", ["x" * 300, "/".join(["x" * 200] * 25), "/".join(["x" * 200] * 19)]
)
def test_a_folder_whose_own_name_is_too_long_is_refused(tmp_path, folder):
    with pytest.raises(UserError, match=r"choose a shorter name|characters of it fit"):
        files.check_name(tmp_path / folder / ("y" * 180))

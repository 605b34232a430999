"""@FILE stands for the words in FILE; what is no such file is refused in one line."""

import os
from pathlib import Path

import pytest

from dqn.errors import UserError
from dqn.options.argument_files import MAX_BYTES, MAX_FILES, expand


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def expand_here(*words):
    return expand(list(words), Path("..", "project"))


def write(name, content):
    with open(name, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def test_words_in_quotes_comments_and_files_in_files_are_understood():
    write("outer", "--a 'two words'  # comment\n\n@inner\n--z\n")
    write("inner", '\ufeff--b "3"\r\n')  # as an editor on Windows writes it
    expected = ["first", "--a", "two words", "--b", "3", "--z", "last@x"]
    assert expand_here("first", "@outer", "last@x") == expected


def test_a_file_of_the_project_is_found_unless_there_is_one_here():
    write("../project/preset", "theirs")
    assert expand_here("@preset") == ["theirs"]
    write("preset", "mine")
    assert expand_here("@preset") == ["mine"]


def test_a_file_may_be_named_twice():
    write("a", "x")
    assert expand_here("@a", "@a") == ["x", "x"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("--a\n--b 'c", "line 2 of the argument file file: no closing quotation"),
        ("--a \\", "line 1 of the argument file file: no escaped character"),
        (b"\xff\xfe-\0-\0", "is not text in UTF-8"),
        ("a\0b", "has a NUL character"),
        ("@file", "the argument file file includes itself: take out @file"),
        ("@./file", "includes itself"),
        ("x" * (MAX_BYTES + 1), f"has more than {MAX_BYTES} bytes"),
        ("@missing", "cannot read the argument file missing (No such file or directory)"),
    ],
)
def test_a_file_that_is_no_argument_file_is_refused_in_one_line(content, message):
    write("file", content)
    with pytest.raises(UserError) as refusal:
        expand_here("@file")
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["", ".", "fifo", "/dev/full", "/dev/zero", "loop", "x" * 300])
def test_what_is_no_file_is_refused_and_not_waited_for(name):
    os.mkfifo("fifo")
    os.symlink("loop", "loop")
    with pytest.raises(UserError, match="argument file"):
        expand_here(f"@{name}")


def test_files_that_include_one_another_in_a_circle_are_refused():
    write("a", "@b")
    write("b", "@a")
    with pytest.raises(UserError, match="a includes itself"):
        expand_here("@a")


def test_files_that_double_at_every_level_come_to_an_end():
    for level in range(40):
        write(f"f{level}", f"@f{level + 1} @f{level + 1}")
    write("f40", "")
    with pytest.raises(UserError, match=f"more than {MAX_FILES}"):
        expand_here("@f0")

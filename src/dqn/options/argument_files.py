"""Argument files: `@FILE` on a command line stands for the words in FILE."""

import os
import shlex
import stat
from pathlib import Path

from dqn.errors import UserError

MAX_BYTES = 2**16  # of one file: hundreds of flags, with many comments
MAX_FILES = 100  # in all, so that files that name one another come to an end


def expand(arguments: list[str], project: Path) -> list[str]:
    """Put the words of each file in place of the argument `@FILE` that names it.

    FILE is looked for from the working folder and then from `project`. It may have several words
    to a line, in quotes where they have spaces; `#` begins a comment, and `@FILE` is expanded there
    too. Raises UserError for a file that cannot be read so, or a word that no flag can take.
    """
    return _Expansion(project).expand(arguments, ())


class _Expansion:
    def __init__(self, project: Path):
        self._project = project
        self._num_files = 0

    def expand(self, words: list[str], files: tuple[Path, ...]) -> list[str]:
        """The same words with all files expanded; `files` are those that are being read."""
        expanded = []
        for word in words:
            if "\0" in word:
                raise UserError(f"{word[:50]!r} has a NUL character: no flag takes one")
            if word.startswith("@"):
                expanded += self._expand_file(word[1:], files)
            else:
                expanded.append(word)
        return expanded

    def _expand_file(self, name: str, files: tuple[Path, ...]) -> list[str]:
        path = Path(name)
        if not os.path.exists(path) and os.path.exists(self._project / name):
            path = self._project / name
        real_path = Path(os.path.realpath(path))
        self._num_files += 1
        if real_path in files:
            raise UserError(f"the argument file {path} includes itself: take out @{name}")
        if self._num_files > MAX_FILES:
            raise UserError(f"more than {MAX_FILES} argument files include one another")
        return self.expand(_read_words(path), (*files, real_path))


def _read_words(path: Path) -> list[str]:
    try:
        # Only a regular file comes to an end for sure: a FIFO may wait for ever.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UserError(f"the argument file {path} is not a file of text")
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(
            f"cannot read the argument file {path} ({error.strerror}): name one that can be read"
        ) from error
    if len(data) > MAX_BYTES:
        raise UserError(f"the argument file {path} has more than {MAX_BYTES} bytes")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"the argument file {path} is not text in UTF-8") from error
    words = []
    for number, line in enumerate(lines, 1):
        try:
            words += shlex.split(line, comments=True)
        except ValueError as error:
            raise UserError(
                f"line {number} of the argument file {path}: {str(error).lower()}"
            ) from error
    return words

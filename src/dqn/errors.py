"""The one exception that ends a run with a line for the user instead of a traceback."""

import argparse
from typing import NoReturn

MAX_ERROR = 1000  # characters, in which any two usual paths have room


class UserError(Exception):
    """Something that the user can put right.

    Its text is one line that says what was wrong and what to do; the programs print it as the last
    line on standard error and exit with status 2.
    """

    def __str__(self) -> str:
        return one_line(super().__str__())


def one_line(text: str) -> str:
    """Return `text` with escapes for what breaks a line or a terminal, such as a file's name.

    The middle of a very long text is left out.
    """
    if len(text) > MAX_ERROR:
        text = f"{text[: MAX_ERROR // 2]} … {text[-MAX_ERROR // 2 :]}"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class ArgumentParser(argparse.ArgumentParser):
    """Raises a UserError where Python's own would print its usage in several lines."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (--help explains every option)")

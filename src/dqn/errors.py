"""The one exception that ends a run with a line for the user instead of a traceback."""

import argparse
from typing import NoReturn


class UserError(Exception):
    """Something that the user can put right.

    Its text is one line that says what was wrong and what to do; the programs print it as the last
    line on standard error and exit with status 2.
    """


class ArgumentParser(argparse.ArgumentParser):
    """Raises a UserError where Python's own would print its usage in several lines."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (--help explains every option)")

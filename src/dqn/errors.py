"""The one exception that ends a run with a line for the user instead of a traceback."""


class UserError(Exception):
    """Something that the user can put right.

    Its text is one line that says what was wrong and what to do; `main.py` prints it as the last
    line on standard error and exits with status 2.
    """

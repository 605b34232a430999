"""What Nervana Neon 2.6, last changed in 2018, needs of a Python of today."""

import inspect
import logging
from collections import namedtuple

from dqn.errors import UserError


def make_neon_importable() -> None:
    """Prepare the import of Neon; raises UserError if it is not installed."""
    # Python 3.11 removed this name. Neon reads four of the values that its successor gives.
    if not hasattr(inspect, "getargspec"):
        ArgSpec = namedtuple("ArgSpec", "args varargs keywords defaults")
        vars(inspect)["getargspec"] = lambda f: ArgSpec(*inspect.getfullargspec(f)[:4])
    # Neon looks for MKL and CUDA when it is imported, and logs what is not there as an error.
    logging.getLogger("neon").setLevel(logging.CRITICAL)
    try:
        import neon  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"Nervana Neon cannot be imported ({error}): pip install -r requirements-neon.txt "
            "into the environment that the scripts use (see the README), or use --engine torch"
        ) from error

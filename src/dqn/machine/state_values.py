"""Taking values out of a checkpoint's state, which a program other than this one may have written.

Each function takes what stands under `key` in a dictionary or a list, checks it and returns it
unchanged. Raises LookupError if it is missing, and ValueError if it is of another type or range.
"""

import numbers
import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np

# What restoring a state raises that is not one of this program's, or of another run
MISFITS = (LookupError, TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError)

MAX_INTEGER = 2**63 - 1


def take(state: Any, key: str | int) -> Any:
    """Anything."""
    has_values = isinstance(state, dict | list | tuple)
    if not has_values:
        raise ValueError(f"{key} is missing")
    return state[key]


def take_flag(state: Any, key: str | int) -> bool:
    """True or False."""
    value = take(state, key)
    return _checked(value, key, isinstance(value, bool | np.bool_))


def take_integer(state: Any, key: str | int, minimum: int = 0, maximum: int = MAX_INTEGER) -> int:
    """A whole number in a range."""
    value = take(state, key)
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return _checked(value, key, is_integer and minimum <= value <= maximum)


def take_number(
    state: Any, key: str | int, minimum: float = -MAX_INTEGER, maximum: float = MAX_INTEGER
) -> float:
    """A finite number in a range."""
    value = take(state, key)
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return _checked(value, key, is_number and minimum <= value <= maximum)


def take_text(state: Any, key: str | int, choices: Sequence[str] | None = None) -> str:
    """A text, one of the `choices` if there are any."""
    value = take(state, key)
    return _checked(value, key, isinstance(value, str) and (not choices or value in choices))


def take_list(state: Any, key: str | int, length: int | None = None) -> Sequence[Any]:
    """A list or a tuple, of anything, of a length."""
    value = take(state, key)
    return _checked(value, key, isinstance(value, list | tuple) and length in (None, len(value)))


def take_numbers(
    state: Any,
    key: str | int,
    length: int | None = None,
    minimum: float = -MAX_INTEGER,
) -> list[float]:
    """A list of finite numbers."""
    values = take_list(state, key, length)
    return [take_number(values, index, minimum) for index in range(len(values))]


def take_integers(state: Any, key: str | int, maximum: int = MAX_INTEGER) -> list[int]:
    """A list of whole numbers from 0 to a maximum."""
    values = take_list(state, key)
    return [take_integer(values, index, 0, maximum) for index in range(len(values))]


def take_array(state: Any, key: str | int, dtype: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """An array of a dtype and a shape, in which None is any length but 0."""
    value = take(state, key)
    fits = (
        isinstance(value, np.ndarray)
        and value.dtype == dtype
        and len(value.shape) == len(shape)
        and all(
            length == wanted or (wanted is None and length > 0)
            for wanted, length in zip(shape, value.shape, strict=True)
        )
    )
    return _checked(value, key, fits)


def _checked(value: Any, key: str | int, fits: bool) -> Any:
    if fits:
        return value
    shown = f"an array {value.shape}" if isinstance(value, np.ndarray) else reprlib.repr(value)
    raise ValueError(f"{key} is {shown}")

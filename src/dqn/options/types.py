"""How a flag's text becomes its value; errors say what was wrong with it."""

import argparse
import difflib
import math
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Nothing that is computed from numbers up to these overflows 64 bits, or float32.
MAX_STEPS = 10**12
MAX_EPOCHS = 10**6
MAX_GAMES = 10**6
MAX_FLOAT = 1e38

SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """A question about the names in `known` that `text` may stand for; empty if there is none."""
    keys = {re.sub("[^a-z0-9]", "", name.lower()): name for name in known}
    key = re.sub("[^a-z0-9]", "", text.lower())
    alike = [keys[k] for k in keys if key and k.startswith(key)]
    alike = alike or [name for name in keys.values() if key in name.lower().strip("-").split("_")]
    alike = alike or [keys[k] for k in difflib.get_close_matches(key, keys, n=3)]
    return f": did you mean {' or '.join(alike[:3])}?" if alike else ""


def boolean(text: str) -> bool:
    """True or False, in any of the usual words."""
    if text.lower() in ("true", "yes", "1"):
        return True
    if text.lower() in ("false", "no", "0"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true, yes, 1 nor false, no, 0")


def display(text: str) -> str:
    """A kind of display; the words of `boolean` stand for auto and false."""
    if text.lower() in ("auto", "window", "terminal"):
        return text.lower()
    try:
        return "auto" if boolean(text) else "false"
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is none of auto, window, terminal, true and false"
        ) from error


def file(text: str) -> Path:
    """A path that ends with a name."""
    if os.path.basename(text) in ("", ".", ".."):
        raise argparse.ArgumentTypeError(f"{text!r} has no file name")
    return Path(text)


def file_or_none(text: str) -> Path | None:
    """The same, or None for an empty text."""
    return file(text) if text else None


def folder_or_none(text: str) -> Path | None:
    """A folder, or None for an empty text."""
    return file(text.rstrip("/") or "/") if text else None


def folder_or_boolean(text: str) -> Path | bool:
    """A folder, or one of the words of `boolean`; an empty text is false."""
    try:
        return boolean(text or "false")
    except argparse.ArgumentTypeError:
        return file(text.rstrip("/") or "/")


def video_file(text: str) -> Path | None:
    """A path of a video, or None for an empty text."""
    if text and Path(text).suffix.lower() not in (".mov", ".mp4"):
        raise argparse.ArgumentTypeError(f"{text} ends neither with .mov nor with .mp4")
    return file_or_none(text)


def choice(*words: str) -> dict[str, Any]:
    """Settings of a flag that takes one of `words`."""
    return {"type": Choice(*words), "metavar": f"{{{','.join(words)}}}"}


class Choice:
    """Reads one of `words`, in any capitals."""

    def __init__(self, *words: str):
        self.words = words

    def __call__(self, text: str) -> str:
        for word in self.words:
            if word.lower() == text.lower():
                return word
        close = did_you_mean(text, self.words) or f" (choose from {', '.join(self.words)})"
        raise argparse.ArgumentTypeError(f"invalid choice: {shorten(text)!r}{close}")


class Number:
    """Reads a number from `minimum` to `maximum`."""

    kind = "number"

    def __init__(self, minimum: float, maximum: float):
        self.minimum = minimum
        self.maximum = maximum

    @property
    def range(self) -> str:
        """What `--help` says of it."""
        return f"from {self.minimum:,} to {self.maximum:,}"

    def __call__(self, text: str) -> Any:
        try:
            value = self.read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(
                f"invalid {self.kind} value: {shorten(text)!r}"
            ) from error
        # The text, because a number of hundreds of digits has no other short form
        if value < self.minimum:
            raise argparse.ArgumentTypeError(f"{shorten(text)} is below {self.minimum:,}")
        if value > self.maximum:
            raise argparse.ArgumentTypeError(f"{shorten(text)} is above {self.maximum:,}")
        return value

    def read(self, text: str) -> float:
        """The number that `text` stands for; raises ValueError if there is none."""
        value = float(text)
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{shorten(text)} is not a finite number")
        return value


class Integer(Number):
    """A whole number in a range."""

    kind = "whole number"

    def read(self, text: str) -> int:
        return int(text)


class IntegerOr(Integer):
    """The same, or `word`."""

    def __init__(self, word: str, minimum: int, maximum: int):
        super().__init__(minimum, maximum)
        self.word = word
        self.kind = f"whole number or {word}"

    def __call__(self, text: str) -> int | str:
        return self.word if text.lower() == self.word else super().__call__(text)


class Duration(Number):
    """Reads seconds: a number of them, [hours:]minutes:seconds, or a time such as 1h30m."""

    kind = "time"

    @property
    def range(self) -> str:
        return f"{super().range} seconds"

    def read(self, text: str) -> float:
        if re.fullmatch(r"(\d+(\.\d+)?[dhms] ?)+", text.lower()):
            parts = re.findall(r"([\d.]+)([dhms])", text.lower())
            return sum(float(number) * SECONDS[unit] for number, unit in parts)
        seconds = 0.0
        numbers = text.split(":")
        for number in numbers:
            value = super().read(number)
            if len(numbers) > 3 or (value < 0 and len(numbers) > 1):
                raise ValueError
            seconds = 60 * seconds + value
        return seconds


def shorten(text: str) -> str:
    """The text, without its middle if it is long."""
    return text if len(text) <= 40 else f"{text[:20]}…{text[-5:]}"

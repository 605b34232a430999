"""How a network's layers are written on the command line: conv32x8s4,conv64x4s2,512."""

import argparse
import re

from dqn.networks.architecture import (
    HIDDEN_UNITS,
    MAX_FILTERS,
    MAX_LAYERS,
    MAX_PIXELS,
    MAX_UNITS,
    NATURE_CONVOLUTIONS,
    Convolution,
)

_EXAMPLE = "conv32x8s4,conv64x4s2,conv64x3s1,512"
_CONVOLUTION = re.compile(r"conv(\d{1,9})x(\d{1,9})(?:x(\d{1,9}))?s(\d{1,9})")
# What a network is called that has no layers of its own before those of --dense_units
NAMED = {"nature": NATURE_CONVOLUTIONS, "dense": ()}

Layers = tuple[tuple[Convolution, ...], tuple[int, ...]]  # convolutions, units


def network(text: str) -> str:
    """The text of a --network, in one spelling; raises ArgumentTypeError."""
    if text.lower() in NAMED:
        return text.lower()
    convolutions, units = _own_layers(text)
    return ",".join(map(str, (*convolutions, *units)))


def dense_units(text: str) -> str:
    """The text of --dense_units, in one spelling; raises ArgumentTypeError."""
    return ",".join(str(_number(word, word, MAX_UNITS)) for word in _words(text))


def layers(spec: str, units: str | None = None) -> Layers:
    """The layers of a --network and its --dense_units, both valid texts."""
    last = tuple(map(int, units.split(","))) if units else HIDDEN_UNITS
    if spec in NAMED:
        return NAMED[spec], last
    convolutions, own_units = _own_layers(spec)
    return convolutions, own_units or last


def has_own_units(spec: str) -> bool:
    """Whether a --network says the units of its dense layers, so that --dense_units has no use."""
    return spec.rpartition(",")[2].isdecimal()


def _own_layers(spec: str) -> Layers:
    """The layers that a SPEC names itself."""
    convolutions: list[Convolution] = []
    own_units: list[int] = []
    for word in _words(spec):
        match = _CONVOLUTION.fullmatch(word)
        if match and own_units:
            raise argparse.ArgumentTypeError(f"{word} stands after a dense layer: put it before")
        if match:
            convolutions.append(_convolution(word, match))
        else:
            own_units.append(_number(word, word, MAX_UNITS))
    return tuple(convolutions), tuple(own_units)


def _words(text: str) -> list[str]:
    words = text.lower().replace(" ", "").split(",")
    if len(words) > MAX_LAYERS:
        raise argparse.ArgumentTypeError(f"{len(words)} layers are more than {MAX_LAYERS}")
    return words


def _convolution(word: str, match: re.Match[str]) -> Convolution:
    filters, height, width, stride = match.groups()
    return Convolution(
        _number(filters, word, MAX_FILTERS),
        _number(height, word, MAX_PIXELS),
        _number(width or height, word, MAX_PIXELS),
        _number(stride, word, MAX_PIXELS),
    )


def _number(text: str, word: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(
            f"the layer {word[:50]!r} is neither a convolution nor a number of units: write it as "
            f"in {_EXAMPLE}"
        )
    if not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"in the layer {word!r}, {text} is not from 1 to {most}")
    return int(text)

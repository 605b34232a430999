"""When in a run a snapshot is saved: after an epoch or within one, as its name says."""

import re
from pathlib import Path
from typing import NamedTuple


class Moment(NamedTuple):
    """After `epochs` whole epochs of a run and `steps` training steps of the next one.

    Moments compare as they follow one another. Their text is the epoch that has ended, "3", or the
    one that is being trained and the steps in it, "3.25000".
    """

    epochs: int
    steps: int = 0

    def __str__(self) -> str:
        return f"{self.epochs + 1}.{self.steps}" if self.steps else f"{self.epochs}"


def parse_moment(text: str) -> Moment:
    """The moment that `text` stands for; raises ValueError if there is none."""
    epoch, point, steps = text.partition(".")
    return Moment(int(epoch) - 1, int(steps)) if point else Moment(int(epoch))


def is_within_epoch(path: Path) -> bool:
    """Whether a snapshot is named as one that was saved within an epoch."""
    return re.fullmatch(r".+_[0-9]+\.[0-9]+", path.stem) is not None

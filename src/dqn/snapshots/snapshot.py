"""A network's weights, and what they were trained on, as plain arrays and values."""

from dataclasses import dataclass, field
from typing import Any

from dqn.errors import UserError
from dqn.networks.layers import Layer


class SnapshotError(UserError):
    """A snapshot cannot be read, written or used by this run."""


class Unusable(Exception):
    """A file or a network is no snapshot; the text is the end of a sentence that names it."""


class AnotherNetwork(Unusable):
    """A file holds a network that this program does not make; `difference` says how it differs."""

    def __init__(self, difference: str):
        super().__init__(
            f"holds another network than this program's ({difference}): use another snapshot"
        )


class NonFiniteArray(Unusable):
    """An array has infinity or NaN in it: the network has diverged."""


@dataclass
class Metadata:
    """What a later run must check or continue; files that Neon wrote have none.

    `game` may be any text in a file from elsewhere: show it with `!r`. `flags` are the options of
    the training, plain values by name; earlier files have none.
    """

    game: str
    actions: list[int]
    screen_height: int
    screen_width: int
    history_length: int
    epoch: int = 0
    train_steps: int = 0
    weight_updates: int = 0
    flags: dict[str, Any] = field(default_factory=dict)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """What the network sees: (history, height, width)."""
        return self.history_length, self.screen_height, self.screen_width


@dataclass(eq=False)
class Snapshot:
    """A network: its five layers from first to last.

    `input_shape` is (history, height, width); files of Neon before 1.1 do not tell it.
    """

    layers: list[Layer]
    input_shape: tuple[int, int, int] | None
    metadata: Metadata | None = None

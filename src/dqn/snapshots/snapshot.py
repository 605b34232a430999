"""A network's weights, and what they were trained on, as plain arrays and values."""

from dataclasses import dataclass, field, replace
from typing import Any

from dqn.errors import UserError
from dqn.networks.architecture import Architecture
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

    `game` may be any text in a file from elsewhere: show it with `!r`. `input_shape` is that of a
    state, (history, height, width) of gray screens. `flags` are the options of the training, plain
    values by name; earlier files have none.
    """

    game: str
    actions: list[int]
    input_shape: tuple[int, ...]
    epoch: int = 0
    train_steps: int = 0
    weight_updates: int = 0
    flags: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Snapshot:
    """A network: its layers from first to last, and what they make up.

    Files of Neon before 1.1 do not tell the size of the screens: `architecture` is then None, and
    the layers are the default's.
    """

    layers: list[Layer]
    architecture: Architecture | None
    metadata: Metadata | None = None

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """The shape of a state, if it is known."""
        return self.architecture.state_shape if self.architecture else None

    @property
    def num_actions(self) -> int:
        """How many actions the network chooses from."""
        return self.architecture.num_actions if self.architecture else len(self.layers[-1].weights)


def without_states(layers: list[Layer]) -> list[Layer]:
    """The same layers, as an optimizer finds them that has not seen them yet."""
    return [
        replace(
            layer,
            states=[],
            biases=layer.biases and replace(layer.biases, states=[]),
            batch_norm=layer.batch_norm and replace(layer.batch_norm, states=[[], []]),
        )
        for layer in layers
    ]

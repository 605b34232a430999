"""What is shown of a network's inside: values, as the flags give them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SaliencySettings:
    """How a game is shown with what the chosen action's value depends on.

    method: "occlusion", "gradient", or None for what suits: occlusion in recordings, the gradient
    live. strength: of the colour over the picture, in 0..1.
    """

    method: str | None = None
    strength: float = 0.8


@dataclass(frozen=True)
class FilterSettings:
    """The page of a network's filters: at most `filters` of each layer, in `file`.

    With `sanity`, the same for a network with random weights stands beside.
    """

    filters: int = 4
    file: Path | None = None
    sanity: bool = False

"""What was found in a network, and about which: all that a page shows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dqn.networks.architecture import Architecture
from dqn.visualization.filters import FilterView
from dqn.visualization.inputs import InputView
from dqn.visualization.moments import MomentView


@dataclass(frozen=True)
class Subject:
    """What a page is about.

    snapshot: its file's name; game: its name; facts: pairs of a name and a text; actions: their
    names; q_values: float (steps, num_actions), over the game.
    """

    snapshot: str
    game: str
    facts: Sequence[tuple[str, str]]
    architecture: Architecture
    actions: Sequence[str]
    q_values: np.ndarray


@dataclass(frozen=True)
class LayerView:
    """The filters of a layer that are shown, and the numbers of all that never fired."""

    filters: list[FilterView]
    dead: list[int]


@dataclass(frozen=True)
class Findings:
    """What is shown of a network: `inputs` of one that sees numbers, the others of screens.

    has_random: whether a network with random weights stands beside.
    """

    layers: list[LayerView]
    moments: list[MomentView]
    inputs: InputView | None = None
    inputs_of_random: InputView | None = None
    has_random: bool = False

"""What each filter sees: the state and the place that activate it most, carried back to the input.

It is what the original simple_dqn showed by Neon's callback: guided backpropagation (Springenberg
et al. 2015) from the greatest response of a filter in a game.
"""

from dataclasses import dataclass

import numpy as np

from dqn.networks.architecture import Architecture
from dqn.networks.inspector import NetworkInspector, Unit
from dqn.visualization.receptive_field import ReceptiveField, receptive_field


@dataclass(frozen=True)
class Strongest:
    """The greatest response of a filter in a game.

    state: uint8 (*state_shape), in which it was; step: of the game, from 0.
    """

    unit: Unit
    response: float
    step: int
    state: np.ndarray

    @property
    def is_dead(self) -> bool:
        """Whether the filter was never active: no response was above 0."""
        return self.response <= 0


class FilterWatch:
    """Finds the greatest response of each filter of each convolution, over the states of a game."""

    def __init__(self, inspector: NetworkInspector):
        self._inspector = inspector
        self._strongest: list[list[Strongest | None]] = [
            [None] * convolution.filters for convolution in inspector.architecture.convolutions
        ]

    def add(self, states: np.ndarray, first_step: int) -> None:
        """Look at the next states of the game, uint8 (n, *state_shape)."""
        for layer, responses in enumerate(self._inspector.responses(states)):
            for number in range(responses.shape[2]):
                of_filter = responses[:, :, number]
                best = int(of_filter.argmax())
                n, image, row, column = map(int, np.unravel_index(best, of_filter.shape))
                response = float(of_filter[n, image, row, column])
                before = self._strongest[layer][number]
                if before is None or response > before.response:
                    unit = Unit(layer, number, image, row, column)
                    found = Strongest(unit, response, first_step + n, states[n].copy())
                    self._strongest[layer][number] = found

    def strongest(self) -> list[list[Strongest]]:
        """That of each filter of each layer; of equal ones, the first."""
        return [[found for found in layer if found] for layer in self._strongest]


@dataclass(frozen=True)
class FilterView:
    """What is shown of a filter.

    gradient: the guided one, float32 (*state_shape), 0 outside `field`; of_random: the same for a
    network with random weights, or None; weights: float (channels, rows, columns) of a filter in
    the first layer, else None.
    """

    strongest: Strongest
    field: ReceptiveField
    gradient: np.ndarray
    of_random: np.ndarray | None = None
    weights: np.ndarray | None = None


def look_at_filter(
    found: Strongest,
    inspector: NetworkInspector,
    first_weights: np.ndarray,
    random: NetworkInspector | None = None,
) -> FilterView:
    """Carry the greatest response of a filter back to the input.

    `first_weights` are those of the first convolution in Neon's layout, (C·R·S, K). With a `random`
    network, the unit at the same place is looked at there in the same state.
    """
    architecture, unit = inspector.architecture, found.unit
    return FilterView(
        strongest=found,
        field=receptive_field(architecture, unit.layer, unit.row, unit.column),
        gradient=inspector.guided_backpropagation(found.state, unit),
        of_random=random.guided_backpropagation(found.state, unit) if random else None,
        weights=None if unit.layer else weights_of(architecture, first_weights, unit.filter),
    )


def weights_of(architecture: Architecture, first_weights: np.ndarray, number: int) -> np.ndarray:
    """The weights (channels, rows, columns) of a filter of the first convolution."""
    first = architecture.convolutions[0]
    shape = architecture.input_channels, first.height, first.width
    return first_weights[:, number].reshape(shape)

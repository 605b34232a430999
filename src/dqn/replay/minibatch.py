"""What the network learns from."""

from typing import Any, NamedTuple

import numpy as np

# An array, or a tensor where the replay memory is kept on a GPU: contracts know no PyTorch.
States = Any


class Minibatch(NamedTuple):
    """n transitions (s, a, G, s′, Γ), whose learning targets are y = G + Γ·max Q(s′, a′; θ⁻).

    states and next_states: (n, history, *shape), uint8 of screens, in the dtype of the game's
    vectors otherwise; arrays, or tensors where the replay memory is kept on a GPU; actions: uint8
    (n,); returns and discounts: float64 (n,). A discount
    of 0 says that nothing is bootstrapped, as after a terminal state.

    weights: how much each transition counts, float64 (n,); None: all 1. keys: by which
    `ReplayMemory.set_errors` finds the transitions, (n,).
    """

    states: States
    actions: np.ndarray
    returns: np.ndarray
    next_states: States
    discounts: np.ndarray
    weights: np.ndarray | None = None
    keys: np.ndarray | None = None

    def states_on_host(self) -> np.ndarray:
        """A copy of the states as an array, wherever they are."""
        if isinstance(self.states, np.ndarray):
            return self.states.copy()
        array: np.ndarray = self.states.cpu().numpy().copy()
        return array

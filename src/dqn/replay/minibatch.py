"""What the network learns from."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np


@dataclass(frozen=True)
class StatesOnDevice:
    """n states of w observations each, which are on a GPU and still to be put together.

    observations: all of the storage's, a tensor (size, *shape); windows: theirs, int64 (n, w).
    """

    observations: Any  # contracts know no PyTorch
    windows: np.ndarray

    def __getitem__(self, key: tuple[slice, slice]) -> "StatesOnDevice":
        """Some of them, and of their observations."""
        return StatesOnDevice(self.observations, self.windows[key])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """What NumPy takes them for: a copy, (n, w, *shape), in the main memory."""
        return np.array(self.observations[self.windows].cpu().numpy(), dtype, copy=copy)


# An array (n, w, *shape), or `StatesOnDevice` where the replay memory is kept on a GPU
States = Any


class Minibatch(NamedTuple):
    """n transitions (s, a, G, s′, Γ), whose learning targets are y = G + Γ·max Q(s′, a′; θ⁻).

    states and next_states: (n, history, *shape), uint8 of screens, in the dtype of the game's
    vectors otherwise; arrays, or `StatesOnDevice`; actions: uint8 (n,); returns and discounts:
    float64 (n,). A discount of 0 says that nothing is bootstrapped, as after a terminal state.

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
        return np.array(self.states)

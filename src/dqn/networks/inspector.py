"""The contract of an inspector: a trained network whose inside can be looked at."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from dqn.networks.architecture import Architecture


class Unit(NamedTuple):
    """One output of a convolution: that of a filter at a place.

    layer, filter, row and column count from 0. image: 0, or with shared convolutions the screen of
    the state that is convolved.
    """

    layer: int
    filter: int
    image: int
    row: int
    column: int


class NetworkInspector(ABC):
    """Computes with the weights of a network and changes nothing.

    States are uint8 (n, *state_shape), as for `DeepQNetwork.predict`. Gradients are with respect to
    what the network computes with: the state's numbers divided by 255.
    """

    architecture: Architecture

    @abstractmethod
    def predict(self, states: np.ndarray) -> np.ndarray:
        """Q-values, float32 (n, num_actions)."""

    @abstractmethod
    def responses(self, states: np.ndarray) -> list[np.ndarray]:
        """What each convolution gives, float32 (n, images, filters, rows, columns).

        It is taken before the activation function, but after batch normalisation: a unit is active
        where it is above 0.
        """

    @abstractmethod
    def guided_backpropagation(self, state: np.ndarray, unit: Unit) -> np.ndarray:
        """The guided gradient of a unit's response, float32 (*state_shape), in one state.

        Each activation function on the way back passes only what is positive, and only through
        units that were active (Springenberg et al. 2015, section 3.4). ELUs count as rectifiers.
        """

    @abstractmethod
    def guided_gradient(self, states: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """The same of Q(s, a), float32 (n, *state_shape); actions are int (n,), one a state."""

    @abstractmethod
    def gradient(self, states: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """∂Q(s, a)/∂s, float32 (n, *state_shape), for an action, int (n,), in each state."""

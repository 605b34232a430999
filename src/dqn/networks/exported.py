"""A network for those who load it without this project."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class ExportedNetwork:
    """A network as PyTorch's own modules, one after another.

    `arrays` are the state of those modules by PyTorch's names ("0.weight"), `code` is the
    expression that makes the modules, and `classes` the Python text of those that PyTorch lacks.
    `program` is a TorchScript file, which gives the Q-values (n, num_actions) of states
    (n, *state_shape) as the game gives them: it divides uint8 by 255 itself. The modules do not.
    """

    arrays: dict[str, np.ndarray]
    code: str
    classes: str
    program: bytes

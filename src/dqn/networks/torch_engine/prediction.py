"""Q-values of states, from arrays to arrays."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from dqn.machine.upload import upload
from dqn.networks.torch_engine.input import NetworkInput
from dqn.networks.torch_engine.q_function import QFunction
from dqn.networks.torch_engine.recorded import RecordedFunction


class Prediction:
    """What a `QFunction` on `device` says of states, without learning from them.

    On a GPU it is recorded, for each power of two states: fewer are filled up to the next one.
    """

    def __init__(
        self,
        q_function: QFunction,
        make_input: Callable[[], NetworkInput],
        *,
        device: torch.device,
        dtype: torch.dtype,
    ):
        self._q_function = q_function
        self._make_input = make_input
        self._input = make_input()
        self._device = device
        self._dtype = dtype
        self._recorded: dict[int, RecordedFunction] = {}

    def __call__(self, states: np.ndarray) -> np.ndarray:
        """Q-values, `dtype` (n, num_actions), of n states, (n, *state_shape)."""
        if self._device.type == "cuda":
            return self._predict_on_gpu(states)
        (q_values,) = self._compute(self._input, states)
        return q_values.numpy()

    def _predict_on_gpu(self, states: np.ndarray) -> np.ndarray:
        n = len(states)
        size = 1 << (n - 1).bit_length()
        x = upload(states, self._device, size)
        if size not in self._recorded:
            # With an input of its own, whose memory no other size takes away
            self._recorded[size] = RecordedFunction(partial(self._compute, self._make_input()))
        (q_values,) = self._recorded[size](x)
        return q_values[:n].cpu().numpy()

    def _compute(self, network_input: NetworkInput, states: np.ndarray | Tensor) -> tuple[Tensor]:
        x = network_input.convert(states)
        with torch.inference_mode():
            return (self._q_function(x, inference=True).to(self._dtype),)

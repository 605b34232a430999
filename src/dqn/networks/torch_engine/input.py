"""The way of the states into the network: uint8 screens to floats in 0..1, channels last."""

import cv2
import numpy as np
import torch
from torch import Tensor


class NetworkInput:
    """Converts states for the network in memory that it uses again and again.

    `dtype` is that of the result. PyTorch would take five times as long to put the channels last.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype):
        self._device = device
        self._dtype = dtype
        self._pixels = torch.empty(0, dtype=torch.uint8)  # (n, height, width, history)
        self._floats = torch.empty(0, dtype=dtype, device=device)

    def convert(self, states: np.ndarray | Tensor) -> Tensor:
        """States, uint8 (n, history, height, width), divided by 255; the next call overwrites it.

        They are an array, or a tensor on the device. The result has the same shape, and its
        channels last in memory.
        """
        num_states, history_length, height, width = states.shape
        shape = (num_states, height, width, history_length)
        if self._floats.shape[1:] != shape[1:] or len(self._floats) < num_states:
            self._pixels = torch.empty(shape, dtype=torch.uint8)
            self._floats = torch.empty(shape, dtype=self._dtype, device=self._device)
        if isinstance(states, Tensor):
            pixels = states.permute(0, 2, 3, 1)
        else:
            pixels = self._pixels[:num_states]
            for state, interleaved in zip(states, pixels.numpy(), strict=True):
                cv2.merge(state, interleaved)
            pixels = pixels.to(self._device)  # as uint8: fewer bytes to move
        return self._floats[:num_states].copy_(pixels).div_(255).permute(0, 3, 1, 2)

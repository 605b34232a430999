"""The way of the states into the network: to floats, uint8 to 0..1, screens with channels last."""

from typing import Any, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from dqn.networks.architecture import Architecture

MOST_MERGED = 128  # channels that OpenCV 5 can merge


class NetworkInput(Protocol):
    """Converts states for the network."""

    def convert(self, states: np.ndarray | Tensor) -> Tensor:
        """What the first layer takes, of states (n, *state_shape): uint8 is divided by 255.

        They are an array, or a tensor on the device. The next call overwrites the result.
        """


def create_input(
    architecture: Architecture, device: torch.device, dtype: torch.dtype
) -> NetworkInput:
    """The input of a network whose computation is in `dtype` on `device`."""
    if architecture.state_dtype != "uint8":
        return NumbersInput(device, dtype)
    if not architecture.convolutions:
        return VectorInput(device, dtype)
    return ScreenInput(architecture.input_channels, device, dtype)


class ScreenInput:
    """Gives (images, channels, height, width), channels last, in memory that it uses again.

    A state is one image, or with shared convolutions one for each of its screens, which follow
    from its number of `channels`. PyTorch would take five times as long to put the channels last.
    """

    def __init__(self, channels: int, device: torch.device, dtype: torch.dtype):
        self._channels = channels
        self._interleave: Any = cv2.merge if channels <= MOST_MERGED else _interleave
        self._device = device
        self._dtype = dtype
        self._pixels = torch.empty(0, dtype=torch.uint8)  # (images, height, width, channels)
        self._floats = torch.empty(0, dtype=dtype, device=device)

    def convert(self, states: np.ndarray | Tensor) -> Tensor:
        height, width = states.shape[-2:]
        images = states.reshape(-1, self._channels, height, width)
        num_images = len(images)
        shape = (num_images, height, width, self._channels)
        if self._floats.shape[1:] != shape[1:] or len(self._floats) < num_images:
            self._pixels = torch.empty(shape, dtype=torch.uint8)
            self._floats = torch.empty(shape, dtype=self._dtype, device=self._device)
        if isinstance(images, Tensor):
            pixels = images.permute(0, 2, 3, 1)
        else:
            pixels = self._pixels[:num_images]
            for image, interleaved in zip(images, pixels.numpy(), strict=True):
                self._interleave(image, interleaved)
            pixels = pixels.to(self._device)  # as uint8: fewer bytes to move
        return self._floats[:num_images].copy_(pixels).div_(255).permute(0, 3, 1, 2)


class NumbersInput:
    """Gives all numbers of a state in a row, as they are: (n, numbers)."""

    def __init__(self, device: torch.device, dtype: torch.dtype):
        self._device = device
        self._dtype = dtype

    def convert(self, states: np.ndarray | Tensor) -> Tensor:
        numbers = states.reshape(len(states), -1)
        if not isinstance(numbers, Tensor):
            numbers = torch.from_numpy(np.ascontiguousarray(numbers))
        return numbers.to(self._device, self._dtype)


class VectorInput(NumbersInput):
    """The same for uint8, divided by 255."""

    def convert(self, states: np.ndarray | Tensor) -> Tensor:
        return super().convert(states).div_(255)


def _interleave(image: np.ndarray, interleaved: np.ndarray) -> None:
    np.copyto(interleaved, image.transpose(1, 2, 0))

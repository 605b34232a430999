"""The replay memory's observations on the GPU that learns from them."""

import math

import numpy as np
import numpy.typing as npt
import torch

from dqn.machine.upload import upload
from dqn.replay.minibatch import StatesOnDevice

MAX_WAITING = 256
# What the network, its minibatches and CUDA itself take of the GPU's memory
OTHER_GPU_MEMORY = 2 * 2**30


class DeviceObservations:
    """A Storage on `device`: a step uploads its observation, and a minibatch nothing.

    Observations wait on this side for the next call of another method, so that those of several
    steps are uploaded together. Raises torch.OutOfMemoryError, a RuntimeError, if they do not fit.
    """

    def __init__(
        self,
        size: int,
        *,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike = np.uint8,
        device: torch.device,
    ):
        self.size = size
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._device = device
        self._waiting = np.empty((MAX_WAITING, *self.shape), self.dtype)
        of_torch = torch.from_numpy(self._waiting).dtype
        self._observations = torch.empty((size, *self.shape), dtype=of_torch, device=device)
        self._indexes: list[int] = []  # of those that wait

    def write(self, indexes: int | np.ndarray, observations: np.ndarray) -> None:
        if isinstance(indexes, np.ndarray):
            self._upload()
            self._put(indexes, observations)
            return
        self._waiting[len(self._indexes)] = observations
        self._indexes.append(indexes)
        if len(self._indexes) == MAX_WAITING:
            self._upload()

    def read(self, indexes: np.ndarray) -> np.ndarray:
        self._upload()
        return self._observations[upload(indexes, self._device)].cpu().numpy()

    def gather(self, windows: np.ndarray) -> StatesOnDevice:
        """What the network gathers itself, of indexes (n, w): observations (n, w, *shape)."""
        self._upload()
        return StatesOnDevice(self._observations, windows)

    def _upload(self) -> None:
        if self._indexes:
            # The ring may be so small that an index comes twice, and the newest one counts.
            newest = {index: i for i, index in enumerate(self._indexes)}
            self._put(np.array(list(newest)), self._waiting[list(newest.values())])
            self._indexes = []

    def _put(self, indexes: np.ndarray, observations: np.ndarray) -> None:
        indexes_there = upload(indexes, self._device)
        self._observations.index_copy_(0, indexes_there, upload(observations, self._device))


def fits(
    size: int, shape: tuple[int, ...], device: torch.device, dtype: npt.DTypeLike = np.uint8
) -> bool:
    """Whether a GPU has room for that many observations beside everything else."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    num_bytes = size * math.prod(shape) * np.dtype(dtype).itemsize
    return num_bytes + OTHER_GPU_MEMORY <= free

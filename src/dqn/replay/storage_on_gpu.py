"""The replay memory's screens on the GPU that learns from them."""

import numpy as np
import torch
from torch import Tensor

MAX_WAITING = 256
# What the network, its minibatches and CUDA itself take of the GPU's memory
OTHER_GPU_MEMORY = 2 * 2**30


class DeviceScreens:
    """A Storage on `device`: a step uploads its screen, and a minibatch nothing.

    Screens wait on this side for the next call of another method, so that those of several steps
    are uploaded together. Raises torch.OutOfMemoryError, a RuntimeError, if they do not fit.
    """

    def __init__(self, size: int, *, screen_height: int, screen_width: int, device: torch.device):
        self.size = size
        self.shape = (screen_height, screen_width)
        self._device = device
        self._screens = torch.empty((size, *self.shape), dtype=torch.uint8, device=device)
        self._waiting = np.empty((MAX_WAITING, *self.shape), np.uint8)
        self._indexes: list[int] = []  # of those that wait

    def write(self, indexes: int | np.ndarray, screens: np.ndarray) -> None:
        if isinstance(indexes, np.ndarray):
            self._upload()
            self._put(indexes, screens)
            return
        self._waiting[len(self._indexes)] = screens
        self._indexes.append(indexes)
        if len(self._indexes) == MAX_WAITING:
            self._upload()

    def read(self, indexes: np.ndarray) -> np.ndarray:
        self._upload()
        return self._screens[self._to_device(indexes)].cpu().numpy()

    def gather(self, windows: np.ndarray) -> Tensor:
        """Screens, uint8 (n, w, height, width), of indexes (n, w), on the device."""
        self._upload()
        screens = self._screens.index_select(0, self._to_device(windows.reshape(-1)))
        return screens.reshape(*windows.shape, *self.shape)

    def _upload(self) -> None:
        if self._indexes:
            # The ring may be so small that an index comes twice, and the newest one counts.
            newest = {index: i for i, index in enumerate(self._indexes)}
            self._put(np.array(list(newest)), self._waiting[list(newest.values())])
            self._indexes = []

    def _put(self, indexes: np.ndarray, screens: np.ndarray) -> None:
        self._screens.index_copy_(0, self._to_device(indexes), self._to_device(screens))

    def _to_device(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)


def fits(size: int, screen_height: int, screen_width: int, device: torch.device) -> bool:
    """Whether a GPU has room for that many screens beside everything else."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return size * screen_height * screen_width + OTHER_GPU_MEMORY <= free

"""Moving arrays to the processor that learns."""

import numpy as np
import torch
from torch import Tensor


def upload(array: np.ndarray, device: torch.device, size: int | None = None) -> Tensor:
    """The array as a tensor on `device`.

    To a GPU it is copied from pinned memory, after all work queued there before, and nobody waits:
    the caller may change the array at once. With `size`, the tensor has that many rows; those after
    the array's hold arbitrary values.
    """
    rows = len(array) if size is None else size
    if device.type == "cpu" and rows == len(array):
        return torch.from_numpy(np.ascontiguousarray(array))
    dtype = torch.from_numpy(array[:0]).dtype
    pinned = torch.empty((rows, *array.shape[1:]), dtype=dtype, pin_memory=device.type == "cuda")
    pinned.numpy()[: len(array)] = array
    return pinned.to(device, non_blocking=True)

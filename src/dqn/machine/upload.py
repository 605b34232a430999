"""Moving arrays to the processor that learns."""

import numpy as np
import torch
from torch import Tensor


def upload(array: np.ndarray, device: torch.device, size: int | None = None) -> Tensor:
    """The array on `device`; a GPU gets a copy, after all that it was asked for before.

    Nobody waits for that: the copy is made from pinned memory, which PyTorch keeps until then. The
    array may be changed at once. With a `size`, anything is added behind its rows, to so many.
    """
    rows = len(array) if size is None else size
    if device.type == "cpu" and rows == len(array):
        return torch.from_numpy(np.ascontiguousarray(array))
    dtype = torch.from_numpy(array[:0]).dtype
    pinned = torch.empty((rows, *array.shape[1:]), dtype=dtype, pin_memory=device.type == "cuda")
    pinned.numpy()[: len(array)] = array
    return pinned.to(device, non_blocking=True)

"""How tensors become arrays in Neon's layout, and arrays tensors."""

import numpy as np
import torch
from torch import Tensor


def to_arrays(tensors: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """Copies of tensors by their names."""
    return {name: to_neon(tensor) for name, tensor in tensors.items()}


def load_arrays(tensors: dict[str, Tensor], arrays: dict[str, np.ndarray]) -> None:
    """The inverse of `to_arrays`, into the memory of `tensors`."""
    for name, tensor in tensors.items():
        load(tensor, arrays[name])


def to_neon(tensor: Tensor) -> np.ndarray:
    """A copy in Neon's layout: (C·R·S, K) of (K, C, R, S), (n, 1) of (n,), else the same."""
    array = tensor.detach().cpu().contiguous().numpy()
    if array.ndim == 4:
        array = array.reshape(len(array), -1).T
    elif array.ndim == 1:
        array = array[:, np.newaxis]
    return np.array(array, order="C")


def from_neon(array: np.ndarray, shape: tuple[int, ...]) -> Tensor:
    """The inverse of `to_neon` for a tensor of `shape`."""
    return torch.from_numpy(np.ascontiguousarray(array.T if len(shape) == 4 else array)).reshape(
        shape
    )


def load(tensor: Tensor, array: np.ndarray) -> None:
    """Set a tensor to an array in Neon's layout.

    Raises ValueError if it is something else, or holds a number that is not finite, or too large
    for the type of the tensor.
    """
    shape = tuple(tensor.shape)
    if len(shape) == 4:
        shape = (shape[1] * shape[2] * shape[3], shape[0])
    elif len(shape) == 1:
        shape = (*shape, 1)
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or array.shape != shape:
        raise ValueError(f"an array is not one of floats {shape}")
    with torch.no_grad():
        tensor.copy_(from_neon(array, tensor.shape))
    if not torch.isfinite(tensor).all():
        raise ValueError(f"its network has diverged: not all of it is finite in {tensor.dtype}")

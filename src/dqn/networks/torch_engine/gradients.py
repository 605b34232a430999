"""Bounding the gradient of a minibatch."""

import torch
from torch import Tensor


def clip_norm_(gradients: tuple[Tensor, ...], max_norm: float, batch_size: int) -> None:
    """Scale gradients in place so that their mean over the minibatch has at most `max_norm`.

    The norm is the Euclidean one of all of them together (Wang et al. 2016, section 4.2);
    `gradients` are sums over `batch_size` transitions.
    """
    # In 16 bits a norm would be inexact, or overflow
    dtype = torch.float64 if gradients[0].dtype == torch.float64 else torch.float32
    norm = torch.stack(torch._foreach_norm(gradients, 2, dtype)).norm() / batch_size
    scale = (max_norm / norm).clamp(max=1)
    torch._foreach_mul_(gradients, scale)

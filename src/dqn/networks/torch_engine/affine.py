"""The affine layer, computed by oneDNN in float32 on a CPU, as the convolutions are.

PyTorch leaves it to MKL, which takes up to twice as long on processors that are not Intel's.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

# PyTorch's own compiler calls this operator; builds without oneDNN lack it.
_linear_pointwise: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


def affine(x: Tensor, weights: Tensor) -> Tensor:
    """Return x Wᵀ, (n, n_out), of x (n, n_in) and weights (n_out, n_in)."""
    if x.device.type == "cpu" and x.dtype == torch.float32 and _linear_pointwise is not None:
        result: Tensor = _OneDnnAffine.apply(x, weights)  # type: ignore[no-untyped-call]
        return result
    return F.linear(x, weights)


class _OneDnnAffine(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, weights: Tensor) -> Tensor:
        context.save_for_backward(x, weights)
        return _multiply(x, weights)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, weights = context.saved_tensors
        return _multiply(gradient, weights.T), _multiply(gradient.T, x.T)


def _multiply(a: Tensor, b: Tensor) -> Tensor:
    """Return a bᵀ."""
    product: Tensor = _linear_pointwise(a, b, None, "none", [], "")
    return product

"""Stochastic rounding of weights, which Neon's GPU backend offers for 16-bit training."""

import torch
from torch import Tensor

# dtype: (integer of the same size, bits of the mantissa)
_FORMATS = {torch.float32: (torch.int32, 23), torch.float64: (torch.int64, 52)}


def mantissa_bits(dtype: torch.dtype) -> int:
    """Bits of the mantissa that `dtype` stores: 10 for float16, 7 for bfloat16."""
    return round(-torch.log2(torch.tensor(torch.finfo(dtype).eps, dtype=torch.float64)).item())


@torch.no_grad()
def stochastic_round_(tensor: Tensor, bits: int, generator: torch.Generator) -> None:
    """Round a float32 or float64 tensor in place to `bits` bits of mantissa.

    Each value goes up in magnitude with the probability of the fraction that is cut off, so that
    the expected value stays (Gupta et al. 2015, section 3.1).
    """
    integer, mantissa = _FORMATS[tensor.dtype]
    cut = mantissa - bits
    if cut <= 0:
        return
    raw = tensor.view(integer)  # sign and magnitude: adding to it moves away from zero
    noise = torch.empty_like(raw).random_(0, 1 << cut, generator=generator)
    raw.add_(noise).bitwise_and_(-(1 << cut))

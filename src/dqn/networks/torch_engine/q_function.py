"""Q(s, ·; θ) as a PyTorch module, and how its weights lie in memory."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dqn.networks.architecture import CONVOLUTIONS
from dqn.networks.torch_engine.affine import affine

BATCH_NORM_TENSORS = ("beta", "gamma", "gmean", "gvar")


class QFunction(nn.Module):
    """The layers of the network; `weights` are their initial values in Neon's layout.

    The weights are kept in `weight_dtype` and computed with in `dtype`: where that is another one,
    by copies that `refresh` renews after every change of the weights.
    """

    def __init__(
        self,
        weights: list[np.ndarray],
        *,
        history_length: int,
        batch_norm: bool,
        device: torch.device,
        weight_dtype: torch.dtype,
        dtype: torch.dtype,
    ):
        super().__init__()
        self.weights = nn.ParameterList()
        channels = history_length
        for array, (filters, size, _) in zip(weights, CONVOLUTIONS, strict=False):
            tensor = from_neon(array, (filters, channels, size, size))
            tensor = tensor.contiguous(memory_format=torch.channels_last)
            self.weights.append(nn.Parameter(tensor))
            channels = filters
        for array in weights[len(CONVOLUTIONS) :]:
            self.weights.append(nn.Parameter(from_neon(array, array.shape)))
        self.norms = nn.ModuleList(
            BatchNormalization(len(w)) for w in self.weights[:-1] if batch_norm
        )
        self.to(device, weight_dtype)
        self._copies = [
            w.detach().to(dtype).requires_grad_() for w in self.weights if dtype != weight_dtype
        ]

    def layers(self) -> list[tuple[Tensor, "BatchNormalization | None"]]:
        """The weights of each layer, and the batch normalisation after it."""
        return list(zip(self.weights, self._norm_of_each_layer(), strict=True))

    def leaves(self) -> list[Tensor]:
        """What gradients are computed for: one tensor for each of `parameters()`, in its order."""
        return [*(self._copies or self.weights), *self.norms.parameters()]

    @torch.no_grad()
    def refresh(self) -> None:
        """Compute with the weights as they are now."""
        for copy, weights in zip(self._copies, self.weights, strict=False):
            copy.copy_(weights)

    def forward(self, x: Tensor, inference: bool) -> Tensor:
        """Q-values (n, num_actions) of states (n, history, height, width) in 0..1."""
        norms = self._norm_of_each_layer()
        for index, weights in enumerate(self._copies or self.weights):
            if index < len(CONVOLUTIONS):
                x = F.conv2d(x, weights, stride=CONVOLUTIONS[index][2])
            else:
                x = affine(x, weights)
            norm = norms[index]
            if norm is not None:
                x = norm(x, inference)
            if index == len(CONVOLUTIONS) - 1:
                x = x.flatten(1)  # before ReLU, whose gradient is fast only if laid out as x is
            if index < len(norms) - 1:
                x = F.relu_(x)
        return x

    def _norm_of_each_layer(self) -> list["BatchNormalization | None"]:
        return [*(self.norms or [None] * (len(self.weights) - 1)), None]


class BatchNormalization(nn.Module):
    """Neon's BatchNorm (neon/layers/layer.py): ρ = 0.9, ε = 1e-3, running values from 0.

    Unlike PyTorch's, its running variance is the biased one.
    """

    rho = 0.9
    epsilon = 1e-3
    gmean: Tensor
    gvar: Tensor

    def __init__(self, num_features: int):
        super().__init__()
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.register_buffer("gmean", torch.zeros(num_features))
        self.register_buffer("gvar", torch.zeros(num_features))

    def forward(self, x: Tensor, inference: bool) -> Tensor:
        """Normalise x, (n, features) or (n, features, height, width), over all but features."""
        if inference:
            return F.batch_norm(x, self.gmean, self.gvar, self.gamma, self.beta, eps=self.epsilon)
        with torch.no_grad():
            dimensions = [d for d in range(x.dim()) if d != 1]
            variance, mean = torch.var_mean(x.to(self.gvar.dtype), dimensions, correction=0)
            self.gmean.lerp_(mean, 1 - self.rho)
            self.gvar.lerp_(variance, 1 - self.rho)
        return F.batch_norm(x, None, None, self.gamma, self.beta, training=True, eps=self.epsilon)


def to_arrays(function: nn.Module) -> dict[str, np.ndarray]:
    """Copies of a module's tensors by their names, in Neon's layout."""
    return {name: to_neon(tensor) for name, tensor in function.state_dict().items()}


def load_arrays(function: nn.Module, arrays: dict[str, np.ndarray]) -> None:
    """The inverse of `to_arrays`."""
    for name, tensor in function.state_dict().items():  # they share the module's memory
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

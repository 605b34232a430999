"""Q(s, ·; θ) as a PyTorch module: the layers that an architecture asks for, one after another."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dqn.networks.architecture import Architecture
from dqn.networks.torch_engine.affine import affine
from dqn.networks.torch_engine.dueling import DUELING
from dqn.networks.torch_engine.layout import from_neon

ACTIVATIONS = {"relu": nn.ReLU, "elu": nn.ELU}


class QFunction(nn.Module):
    """The layers of the network; `weights` are their initial weights and biases in Neon's layout.

    The weights are kept in `weight_dtype` and computed with in `dtype`: where that is another one,
    by copies that `refresh` renews after every change of the weights. The last layer is computed in
    `weight_dtype`: in bfloat16, the numbers next to a Q-value of 2 are 1/64 apart, which is too
    coarse to tell actions apart.
    """

    def __init__(
        self,
        architecture: Architecture,
        weights: list[tuple[np.ndarray, np.ndarray]],
        *,
        device: torch.device,
        weight_dtype: torch.dtype,
        dtype: torch.dtype,
    ):
        super().__init__()
        last = len(weights) - 1
        self.weighted: list[Weighted] = []
        layers: list[nn.Module] = []
        for index, (array, biases) in enumerate(weights):
            if index == last and dtype != weight_dtype:
                layers.append(Conversion(weight_dtype))
            layer = _create_weighted(architecture, index, array)
            if architecture.biases:
                layer.biases = nn.Parameter(from_neon(biases, (len(biases),)))
            self.weighted.append(layer)
            layers.append(layer)
            if architecture.batch_norm and index < last:
                layer.norm = BatchNormalization(layer.num_outputs)
                layers.append(layer.norm)
            if index == len(architecture.convolutions) - 1:
                # Before the rectifier, whose gradient is fast only if laid out as x is
                screens = architecture.state_shape[0] if architecture.shared_convolutions else 1
                layers.append(Flatten(screens))
            if index < last:
                layers.append(ACTIVATIONS[architecture.activation](inplace=True))
        if architecture.is_dueling:
            layers.append(DUELING[architecture.dueling]())
        self.layers = nn.ModuleList(layers)
        self._in_turn = layers  # without ModuleList's overhead
        self.norms = [layer.norm for layer in self.weighted if layer.norm is not None]
        self.to(device, weight_dtype)
        for layer in self.weighted[:last]:
            layer.compute_in(dtype)
        self.weighted[last].compute_in(weight_dtype)

    @property
    def _biases(self) -> list[nn.Parameter]:
        return [layer.biases for layer in self.weighted if layer.biases is not None]

    def learned(self) -> list[Tensor]:
        """Everything that an optimizer changes."""
        norms = [tensor for norm in self.norms for tensor in (norm.beta, norm.gamma)]
        return [*(layer.weights for layer in self.weighted), *self._biases, *norms]

    def leaves(self) -> list[Tensor]:
        """What gradients are computed for: one tensor for each of `learned()`, in its order."""
        weights = [layer.computed[0] for layer in self.weighted]
        biases = [layer.computed[1] for layer in self.weighted if layer.computed[1] is not None]
        return [*weights, *biases, *self.learned()[len(weights) + len(biases) :]]

    def tensors(self) -> dict[str, Tensor]:
        """Everything that Q depends on, by the names in a checkpoint."""
        weights = {f"weights.{i}": layer.weights for i, layer in enumerate(self.weighted)}
        biases = {f"biases.{i}": tensor for i, tensor in enumerate(self._biases)}
        norms = {
            f"norms.{i}.{name}": getattr(norm, name)
            for i, norm in enumerate(self.norms)
            for name in BatchNormalization.tensor_names
        }
        return weights | biases | norms

    @torch.no_grad()
    def refresh(self) -> None:
        """Compute with the weights as they are now."""
        for layer in self.weighted:
            layer.refresh()

    @torch.no_grad()
    def move_towards(self, other: "QFunction", rate: float) -> None:
        """θ := (1−τ)θ + τθ′ with the `rate` τ in 0..1; 1 copies the `other`'s θ′."""
        for mine, theirs in zip(self.tensors().values(), other.tensors().values(), strict=True):
            if rate == 1:
                mine.copy_(theirs)
            else:
                mine.lerp_(theirs, rate)
        self.refresh()

    def forward(self, x: Tensor, inference: bool) -> Tensor:
        """Q-values (n, num_actions) of n states as `NetworkInput` converts them."""
        for norm in self.norms:
            norm.inference = inference
        for layer in self._in_turn:
            x = layer.forward(x)
        return x


class Weighted(nn.Module):
    """A layer with weights, and biases if `biases` is set; `norm` is the normalisation after it.

    `computed` are the weights and biases in the datatype of the computation.
    """

    def __init__(self, weights: Tensor):
        super().__init__()
        self.weights = nn.Parameter(weights)
        self.biases: nn.Parameter | None = None
        self.norm: BatchNormalization | None = None
        self.num_outputs = len(weights)
        self.computed: tuple[Tensor, Tensor | None] = (self.weights, None)
        self._has_copies = False

    def compute_in(self, dtype: torch.dtype) -> None:
        """Compute with copies of another `dtype`, or with the weights themselves."""
        self._has_copies = dtype != self.weights.dtype
        weights, biases = self.weights, self.biases
        if self._has_copies:
            self.computed = _copy(weights, dtype), None if biases is None else _copy(biases, dtype)
        else:
            self.computed = weights, biases

    def refresh(self) -> None:
        """Renew the copies, if there are any."""
        if self._has_copies:
            for copy, tensor in zip(self.computed, (self.weights, self.biases), strict=True):
                if copy is not None and tensor is not None:
                    copy.copy_(tensor)


class ConvolutionLayer(Weighted):
    """Convolves (n, channels, height, width); `weights` are (filters, channels, height, width)."""

    def __init__(self, weights: Tensor, stride: int):
        super().__init__(weights.contiguous(memory_format=torch.channels_last))
        self._stride = stride

    def forward(self, x: Tensor) -> Tensor:
        weights, biases = self.computed
        return F.conv2d(x, weights, biases, stride=self._stride)


class AffineLayer(Weighted):
    """x Wᵀ + b, (n, n_out), of x (n, n_in) and weights (n_out, n_in)."""

    def forward(self, x: Tensor) -> Tensor:
        weights, biases = self.computed
        x = affine(x, weights)
        return x if biases is None else x + biases


class StreamsLayer(Weighted):
    """A value from the first half of x, (n, 2·n_in), and advantages from the second half.

    They are (n, 1 + num_actions), of weights (1 + num_actions, n_in).
    """

    def forward(self, x: Tensor) -> Tensor:
        weights, biases = self.computed
        of_value, of_advantages = x.chunk(2, dim=1)
        value = F.linear(of_value, weights[:1])
        x = torch.cat((value, F.linear(of_advantages, weights[1:])), dim=1)
        return x if biases is None else x + biases


class Flatten(nn.Module):
    """Numbers (n, features) of what convolutions give of n states, of `screens` images each."""

    def __init__(self, screens: int):
        super().__init__()
        self._screens = screens

    def forward(self, x: Tensor) -> Tensor:
        """x: (n·screens, channels, height, width)."""
        x = x.flatten(1)
        return x if self._screens == 1 else x.reshape(-1, self._screens * x.shape[1])


class Conversion(nn.Module):
    """The same numbers in another datatype."""

    def __init__(self, dtype: torch.dtype):
        super().__init__()
        self._dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        """x: any shape."""
        return x.to(self._dtype)


class BatchNormalization(nn.Module):
    """Neon's BatchNorm (neon/layers/layer.py): ρ = 0.9, ε = 1e-3, running values from 0.

    Unlike PyTorch's, its running variance is the biased one.
    """

    tensor_names = ("beta", "gamma", "gmean", "gvar")
    rho = 0.9
    epsilon = 1e-3
    gmean: Tensor
    gvar: Tensor

    def __init__(self, num_features: int):
        super().__init__()
        self.inference = False
        self.beta = nn.Parameter(torch.zeros(num_features))
        self.gamma = nn.Parameter(torch.ones(num_features))
        self.register_buffer("gmean", torch.zeros(num_features))
        self.register_buffer("gvar", torch.zeros(num_features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x, (n, features) or (n, features, height, width), over all but features."""
        if self.inference:
            return F.batch_norm(x, self.gmean, self.gvar, self.gamma, self.beta, eps=self.epsilon)
        with torch.no_grad():
            dimensions = [d for d in range(x.dim()) if d != 1]
            variance, mean = torch.var_mean(x.to(self.gvar.dtype), dimensions, correction=0)
            self.gmean.lerp_(mean, 1 - self.rho)
            self.gvar.lerp_(variance, 1 - self.rho)
        return F.batch_norm(x, None, None, self.gamma, self.beta, training=True, eps=self.epsilon)


def _create_weighted(architecture: Architecture, index: int, array: np.ndarray) -> Weighted:
    if index < len(architecture.convolutions):
        of = architecture.convolutions[index]
        channels = len(array) // (of.height * of.width)
        shape = (of.filters, channels, of.height, of.width)
        return ConvolutionLayer(from_neon(array, shape), of.stride)
    is_last = index == len(architecture.layer_shapes) - 1
    kind = StreamsLayer if is_last and architecture.has_streams else AffineLayer
    return kind(from_neon(array, array.shape))


def _copy(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.detach().to(dtype).requires_grad_()

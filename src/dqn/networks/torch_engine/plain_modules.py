"""The network as PyTorch's own modules, whichever engine trained it, and as TorchScript."""

import inspect
import io
import warnings
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from dqn.errors import UserError
from dqn.networks.architecture import Architecture
from dqn.networks.exported import ExportedNetwork
from dqn.networks.layers import BatchNorm, Layer
from dqn.networks.torch_engine.dueling import DUELING
from dqn.networks.torch_engine.inspector import TorchInspector
from dqn.networks.torch_engine.layout import from_neon
from dqn.networks.torch_engine.q_function import ACTIVATIONS, BatchNormalization

CHECKED_STATES = 3
TOLERANCE = 1e-4  # of the largest Q-value; float32 has 6e-8


def export(architecture: Architecture, layers: list[Layer]) -> ExportedNetwork:
    """A network of plain modules with these layers, which fit the architecture.

    Raises UserError if its Q-values are not those of the network itself.
    """
    modules = plain_modules(architecture, layers)
    divisor = 255 if architecture.state_dtype == "uint8" else 1
    _check(modules, divisor, TorchInspector(architecture, layers))
    own = [module for module in modules if not _is_torchs(module)]
    return ExportedNetwork(
        arrays={
            name: tensor.contiguous().numpy()
            for name, tensor in modules.state_dict().items()
            if not name.endswith("num_batches_tracked")  # which evaluation does not need
        },
        code=_constructor(modules),
        classes="\n\n".join(inspect.getsource(type(module)).rstrip() for module in own),
        program=_torchscript(modules, divisor),
    )


def _check(modules: nn.Sequential, divisor: int, network: TorchInspector) -> None:
    """See that modules compute what the network does, whatever its architecture may have."""
    architecture = network.architecture
    shape = (CHECKED_STATES, *architecture.state_shape)
    numbers = np.random.default_rng(0).integers(2 if divisor == 1 else 256, size=shape)
    states = numbers.astype(architecture.state_dtype)
    expected = network.predict(states)
    with torch.no_grad():
        found = modules(torch.from_numpy(states).float() / divisor).numpy()
    if not np.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE * np.abs(expected).max()):
        raise UserError(
            "the network cannot be written as PyTorch's own modules: their Q-values would differ"
        )


def plain_modules(architecture: Architecture, layers: list[Layer]) -> nn.Sequential:
    """The modules, for evaluation; they take states as floats, of screens in 0..1."""
    return nn.Sequential(*_modules(architecture, layers)).to(torch.float32).eval()


def _modules(architecture: Architecture, layers: list[Layer]) -> Iterator[nn.Module]:
    history, *observation = architecture.state_shape
    num_convolutions = len(architecture.convolutions)
    if not num_convolutions:
        yield nn.Flatten()
    elif architecture.shared_convolutions:  # each screen is an image of its own
        if len(observation) == 2:
            yield nn.Unflatten(1, (history, 1))
        yield nn.Flatten(0, 1)
    elif len(observation) == 3:
        yield nn.Flatten(1, 2)
    channels = architecture.input_channels if num_convolutions else 0
    for index, layer in enumerate(layers):
        is_last = index == len(layers) - 1
        if index < num_convolutions:
            yield _convolution(architecture, index, layer, channels)
            channels = architecture.convolutions[index].filters
        else:
            yield _linear(layer, has_streams=is_last and architecture.has_streams)
        if layer.batch_norm:
            yield _normalisation(layer.batch_norm, is_of_images=index < num_convolutions)
        if not is_last:
            yield ACTIVATIONS[architecture.activation]()
        if index == num_convolutions - 1:
            yield nn.Flatten()
            if architecture.shared_convolutions:
                yield nn.Unflatten(0, (-1, history))
                yield nn.Flatten()
    if architecture.is_dueling:
        yield DUELING[architecture.dueling]()


def _convolution(architecture: Architecture, index: int, layer: Layer, channels: int) -> nn.Module:
    of = architecture.convolutions[index]
    size, stride = (of.height, of.width), of.stride
    module = nn.Conv2d(channels, of.filters, size, stride, bias=layer.biases is not None)
    module.weight = nn.Parameter(from_neon(layer.weights, tuple(module.weight.shape)))
    _set_biases(module, layer)
    return module


def _linear(layer: Layer, has_streams: bool) -> nn.Module:
    weights = layer.weights
    if has_streams:  # each sees its half of what comes: the rest are zeros
        num_outputs, half = weights.shape
        both = np.zeros((num_outputs, 2 * half), weights.dtype)
        both[:1, :half], both[1:, half:] = weights[:1], weights[1:]
        weights = both
    module = nn.Linear(weights.shape[1], weights.shape[0], bias=layer.biases is not None)
    module.weight = nn.Parameter(from_neon(weights, weights.shape))
    _set_biases(module, layer)
    return module


def _set_biases(module: nn.Conv2d | nn.Linear, layer: Layer) -> None:
    if layer.biases is not None:
        module.bias = nn.Parameter(_vector(layer.biases.values))


def _normalisation(norm: BatchNorm, is_of_images: bool) -> nn.Module:
    kind = nn.BatchNorm2d if is_of_images else nn.BatchNorm1d
    module = kind(len(norm.beta), eps=BatchNormalization.epsilon)
    module.weight = nn.Parameter(_vector(norm.gamma))
    module.bias = nn.Parameter(_vector(norm.beta))
    module.running_mean, module.running_var = _vector(norm.gmean), _vector(norm.gvar)
    return module


def _vector(column: np.ndarray) -> Tensor:
    return from_neon(column, (len(column),))


class _Agent(nn.Module):
    """Q-values of states as the game gives them."""

    def __init__(self, modules: nn.Sequential, divisor: int):
        super().__init__()
        self.modules_in_turn = modules
        self.divisor = divisor

    def forward(self, states: Tensor) -> Tensor:
        return self.modules_in_turn(states.float() / self.divisor)


def _torchscript(modules: nn.Sequential, divisor: int) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # It is deprecated, and all the same what leaderboards and C++ read; a program of
        # torch.export can be loaded by as new a PyTorch alone.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(_Agent(modules, divisor)), buffer)
    return buffer.getvalue()


def _constructor(modules: nn.Sequential) -> str:
    """The expression that makes the modules: each with weights begins a line."""
    lines: list[list[str]] = []
    for module in modules:
        if not lines or next(module.parameters(), None) is not None:
            lines.append([])
        lines[-1].append(_call(module))
    inner = "".join(f"    {', '.join(line)},\n" for line in lines)
    return f"nn.Sequential(\n{inner})"


def _call(module: nn.Module) -> str:
    """How a module is made, in any version of PyTorch."""
    values: list[object] = []
    match module:
        case nn.Conv2d(kernel_size=size, stride=stride):
            values = [module.in_channels, module.out_channels, size, stride[0]]
        case nn.Linear():
            values = [module.in_features, module.out_features]
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            values = [module.num_features, module.eps]
        case nn.Flatten() if (module.start_dim, module.end_dim) != (1, -1):
            values = [module.start_dim, module.end_dim]
        case nn.Unflatten():
            values = [module.dim, module.unflattened_size]
    arguments = list(map(str, values))
    if getattr(module, "bias", "") is None:
        arguments.append("bias=False")
    return f"{'nn.' if _is_torchs(module) else ''}{type(module).__name__}({', '.join(arguments)})"


def _is_torchs(module: nn.Module) -> bool:
    return type(module).__module__.startswith("torch.")

"""Looks into the network on PyTorch, whichever engine trained it."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dqn.networks.architecture import Architecture
from dqn.networks.inspector import NetworkInspector, Unit
from dqn.networks.layers import Layer, check_layers
from dqn.networks.torch_engine.input import create_input
from dqn.networks.torch_engine.layout import load
from dqn.networks.torch_engine.q_function import ACTIVATIONS, QFunction

CPU = torch.device("cpu")
DTYPE = torch.float32


class TorchInspector(NetworkInspector):
    """Computes in float32 on the CPU with a copy of `layers`.

    Raises UserError if they do not fit the architecture, or are too large for float32.
    """

    def __init__(self, architecture: Architecture, layers: list[Layer]):
        self.architecture = architecture
        q_function = create_q_function(architecture, layers)
        self._input = create_input(architecture, CPU, DTYPE)
        self._images = architecture.state_shape[0] if architecture.shared_convolutions else 1
        # The last module before each convolution's activation function
        convolutions = q_function.weighted[: len(architecture.convolutions)]
        self._ends: list[nn.Module] = [layer.norm or layer for layer in convolutions]
        # The network's own activation functions write over what they are given.
        kind = ACTIVATIONS[architecture.activation]
        self._modules = _replacing(q_function.layers, kind, kind())
        self._guided = _replacing(q_function.layers, kind, Guided(kind()))

    def predict(self, states: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            x = self._input.convert(states)
            for module in self._modules:
                x = _apply(module, x)
            return x.numpy()

    def responses(self, states: np.ndarray) -> list[np.ndarray]:
        found: list[np.ndarray] = []
        with torch.no_grad():
            x = self._input.convert(states)
            for module in self._modules:
                if len(found) == len(self._ends):
                    break
                x = _apply(module, x)
                if module is self._ends[len(found)]:
                    maps = x.reshape(len(states), self._images, *x.shape[1:])
                    found.append(maps.contiguous().numpy())
        return found

    def guided_backpropagation(self, state: np.ndarray, unit: Unit) -> np.ndarray:
        x = start = self._leaf(state[np.newaxis])
        for module in self._guided:
            x = _apply(module, x)
            if module is self._ends[unit.layer]:
                break
        response = x[unit.image, unit.filter, unit.row, unit.column]
        (gradient,) = torch.autograd.grad(response, start)
        return self._as_states(gradient)[0]

    def guided_gradient(self, states: np.ndarray, actions: np.ndarray) -> np.ndarray:
        return self._gradient(self._guided, states, actions)

    def gradient(self, states: np.ndarray, actions: np.ndarray) -> np.ndarray:
        return self._gradient(self._modules, states, actions)

    def _gradient(
        self, modules: list[nn.Module], states: np.ndarray, actions: np.ndarray
    ) -> np.ndarray:
        x = start = self._leaf(states)
        for module in modules:
            x = _apply(module, x)
        chosen = x.gather(1, torch.from_numpy(np.asarray(actions, np.int64))[:, None])
        (gradient,) = torch.autograd.grad(chosen.sum(), start)
        return self._as_states(gradient)

    def _leaf(self, states: np.ndarray) -> Tensor:
        """What the network takes of the states, to compute gradients with respect to it."""
        return self._input.convert(states).clone().requires_grad_()

    def _as_states(self, gradient: Tensor) -> np.ndarray:
        """A gradient with respect to the input in the shape of the states."""
        return gradient.contiguous().numpy().reshape(-1, *self.architecture.state_shape)


class Guided(nn.Module):
    """An activation function whose gradient is the guided one (Springenberg et al. 2015, 3.4)."""

    def __init__(self, activation: nn.Module):
        super().__init__()
        self._activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """What the activation function gives of x, of any shape."""
        return _apply_guided(x, self._activation)


class _GuidedFunction(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, activation: nn.Module) -> Tensor:
        context.save_for_backward(x)
        return _apply(activation, x)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = context.saved_tensors
        return torch.where(x > 0, gradient.clamp(min=0), 0), None


def _apply_guided(x: Tensor, activation: nn.Module) -> Tensor:
    result: Tensor = _GuidedFunction.apply(x, activation)  # type: ignore[no-untyped-call]
    return result


def create_q_function(architecture: Architecture, layers: list[Layer]) -> QFunction:
    """The network of an architecture with the weights of `layers`, as a PyTorch module.

    Raises UserError if they do not fit the architecture, or are too large for float32.
    """
    check_layers(layers, architecture, "float32")
    none = np.zeros((0, 1))
    weights = [(layer.weights, layer.biases.values if layer.biases else none) for layer in layers]
    q_function = QFunction(architecture, weights, device=CPU, weight_dtype=DTYPE, dtype=DTYPE)
    for mine, layer in zip(q_function.weighted, layers, strict=True):
        load(mine.weights, layer.weights)
        if mine.norm is not None and layer.batch_norm is not None:
            mine.norm.inference = True
            for name in mine.norm.tensor_names:
                load(getattr(mine.norm, name), getattr(layer.batch_norm, name))
    return q_function.requires_grad_(False)


def _replacing(modules: nn.ModuleList, kind: type[nn.Module], other: nn.Module) -> list[nn.Module]:
    return [other if isinstance(module, kind) else module for module in modules]


def _apply(module: nn.Module, x: Tensor) -> Tensor:
    result: Tensor = module(x)
    return result

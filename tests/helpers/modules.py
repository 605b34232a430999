"""Networks in the form that anyone would write in PyTorch, to compare ours with."""

import math

import torch
from torch import nn

from dqn.networks.architecture import Architecture
from dqn.networks.layers import Layer

ACTIVATIONS = {"relu": nn.ReLU, "elu": nn.ELU}


def as_module(architecture: Architecture, layers: list[Layer], last_layer=None) -> nn.Sequential:
    """The network without dueling, or its convolutions up to `last_layer` without the activation.

    It takes (n, channels, height, width) of screens in 0..1, or (n, numbers).
    """
    modules: list[nn.Module] = []
    channels = architecture.input_channels if architecture.convolutions else 0
    for index, layer in enumerate(layers):
        if index < len(architecture.convolutions):
            of = architecture.convolutions[index]
            weighted = nn.Conv2d(channels, of.filters, (of.height, of.width), of.stride)
            channels = of.filters
            weights = torch.tensor(layer.weights.T).reshape(weighted.weight.shape)
            kind = nn.BatchNorm2d
        else:
            if index == len(architecture.convolutions):
                modules.append(nn.Flatten())
            weighted = nn.Linear(layer.weights.shape[1], layer.weights.shape[0])
            weights = torch.tensor(layer.weights)
            kind = nn.BatchNorm1d
        biases = torch.zeros(math.prod(weighted.bias.shape))
        if layer.biases:
            biases = torch.tensor(layer.biases.values).flatten()
        weighted.load_state_dict({"weight": weights.float(), "bias": biases.float()})
        modules.append(weighted)
        if layer.batch_norm:
            norm = kind(len(weights), eps=1e-3)
            of_norm = layer.batch_norm
            names = {"weight": "gamma", "bias": "beta"}
            names |= {"running_mean": "gmean", "running_var": "gvar"}
            tensors = {n: torch.tensor(getattr(of_norm, o)).flatten() for n, o in names.items()}
            norm.load_state_dict(tensors, strict=False)
            modules.append(norm)
        if index == last_layer:
            break
        if index < len(layers) - 1:
            modules.append(ACTIVATIONS[architecture.activation]())
    return nn.Sequential(*modules).eval()

"""The network of an architecture by its formulas, in NumPy and float64, as slow as it may be."""

import numpy as np

from dqn.networks.layers import BatchNorm, Biases, Layer

EPSILON = 1e-3  # of Neon's batch normalisation


def random_layers(architecture, seed):
    """Layers whose biases and normalisations are not those that training begins with."""
    generator = np.random.default_rng(seed)
    layers = []
    last = len(architecture.layer_shapes) - 1
    for index, shape in enumerate(architecture.layer_shapes):
        is_convolution = index < len(architecture.convolutions)
        fan_in, outputs = shape if is_convolution else shape[::-1]
        layer = Layer(generator.normal(0, 1.5 / np.sqrt(fan_in), shape), [])
        column = (outputs, 1)
        if architecture.biases:
            layer.biases = Biases(generator.normal(0, 0.3, column), [])
        if architecture.batch_norm and index < last:
            beta, gmean = generator.normal(0, 0.3, (2, *column))
            gamma, gvar = generator.uniform(0.5, 1.5, (2, *column))
            layer.batch_norm = BatchNorm(beta, gamma, gmean, gvar, [[], []])
        layers.append(layer)
    return layers


def random_states(architecture, n, seed):
    shape = (n, *architecture.state_shape)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def q_values(architecture, layers, states):
    """Q(s, ·) of each state; batches are normalised as in inference."""
    x = states / 255
    n = len(x)
    if architecture.convolutions:
        images = n * architecture.state_shape[0] if architecture.shared_convolutions else n
        x = x.reshape(images, -1, *architecture.state_shape[-2:])
    for index, layer in enumerate(layers):
        is_last = index == len(layers) - 1
        if index < len(architecture.convolutions):
            of = architecture.convolutions[index]
            weights = layer.weights.reshape(x.shape[1], of.height, of.width, of.filters)
            x = convolve(x, weights, of.stride)
        else:
            x = x.reshape(n, -1)
            if is_last and architecture.has_streams:
                value, advantages = np.split(x, 2, axis=1)
                value, advantages = value @ layer.weights[:1].T, advantages @ layer.weights[1:].T
                x = np.hstack([value, advantages])
            else:
                x = x @ layer.weights.T
        column = (-1,) + (1,) * (x.ndim - 2)
        if layer.biases:
            x = x + layer.biases.values.reshape(column)
        if norm := layer.batch_norm:
            beta, gamma, mean, variance = (
                array.reshape(column) for array in (norm.beta, norm.gamma, norm.gmean, norm.gvar)
            )
            x = (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta
        if not is_last:
            x = activation(architecture.activation, x)
    if architecture.dueling == "false":
        return x
    value, advantages = x[:, :1], x[:, 1:]
    baseline = {"naive": 0, "max": advantages.max(1), "avg": advantages.mean(1)}
    return value + advantages - np.reshape(baseline[architecture.dueling], (-1, 1))


def convolve(x, weights, stride):
    """(n, K, P, Q) of x, (n, C, H, W), and weights (C, R, S, K)."""
    _, height, width, filters = weights.shape
    rows = (x.shape[2] - height) // stride + 1
    columns = (x.shape[3] - width) // stride + 1
    result = np.empty((len(x), filters, rows, columns))
    for row in range(rows):
        for column in range(columns):
            top, left = row * stride, column * stride
            patch = x[:, :, top : top + height, left : left + width]
            result[:, :, row, column] = np.einsum("ncrs,crsk->nk", patch, weights)
    return result


def activation(name, x):
    return np.where(x > 0, x, 0 if name == "relu" else np.exp(np.minimum(x, 0)) - 1)

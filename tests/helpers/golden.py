"""The golden numbers of Nervana Neon 2.6.0: how their weights and minibatches are made.

Each file in tests/data was computed by Neon itself (CPU backend) from these inputs; they hold `q0`
before any update, and `q` and `cost` after each of six.
"""

import numpy as np

from dqn.networks.architecture import Architecture
from dqn.networks.layers import BatchNorm, Layer
from dqn.replay.minibatch import Minibatch
from dqn.replay.returns import OneStepReturns

# file: (seed, num_actions, what differs from the defaults)
FILES = {
    "rmsprop": (11, 4, {}),
    "adam": (21, 6, {"optimizer": "adam"}),
    "rmsprop_52x40": (
        71,
        3,
        {"screen_width": 52, "screen_height": 40, "history_length": 3, "n": 8},
    ),
    "rmsprop_float64": (61, 4, {}),
    "adadelta_float64": (31, 18, {"optimizer": "adadelta"}),
    "rmsprop_no_clip_float64": (
        51,
        4,
        {"clip_error": 0, "min_reward": -3, "max_reward": 3, "discount_rate": 0.9},
    ),
    "rmsprop_batch_norm_float64": (41, 4, {"batch_norm": True}),
    "adam_batch_norm_float64": (81, 4, {"batch_norm": True, "optimizer": "adam"}),
}


def make_layers(seed, num_actions, shape, batch_norm=False):
    """The weights from which Neon started, `shape` being (history, height, width)."""
    rs = np.random.RandomState(seed)
    layers = []
    for index, weights_shape in enumerate(Architecture(num_actions, shape).layer_shapes):
        fan_in = weights_shape[0 if index < 3 else 1]
        bound = np.sqrt(3 / fan_in)
        weights = rs.uniform(-bound, bound, size=weights_shape).astype(np.float32)
        norm = None
        if batch_norm and index < 4:
            zeros = np.zeros((weights_shape[1 if index < 3 else 0], 1), np.float32)
            norm = BatchNorm(zeros, zeros + 1, zeros, zeros, [[], []])
        layers.append(Layer(weights, [], norm))
    return layers


def make_minibatch(seed, n, num_actions, shape, returns=OneStepReturns()):  # noqa: B008
    """A minibatch of n transitions."""
    rs = np.random.RandomState(seed)
    states = rs.randint(0, 256, (n, *shape)).astype(np.uint8)
    next_states = rs.randint(0, 256, (n, *shape)).astype(np.uint8)
    actions = rs.randint(0, num_actions, n).astype(np.uint8)
    rewards = rs.randint(-2, 4, n).astype(np.float32)
    terminals = rs.rand(n) < 0.2
    values, discounts = returns(rewards, terminals)
    return Minibatch(states, actions, values, next_states, discounts)

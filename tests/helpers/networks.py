"""Networks with few settings to name, for all tests that need one."""

import numpy as np

from dqn.networks.deepqnetwork import create_network

DEFAULTS = {
    "history_length": 4,
    "screen_height": 84,
    "screen_width": 84,
    "learning_rate": 0.00025,
    "discount_rate": 0.99,
    "batch_size": 32,
    "optimizer": "rmsprop",
    "decay_rate": 0.95,
    "clip_error": 1,
    "min_reward": -1,
    "max_reward": 1,
    "batch_norm": False,
    "has_target_network": True,
    "backend": "cpu",
    "device_id": 0,
    "datatype": "float32",
    "stochastic_round": 0,
}


def make_network(engine="torch", num_actions=4, seed=0, **settings):
    """A network with random weights, drawn by a generator of `seed` or by `generator`."""
    settings = {**DEFAULTS, "generator": np.random.default_rng(seed), **settings}
    return create_network(engine, num_actions, **settings)

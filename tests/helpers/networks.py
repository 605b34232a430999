"""Networks with few settings to name, for all tests that need one."""

from dataclasses import fields

import numpy as np

from dqn.networks.architecture import Architecture
from dqn.networks.create import create_network
from dqn.networks.settings import Compute, Optimization, Targets


def make_network(engine="torch", num_actions=4, seed=0, generator=None, **settings):
    """A network with random weights, drawn by a generator of `seed` or by `generator`.

    `settings` are those of its architecture, optimization, targets and computation, and the three
    lengths of its states; it is on a CPU.
    """
    settings = {"num_actions": num_actions, "engine": engine, "backend": "cpu", **settings}
    names = ("history_length", "screen_height", "screen_width")
    if set(names) & settings.keys():
        shape = [settings.pop(n, d) for n, d in zip(names, Architecture.state_shape, strict=True)]
        settings["state_shape"] = tuple(shape)
    parts = []
    for kind in (Architecture, Optimization, Targets, Compute):
        names = {field.name for field in fields(kind)} & settings.keys()
        parts.append(kind(**{name: settings.pop(name) for name in names}))
    assert not settings, f"no such settings: {settings}"
    return create_network(*parts, generator or np.random.default_rng(seed))


def cost_of_update(network, minibatch):
    """Make an update, and wait for its cost."""
    return [*network.train(minibatch).costs, *network.late_costs()][-1]

"""Networks with few settings to name, for all tests that need one."""

from dataclasses import fields

import numpy as np

from dqn.networks.architecture import Architecture
from dqn.networks.create import create_network
from dqn.networks.settings import Compute, Optimization


def make_network(engine="torch", num_actions=4, seed=0, generator=None, **settings):
    """A network with random weights, drawn by a generator of `seed` or by `generator`.

    `settings` are those of its architecture, optimization and computation; it is on a CPU.
    """
    settings = {"num_actions": num_actions, "engine": engine, "backend": "cpu", **settings}
    parts = []
    for kind in (Architecture, Optimization, Compute):
        names = {field.name for field in fields(kind)} & settings.keys()
        parts.append(kind(**{name: settings.pop(name) for name in names}))
    assert not settings, f"no such settings: {settings}"
    return create_network(*parts, generator or np.random.default_rng(seed))

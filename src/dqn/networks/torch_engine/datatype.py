"""Measures which datatype trains a network faster on this machine, for --datatype auto."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from statistics import median

import numpy as np

from dqn.errors import UserError
from dqn.networks.architecture import Architecture
from dqn.networks.settings import Compute, Optimization, Targets
from dqn.networks.torch_engine import network as torch_network
from dqn.replay.minibatch import Minibatch

logger = logging.getLogger(__name__)

# bfloat16 has 8 bits of mantissa, float32 24: it must be this much faster to be worth it.
LEAST_SPEEDUP = 1.2
SECONDS = 1.0  # of measuring
WARM_UPS = 3  # updates of each; the first ones choose kernels and take memory
LEAST_ROUNDS = 3

Updates = dict[str, Callable[[], object]]  # datatype → makes an update


def choose(
    architecture: Architecture,
    optimization: Optimization,
    targets: Targets,
    compute: Compute,
    now: Callable[[], float] = time.perf_counter,
) -> str:
    """Bfloat16 where updates of such a network are much faster in it than in float32, else that.

    The networks that are measured have random generators of their own. `now` gives seconds.
    Raises UserError if there is no such network, or not on this machine.
    """

    def create_update(datatype: str) -> Callable[[], object]:
        settings = replace(compute, datatype=datatype)
        generator = np.random.default_rng(0)
        network = torch_network.TorchNetwork(
            architecture, optimization, targets, settings, generator
        )

        def update() -> None:
            network.train(minibatch)
            network.late_costs()  # a GPU computes until then

        return update

    minibatch = _minibatch(architecture, optimization.batch_size)
    with _silent(torch_network.logger):  # they are not the run's network
        updates: Updates = {"float32": create_update("float32")}
        try:
            updates["bfloat16"] = create_update("bfloat16")
        except UserError:
            logger.info("Using --datatype float32: bfloat16 cannot be computed here")
            return "float32"
    seconds = measure(updates, now)
    chosen, other = "float32", "bfloat16"
    if seconds["float32"] >= LEAST_SPEEDUP * seconds["bfloat16"]:
        chosen, other = other, chosen
    logger.info(
        "Using --datatype %s: an update takes %.1f ms, in %s %.1f ms",
        *(chosen, 1000 * seconds[chosen], other, 1000 * seconds[other]),
    )
    return chosen


def measure(updates: Updates, now: Callable[[], float]) -> dict[str, float]:
    """The median seconds of each of the `updates`, which take turns."""
    for update in updates.values():
        for _ in range(WARM_UPS):
            update()
    seconds: dict[str, list[float]] = {datatype: [] for datatype in updates}
    end = now() + SECONDS
    rounds = 0
    while rounds < LEAST_ROUNDS or now() < end:
        rounds += 1
        for datatype, update in updates.items():
            start = now()
            update()
            seconds[datatype].append(now() - start)
    return {datatype: median(measured) for datatype, measured in seconds.items()}


def _minibatch(architecture: Architecture, size: int) -> Minibatch:
    """Transitions as they may come from a game."""
    generator = np.random.default_rng(0)
    drawn = generator.integers(256, size=(2, size, *architecture.state_shape), dtype=np.uint8)
    states, next_states = drawn.astype(architecture.state_dtype)
    actions = generator.integers(architecture.num_actions, size=size, dtype=np.uint8)
    rewards = generator.integers(-1, 2, size=size).astype(np.float64)
    return Minibatch(states, actions, rewards, next_states, discounts=np.full(size, 0.99))


@contextmanager
def _silent(other: logging.Logger) -> Iterator[None]:
    was_disabled, other.disabled = other.disabled, True
    try:
        yield
    finally:
        other.disabled = was_disabled

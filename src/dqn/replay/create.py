"""Makes the storage and the sampler of the replay memory; the only place that names their kinds."""

import logging
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from dqn.errors import UserError
from dqn.replay.prioritized import PrioritizedSampler
from dqn.replay.samplers import Sampler, UniformSampler
from dqn.replay.settings import PrioritySettings, ReplaySettings
from dqn.replay.storage import Observations, ObservationsInFile, Storage

logger = logging.getLogger(__name__)


def create_storage(
    settings: ReplaySettings,
    *,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike = np.uint8,
    network_device: str,
    other_memory: int,
) -> Storage:
    """Room for observations, `dtype` (*shape): in a file, on the GPU that learns, or in memory.

    `network_device` is PyTorch's name of the device that learns. The rest of the process takes
    `other_memory` bytes of the main memory. Raises UserError if there is no room.
    """
    size, dtype = settings.size, np.dtype(dtype)
    if not size:
        return Observations(0, shape=shape, dtype=dtype)
    if settings.file:
        return ObservationsInFile(
            size, shape=shape, dtype=dtype, file=settings.file, other_memory=other_memory
        )
    learns_on_gpu = network_device.startswith("cuda")
    if learns_on_gpu and settings.device != "cpu":
        import torch

        from dqn.replay.storage_on_gpu import DeviceObservations, fits

        device = torch.device(network_device)
        if fits(size, shape, device, dtype):
            logger.info("The replay memory is on the GPU")
            return DeviceObservations(size, shape=shape, dtype=dtype, device=device)
    if settings.device == "gpu":
        raise UserError(
            f"there is no GPU that learns and has room for {size} observations: lower "
            "--replay_size, or use --replay_device cpu"
        )
    if learns_on_gpu and settings.device == "auto":
        logger.info("The replay memory does not fit on the GPU: it is in the main memory")
    return Observations(size, shape=shape, dtype=dtype, other_memory=other_memory)


def create_sampler(
    settings: PrioritySettings | None, *, planned_minibatches: int, num_minibatches: int
) -> Callable[..., Sampler]:
    """What makes the memory's sampler: a prioritized one if there are `settings`, or a uniform one.

    A whole run draws `planned_minibatches`, `num_minibatches` of which lie behind it.
    """
    if settings is None:
        return UniformSampler
    return partial(
        PrioritizedSampler,
        settings=settings,
        planned_minibatches=planned_minibatches,
        num_minibatches=num_minibatches,
    )

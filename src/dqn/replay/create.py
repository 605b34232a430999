"""Makes the storage of the replay memory; the only place that names its kinds."""

import logging

from dqn.errors import UserError
from dqn.replay.settings import ReplaySettings
from dqn.replay.storage import Screens, ScreensInFile, Storage

logger = logging.getLogger(__name__)


def create_storage(
    settings: ReplaySettings,
    *,
    screen_height: int,
    screen_width: int,
    network_device: str,
    other_memory: int,
) -> Storage:
    """Room for the screens: in a file, on the GPU that learns, or in the main memory.

    `network_device` is PyTorch's name of the device that learns. The rest of the process takes
    `other_memory` bytes of the main memory. Raises UserError if there is no room.
    """
    size = settings.size
    shape = {"screen_height": screen_height, "screen_width": screen_width}
    if not size:
        return Screens(0, **shape)
    if settings.file:
        return ScreensInFile(size, **shape, file=settings.file, other_memory=other_memory)
    learns_on_gpu = network_device.startswith("cuda")
    if learns_on_gpu and settings.device != "cpu":
        import torch

        from dqn.replay.storage_on_gpu import DeviceScreens, fits

        device = torch.device(network_device)
        if fits(size, screen_height, screen_width, device):
            logger.info("The replay memory is on the GPU")
            return DeviceScreens(size, **shape, device=device)
    if settings.device == "gpu":
        raise UserError(
            f"there is no GPU that learns and has room for {size} screens: lower "
            "--replay_size, or use --replay_device cpu"
        )
    if learns_on_gpu and settings.device == "auto":
        logger.info("The replay memory does not fit on the GPU: it is in the main memory")
    return Screens(size, **shape, other_memory=other_memory)

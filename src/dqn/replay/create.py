"""Makes the storage of the replay memory; the only place that names its kinds."""

import logging
from pathlib import Path

from dqn.errors import UserError
from dqn.replay.storage import Screens, ScreensInFile

logger = logging.getLogger(__name__)


def create_storage(
    size: int,
    *,
    screen_height: int,
    screen_width: int,
    file: Path | None,
    where: str,
    network_device: str,
    other_memory: int,
) -> Screens:
    """Room for `size` screens: in `file`, on the GPU that learns, or in the main memory.

    `where` is "cpu", "gpu" or "auto", the GPU if it has room; `network_device` is PyTorch's name of
    the device that learns. The rest of the process takes `other_memory` bytes of the main memory.
    Raises UserError if there is no room.
    """
    shape = {"screen_height": screen_height, "screen_width": screen_width}
    if not size:
        return Screens(0, **shape)
    if file:
        return ScreensInFile(size, **shape, file=file, other_memory=other_memory)
    learns_on_gpu = network_device.startswith("cuda")
    if learns_on_gpu and where != "cpu":
        import torch

        from dqn.replay.storage_on_gpu import DeviceScreens, fits

        device = torch.device(network_device)
        if fits(size, screen_height, screen_width, device):
            logger.info("The replay memory is on the GPU")
            return DeviceScreens(size, **shape, device=device)
    if where == "gpu":
        raise UserError(
            f"there is no GPU that learns and has room for {size} screens: lower "
            "--replay_size, or use --replay_device cpu"
        )
    if learns_on_gpu and where == "auto":
        logger.info("The replay memory does not fit on the GPU: it is in the main memory")
    return Screens(size, **shape, other_memory=other_memory)

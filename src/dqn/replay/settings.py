"""How much the replay memory holds, and where: values, as the flags give them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ReplaySettings:
    """The memory of `size` steps, and the minibatches that are drawn from it.

    Observations are kept in `file`, if that is not None, else on `device`: "cpu", "gpu" or "auto",
    which is the GPU if one learns and they fit.
    """

    size: int = 1000000
    file: Path | None = None
    device: str = "auto"
    history_length: int = 4
    batch_size: int = 32

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


@dataclass(frozen=True)
class PrioritySettings:
    """Prioritized replay (Schaul et al. 2016), proportional, with the paper's table 3's values.

    Priorities are errors to the power of `exponent` (α). The exponent of the importance-sampling
    weights (β) rises from `importance_start` to `importance_end` in the course of a run.
    """

    exponent: float = 0.6
    importance_start: float = 0.4
    importance_end: float = 1

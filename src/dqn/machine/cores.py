"""How many processor cores this process may use."""

import math
import os
from pathlib import Path


def usable_cores() -> int:
    """Cores that are left by the machine, its scheduler, and the container's limit; at least 1."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:  # not on macOS
        cores = os.cpu_count() or 1
    return max(1, math.ceil(min(cores, _container_limit())))


def _container_limit(root: Path = Path("/sys/fs/cgroup")) -> float:
    """Processor time per second that a container may have; infinite where there is no limit."""
    try:
        if (root / "cpu.max").exists():  # version 2
            quota, period = (root / "cpu.max").read_text().split()
        else:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text()
            period = (root / "cpu/cpu.cfs_period_us").read_text()
        if quota != "max" and int(quota) > 0:
            return int(quota) / int(period)
    except (OSError, ValueError):
        pass
    return math.inf

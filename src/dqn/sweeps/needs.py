"""What a run needs, and what this machine has: memory, cores and GPUs."""

import math
import os
import shutil
import subprocess
from argparse import Namespace
from dataclasses import dataclass

from dqn.machine.cores import usable_cores
from dqn.options import game_flags, replay_flags
from dqn.replay.storage import OTHER_BYTES, OTHER_MEMORY
from dqn.replay.sum_tree import bytes_of_sum_tree


@dataclass(frozen=True)
class Slot:
    """A place for one run at a time: its cores, empty if they are not its own, and its GPU."""

    cores: tuple[int, ...] = ()
    gpu: str | None = None


def memory_of_run(args: Namespace) -> int:
    """About how many bytes of main memory a run with these options takes."""
    settings, priorities = replay_flags.replay_settings(args), replay_flags.priorities(args)
    shape = game_flags.observation_settings(args).shape
    need = settings.size * (math.prod(shape) + OTHER_BYTES) + OTHER_MEMORY
    return need + (bytes_of_sum_tree(settings.size) if priorities else 0)


def gpus_here(args: Namespace) -> list[str]:
    """The GPUs that runs with these options may use, as CUDA_VISIBLE_DEVICES names them."""
    if args.backend == "cpu":
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip()]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return listed.stdout.split() if listed.returncode == 0 else []


def jobs_at_once(gpus: int, gpus_per_run: float, cores: int) -> int:
    """How many runs there is room for at a time: by the GPUs, or the cores without any."""
    if gpus and gpus_per_run:
        # A GPU that is shared is not divided among two others
        per_gpu = math.floor(1 / gpus_per_run + 1e-9)
        return gpus * per_gpu if gpus_per_run <= 1 else max(1, int(gpus / gpus_per_run))
    return cores


def slots(jobs: int, threads: int, gpus: list[str], gpus_per_run: float) -> list[Slot]:
    """Places for `jobs` runs, with cores of their own if there are enough of them."""
    cores = usable_core_numbers()
    if jobs * threads > min(len(cores), usable_cores()):
        cores = []  # shared: the system moves threads to where there is room
    whole = max(1, math.ceil(gpus_per_run))
    places = []
    for number in range(jobs):
        own = tuple(cores[number * threads : (number + 1) * threads])
        gpu = None
        if gpus and gpus_per_run:
            first = number * whole % len(gpus)
            gpu = ",".join(gpus[first : first + whole])
        places.append(Slot(own, gpu))
    return places


def usable_core_numbers() -> list[int]:
    """The numbers of the cores that this process may use; empty where the system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []

"""Makes what runs a sweep; the only place that names their kinds."""

from dqn.errors import UserError
from dqn.machine.memory_limit import available_memory
from dqn.machine.wording import size
from dqn.sweeps.launcher import Launcher
from dqn.sweeps.manifest import Manifest
from dqn.sweeps.needs import slots

KINDS = ("here", "ray", "slurm")


def create_launcher(
    kind: str,
    manifest: Manifest,
    *,
    jobs: int,
    gpus: list[str],
    ray_address: str | None,
    slurm_args: str,
) -> Launcher:
    """One of KINDS; this machine has room for `jobs` runs at a time, and these GPUs.

    Raises UserError if it cannot be used.
    """
    if kind == "slurm":
        from dqn.sweeps.on_slurm import Slurm

        return Slurm(slurm_args)
    if kind == "ray":
        from dqn.sweeps.on_ray import Ray

        return Ray(ray_address)
    from dqn.sweeps.on_this_machine import ThisMachine

    if manifest.memory > available_memory():
        raise UserError(
            f"a run takes about {size(manifest.memory)} of memory and {size(available_memory())} "
            "are free: lower --replay_size"
        )
    return ThisMachine(slots(jobs, manifest.threads, gpus, manifest.gpus), manifest.memory)

"""Makes what runs a sweep; the only place that names their kinds."""

from dqn.errors import UserError
from dqn.machine.memory_limit import available_memory
from dqn.machine.wording import size
from dqn.sweeps.launcher import Launcher
from dqn.sweeps.needs import slots
from dqn.sweeps.sweep import Sweep

KINDS = ("here", "ray", "slurm")


def create_launcher(
    kind: str,
    sweep: Sweep,
    *,
    jobs: int,
    gpus: list[str],
    ray_address: str | None,
    slurm_args: str,
) -> Launcher:
    """One of KINDS; this machine has room for `jobs` runs at a time, and these GPUs.

    Raises UserError if it cannot be used, or Slurm still has some of the runs.
    """
    from dqn.sweeps.on_slurm import Slurm, check_none_queued

    if kind == "slurm":
        return Slurm(slurm_args)
    manifest = sweep.manifest
    check_none_queued(sweep, sweep.left())
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

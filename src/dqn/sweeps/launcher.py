"""What runs the runs of a sweep: the contract of this machine, Slurm and Ray."""

from typing import Protocol

from dqn.sweeps.manifest import Run
from dqn.sweeps.sweep import Sweep


class Launcher(Protocol):
    """Runs runs, each on its own: one that fails stops no other."""

    def launch(self, sweep: Sweep, runs: list[Run]) -> int:
        """Run them, or hand them over; each has its state in the sweep from then on.

        Returns the exit status of a signal that stopped it, or 0. Raises UserError.
        """

"""What a test needs of the machine's cores."""

import pytest

from dqn.machine.cores import usable_cores

needs_two_cores = pytest.mark.skipif(
    usable_cores() < 2, reason="with one core, all actors are in one process"
)

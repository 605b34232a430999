"""Settings of all tests, and the parts that several of them need."""

import os

# One thread each: with more, tests on a busy machine mostly wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from dqn.machine.setup import set_up_emulators

set_up_emulators()

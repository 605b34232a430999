"""Settings of all tests, and the parts that several of them need."""

import os

# One thread each: with more, tests on a busy machine mostly wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

"""Runs of src/main.py that skip the two seconds in which a new process imports its packages.

One process of each worker of the tests imports them once, and every run is a fork of it.
"""

import multiprocessing
import os
import runpy
import sys
from pathlib import Path

from helpers.paths import MAIN

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["torch", "dqn.assembly", "dqn.networks.torch_engine.network"])


def run_main(arguments: list[str], log: Path) -> int:
    """Run it to its end, with standard error in `log`; returns its exit status."""
    process = _context.Process(target=_run_main, args=(arguments, log))
    process.start()
    process.join()
    return process.exitcode


def _run_main(arguments: list[str], log: Path) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.argv = [str(MAIN), *arguments]
    runpy.run_path(str(MAIN), run_name="__main__")

"""Scores of trained networks."""

import csv
from collections.abc import Sequence
from pathlib import Path

import main

PHASES = "--random_steps 0 --train_steps 0 --epochs 1".split()  # as test.sh has them


def row_of_test(network: Path, flags: Sequence[str], csv_file: Path) -> dict[str, str]:
    """What a test of the network with these flags writes."""
    files = ["--load_weights", str(network), "--csv_file", str(csv_file)]
    assert main.main([*files, *PHASES, *flags]) == 0
    with open(csv_file, newline="") as file:
        (row,) = csv.DictReader(file)
    return row

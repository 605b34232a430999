"""Where the project and the tests' data are, wherever a test is."""

import shutil
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SRC = PROJECT / "src"
MAIN = SRC / "main.py"
DATA = PROJECT / "tests" / "data"
# What another worker of the tests may write at the moment in which a folder is copied
BEING_COMPILED = shutil.ignore_patterns("*.pyc.*")

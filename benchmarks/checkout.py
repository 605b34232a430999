"""Imported first, it makes the packages of this checkout importable, without an installation."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SRC = PROJECT / "src"

sys.path.insert(0, str(SRC))

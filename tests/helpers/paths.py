"""Where the project and the tests' data are, wherever a test is."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SRC = PROJECT / "src"
MAIN = SRC / "main.py"
DATA = PROJECT / "tests" / "data"

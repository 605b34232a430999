"""The letters that windows and pictures are written with."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path


@lru_cache(maxsize=1)
def dejavu_sans() -> Path | None:
    """DejaVu Sans, which comes with matplotlib; None if that is missing."""
    matplotlib = find_spec("matplotlib")  # an import would take half a second
    if matplotlib is None or matplotlib.origin is None:
        return None
    path = Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    return path if path.is_file() else None

"""How pictures look, and how they are saved."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dqn.errors import UserError, explain
from dqn.machine.files import atomic_write

if TYPE_CHECKING:  # imported where it draws, so that --help and errors are quick
    from matplotlib.figure import Figure
    from matplotlib.typing import ColorType

# Okabe and Ito's palette, which people with any colour vision can tell apart.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#595959"

FORMATS = ("png", "svg", "pdf", "eps")


def letter_size(width: float, height: float) -> float:
    """Return the size of letters (points) that suits a panel of width × height inches."""
    return min(6 * (width * height) ** 0.25, 2.5 * width, 4.3 * height)


def settings(size: float) -> dict[Any, Any]:
    """Return matplotlib's settings for a picture with letters of `size` points."""
    thin = 0.06 * size
    return {
        "font.size": size,
        "figure.titlesize": 1.3 * size,
        "figure.titleweight": "bold",
        "figure.constrained_layout.h_pad": size / 200,
        "figure.constrained_layout.w_pad": size / 200,
        "agg.path.chunksize": 10_000,  # a longer curve at once is more than Agg can draw
        "axes.titlesize": 1.1 * size,
        "axes.titlepad": 0.6 * size,
        "axes.labelpad": 0.4 * size,
        "axes.edgecolor": GREY,
        "axes.linewidth": thin,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#E3E3E3",
        "grid.linewidth": thin,
        "xtick.major.width": thin,
        "ytick.major.width": thin,
        "lines.markersize": 0.35 * size,
        "legend.frameon": False,
        "pdf.fonttype": 42,  # TrueType, as journals ask for
        "svg.hashsalt": "simple_dqn",
    }


def colours_of(count: int) -> "list[ColorType]":
    """Return a colour for each of `count` runs."""
    if count <= len(PALETTE):
        return list(PALETTE[:count])
    import matplotlib

    colormap = matplotlib.colormaps["viridis"].resampled(count + 1)
    return [colormap(i) for i in range(count)]


def pale(colour: "ColorType", white: float) -> tuple[float, float, float]:
    """Mix a colour with a share of white: EPS knows no transparency."""
    from matplotlib.colors import to_rgb

    red, green, blue = ((1 - white) * part + white for part in to_rgb(colour))
    return red, green, blue


def save(picture: "Figure", output: Path, dpi: float) -> None:
    """Write a matplotlib Figure in the format that `output` ends with, the same bytes each time.

    Raises UserError if it cannot be written; an older picture is then untouched.
    """
    try:
        with atomic_write(output) as file:
            write_picture(picture, file, output.suffix[1:].lower(), dpi)
    except OSError as error:
        raise UserError(f"cannot write {output} {explain(error)}") from error


def write_picture(picture: "Figure", file: BinaryIO, kind: str, dpi: float) -> None:
    """Write a matplotlib Figure in one of FORMATS, without the date."""
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    os.environ["SOURCE_DATE_EPOCH"] = "0"  # the only way to still the clock of EPS
    picture.savefig(file, format=kind, dpi=dpi, metadata=dates.get(kind))

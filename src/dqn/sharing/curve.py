"""The picture of a training in a shared folder."""

import io
from pathlib import Path

from dqn.report.curves import figure
from dqn.report.runs import read_run
from dqn.report.style import write_picture

FIELDS = ["average_reward", "meanq"]
WIDTH, HEIGHT, DPI = 12, 4.5, 100  # inches, and pixels of each


def draw_curve(csv_file: Path) -> bytes:
    """Scores and mean Q-values over the training steps, as a PNG; raises UserError."""
    buffer = io.BytesIO()
    run = read_run(csv_file, FIELDS, x="steps")
    write_picture(figure([run], FIELDS, WIDTH, HEIGHT), buffer, "png", DPI)
    return buffer.getvalue()

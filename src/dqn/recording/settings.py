"""What to record of the games that are played, and where."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class RecordingSettings:
    """A path for each form of recording; None leaves that form out.

    video_file: .mov or .mp4; screen_path: a folder of pictures; sound_file: WAV. `facts`, texts by
    name, go into the video's metadata. A video that `is_small` has about a quarter of the pixels.
    Pictures that are `to_scale` are not enlarged.
    """

    video_file: Path | None = None
    screen_path: Path | None = None
    sound_file: Path | None = None
    facts: dict[str, str] = field(default_factory=dict)
    to_scale: bool = False
    is_small: bool = False

"""Makes a recorder; all that needs PyAV is imported only here, and only then."""

from typing import TYPE_CHECKING

from dqn.errors import UserError
from dqn.recording.settings import RecordingSettings

if TYPE_CHECKING:
    from dqn.recording.recorder import Recorder

# Before FFmpeg 8.1 and PyAV 17.1, the index of a file that was written in fragments came out wrong.
FIXED_LIBAVFORMAT = (62, 12, 0)


def create_recorder(
    settings: RecordingSettings,
    *,
    frame_rate: int,
    sample_rate: int,
    has_square_pixels: bool = False,
) -> "Recorder":
    """Make a recorder of a game with these rates, of frames and samples a second, and pixels.

    Raises UserError if PyAV is missing or too old, or a folder cannot be written.
    """
    try:
        import av

        from dqn.recording.recorder import Recorder
    except ImportError as error:
        raise UserError(f"{error}: recording needs PyAV: pip install av") from error
    if av.library_versions["libavformat"] < FIXED_LIBAVFORMAT:
        raise UserError(
            f"PyAV {av.__version__} would write damaged videos: pip install --upgrade av"
        )
    if "libx264" not in av.codecs_available:
        raise UserError("this PyAV has no encoder of H.264: pip install av, from PyPI")
    if settings.sound_file and not sample_rate:
        raise UserError("this game has no sound: leave --record_sound_filename out")
    return Recorder(
        settings,
        frame_rate=frame_rate,
        sample_rate=sample_rate,
        has_square_pixels=has_square_pixels,
    )

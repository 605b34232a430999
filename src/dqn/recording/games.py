"""Recording whole games."""

from pathlib import Path
from typing import TYPE_CHECKING

from dqn.actors.events import FinishedGame, Step
from dqn.environments.atari import AleEnvironment
from dqn.environments.environment import Frame
from dqn.errors import UserError

if TYPE_CHECKING:
    from dqn.recording.recorder import Recorder

# Before FFmpeg 8.1 and PyAV 17.1, the index of a file that was written in fragments came out wrong.
FIXED_LIBAVFORMAT = (62, 12, 0)


class GameRecording:
    """Records the first `num_games` games of `environment`, one after the other, while entered.

    What follows the last of them, as the random start of the next one, is left out. Raises
    UserError if that is not possible.
    """

    def __init__(
        self,
        environment: AleEnvironment,
        num_games: int,
        *,
        video_file: Path | None,
        screen_path: Path | None,
        sound_file: Path | None,
        facts: dict[str, str],
    ):
        self._environment = environment
        self._num_games = num_games
        self._ended = 0
        self._games: list[FinishedGame] = []
        self._recorder = create_recorder(
            video_file=video_file,
            screen_path=screen_path,
            sound_file=sound_file,
            frame_rate=environment.frame_rate,
            sample_rate=environment.sample_rate,
            facts=facts,
        )

    def __enter__(self) -> "GameRecording":
        self._environment.on_frame = self._on_frame
        return self

    def __exit__(self, *_) -> None:
        self._environment.on_frame = None
        self._recorder.close(self._games)

    def on_step(self, step: Step) -> None:
        """Note the scores of the games that ended in a step."""
        self._games = (self._games + step.games)[: self._num_games]

    def _on_frame(self, frame: Frame) -> None:
        if self._ended < self._num_games:
            self._recorder.add(frame)
            self._ended += self._environment.is_game_over()


def create_recorder(
    *,
    video_file: Path | None,
    screen_path: Path | None,
    sound_file: Path | None,
    frame_rate: int,
    sample_rate: int,
    facts: dict[str, str],
) -> "Recorder":
    """A recorder; PyAV is only imported here, so that all else does without it.

    `facts` go into the video's metadata.
    Raises UserError if it is missing or too old, or a folder cannot be written.
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
    return Recorder(
        video_file=video_file,
        screen_path=screen_path,
        sound_file=sound_file,
        frame_rate=frame_rate,
        sample_rate=sample_rate,
        facts=facts,
    )

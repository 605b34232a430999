"""Records a game while it is played: as a video, as pictures, as sound."""

import logging
from collections.abc import Sequence
from pathlib import Path

import av

from dqn.actors.events import FinishedGame
from dqn.environments.environment import Frame
from dqn.errors import UserError, explain
from dqn.recording.frame_folder import FrameFolder
from dqn.recording.settings import RecordingSettings
from dqn.recording.sound_file import SoundFile
from dqn.recording.video_file import VideoFile

logger = logging.getLogger(__name__)


class Recorder:
    """Records frames in each form that `settings` have a path for.

    The rates are of the game: frames and samples a second. Raises UserError if a folder cannot be
    written; `add` and `close` raise it if the disk is full, say, and what was recorded stays.
    """

    def __init__(
        self,
        settings: RecordingSettings,
        *,
        frame_rate: int,
        sample_rate: int,
        has_square_pixels: bool = False,
    ):
        self._parts: list[VideoFile | FrameFolder | SoundFile] = []
        if settings.video_file:
            self._parts.append(
                VideoFile(
                    settings.video_file,
                    frame_rate=frame_rate,
                    sample_rate=sample_rate,
                    facts=settings.facts,
                    has_square_pixels=has_square_pixels,
                    is_small=settings.is_small,
                    to_scale=settings.to_scale,
                )
            )
        if settings.screen_path:
            self._parts.append(
                FrameFolder(settings.screen_path, has_square_pixels, settings.to_scale)
            )
        if settings.sound_file:
            self._parts.append(SoundFile(settings.sound_file, sample_rate=sample_rate))
        level = logging.DEBUG if settings.is_small else logging.INFO  # there are many such
        logger.log(level, "Recording to %s", ", ".join(str(part.path) for part in self._parts))

    def add(self, frame: Frame) -> None:
        """Record one frame."""
        for part in self._parts:
            try:
                part.add(frame)
            except (OSError, av.FFmpegError) as error:
                raise _cannot_write(part.path, error) from error

    def close(self, games: Sequence[FinishedGame] = ()) -> None:
        """Complete the files; the score and the steps of `games` go into the video's metadata."""
        parts, self._parts = self._parts, []
        failure = None
        for part in parts:
            try:
                part.close(_describe(games))
            except (OSError, av.FFmpegError) as error:
                failure = failure or _cannot_write(part.path, error)
        if failure:
            raise failure


def _describe(games: Sequence[FinishedGame]) -> str:
    if not games:
        return "unfinished game"
    scores = " ".join(f"{game.score:g}" for game in games)
    steps = " ".join(str(game.steps) for game in games)
    if len(games) == 1:
        return f"score: {scores}, steps: {steps}"
    return f"games: {len(games)}, scores: {scores}, steps: {steps}"


def _cannot_write(path: Path, error: OSError | av.FFmpegError) -> UserError:
    return UserError(f"cannot write {path} {explain(error)}")

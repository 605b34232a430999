"""Recording a game while it is played: as a video, as pictures, as sound."""

import logging
import re
import wave
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from dqn.actors.events import FinishedGame
from dqn.environments.environment import Frame
from dqn.errors import UserError, explain
from dqn.machine.files import make_writable_folder, move_aside, rename_aside

logger = logging.getLogger(__name__)

# A television picture is 4:3, whatever the number of its lines, so an Atari's pixels are wide: 12:7
# with the 210 to 230 lines of NTSC, 25:12 with the 250 of PAL. These whole multiples come within
# 2 % and 4 % of that, keep every pixel sharp, and make of 160×210 exactly 4:3 (1120×840).
LINE_SCALE = 4
NTSC_COLUMN_SCALE, PAL_COLUMN_SCALE = 7, 8
MIN_PAL_LINES = 240

SOUND_RATE = 48000  # samples a second: AAC has none like that of the Atari
SOUND_BIT_RATE = 128000
BT709, LIMITED_RANGE = 1, 1  # how players take the colours of a video of this size
# The same frames must make the same bytes: x264's look-ahead reads memory that it has not set, and
# its number of threads shows. Such videos are also smaller without B-frames, and what the encoder
# has not given out when the process is killed is lost.
H264 = {
    "crf": "18",
    "preset": "veryfast",
    "rc-lookahead": "0",
    "threads": "1",
    "bf": "0",
    "g": "120",  # frames between those that a player can jump to
}
# While it grows, the file is a chain of fragments of half a second, each written as soon as it is
# complete: what a killed process leaves can be played. At the end it is made an ordinary file,
# which every player can search. Without delay_moov, sound and picture begin apart by the delays of
# their encoders.
CONTAINER = {
    "movflags": "hybrid_fragmented+delay_moov",
    "frag_duration": "500000",  # µs
    "flush_packets": "1",
}
COMMENT_LENGTH = 480  # bytes: a name of a file takes up to 255
MAX_END = 4096  # bytes at the end of a file, in which its comment is

SILENCE = 128
FRAME_NAME = "%06d.png"


class VideoFile:
    """A .mov or .mp4 file at `path` with H.264 and AAC, written frame by frame.

    An older file is moved aside when the first frame comes. Nothing grows with the length of the
    recording but the index of the file, half a MB for each minute. Sound is recorded if the first
    frame has some. `facts`, names with what they are of this recording, go into the metadata.
    Raises UserError if the folder cannot be written; `add` and `close` raise OSError or
    av.FFmpegError, and leave a file that can be played.
    """

    def __init__(self, path: Path, *, frame_rate: int, sample_rate: int, facts: dict[str, str]):
        make_writable_folder(path.parent)
        self.path = path
        self._frame_rate = frame_rate
        self._sample_rate = sample_rate
        self._facts = "".join(f", {name}: {fact}" for name, fact in facts.items())
        self._container: av.container.OutputContainer | None = None

    def add(self, frame: Frame) -> None:
        """Append a frame; all must have pictures of the same size."""
        if self._container is None:
            self._open(frame)
        video = self._video
        # Each part, enlarged to whole pixels, has the colour that it had.
        picture = av.VideoFrame.from_ndarray(frame.picture, "rgb24").reformat(
            video.width, video.height, video.pix_fmt, dst_colorspace="ITU709", interpolation="POINT"
        )
        picture.pts = self._frames
        picture.time_base = Fraction(1, self._frame_rate)
        self._frames += 1
        self._container.mux(video.encode(picture))
        if self._audio:
            self._add_sound(frame.sound)

    def close(self, comment: str) -> None:
        """Complete the file; `comment` goes into its metadata, before the facts.

        It is cut where both together are longer than COMMENT_LENGTH bytes.
        """
        if self._container is None:
            return
        try:
            for stream in self._container.streams:
                self._container.mux(stream.encode(None))
        finally:
            self._container.close()
        self._write_comment(comment)

    def _open(self, frame: Frame) -> None:
        move_aside(self.path)
        self._container = av.open(str(self.path), "w", options=CONTAINER)
        # The score is known at the end only, and the library takes metadata at the beginning only.
        self._placeholder = self._comment("unfinished recording")
        self._container.metadata.update(
            title=_printable(self.path.stem), comment=self._placeholder.decode()
        )
        lines, columns, _ = frame.picture.shape
        video = self._container.add_stream("libx264", rate=self._frame_rate, options=H264)
        video.width = columns * (PAL_COLUMN_SCALE if lines >= MIN_PAL_LINES else NTSC_COLUMN_SCALE)
        video.height = lines * LINE_SCALE
        video.pix_fmt = "yuv420p"
        context = video.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE
        self._video = video
        self._frames = 0
        self._audio = None
        if frame.sound.size:
            self._audio = self._container.add_stream("aac", rate=SOUND_RATE, layout="mono")
            self._audio.bit_rate = SOUND_BIT_RATE
        self._samples = 0

    def _add_sound(self, sound: np.ndarray) -> None:
        samples = (sound.astype(np.int16) - SILENCE) << 8
        block = av.AudioFrame.from_ndarray(samples[np.newaxis], "s16", "mono")
        block.sample_rate = self._sample_rate
        block.pts = self._samples
        block.time_base = Fraction(1, self._sample_rate)
        self._samples += len(sound)
        self._container.mux(self._audio.encode(block))

    def _comment(self, text: str) -> bytes:
        """A text with the facts, of COMMENT_LENGTH bytes."""
        facts = _shortened(self._facts, COMMENT_LENGTH)
        return (_shortened(text, COMMENT_LENGTH - len(facts)) + facts).ljust(COMMENT_LENGTH)

    def _write_comment(self, comment: str) -> None:
        """Put `comment` where the placeholder stands, at the end of the file."""
        with open(self.path, "r+b") as file:
            position = max(self.path.stat().st_size - MAX_END, 0)
            file.seek(position)
            end = file.read()
            file.seek(position)
            file.write(end.replace(self._placeholder, self._comment(comment)))


class FrameFolder:
    """A folder of pictures, 000000.png and so on, each column twice as wide: as ALE writes them.

    A folder of older ones is moved aside when the first frame comes. Raises UserError if it has
    other files beside those, or cannot be written; `add` raises OSError.
    """

    def __init__(self, path: Path):
        make_writable_folder(path.parent)
        self.path = path
        self._frames = 0
        try:
            self._check()
        except OSError as error:
            raise _cannot_write(path, error) from error

    def add(self, frame: Frame) -> None:
        """Write the next picture."""
        if self._frames == 0:
            if self._check():
                rename_aside(self.path)
            self.path.mkdir(exist_ok=True)
        picture = np.repeat(cv2.cvtColor(frame.picture, cv2.COLOR_RGB2BGR), 2, axis=1)
        _, png = cv2.imencode(".png", picture)
        (self.path / (FRAME_NAME % self._frames)).write_bytes(png)
        self._frames += 1

    def close(self, comment: str) -> None:
        """Nothing is left to do."""

    def _check(self) -> bool:
        """Whether the folder is one of an earlier recording."""
        if not self.path.exists():
            return False
        make_writable_folder(self.path)
        names = [file.name for file in self.path.iterdir()]
        older = [name for name in names if re.fullmatch(r"\d{6,}\.png", name)]
        if older and len(older) < len(names):
            raise UserError(
                f"the folder {self.path} has other files beside the frames of an earlier "
                "recording: name another one with --record_screen_path"
            )
        return bool(older)


class SoundFile:
    """A WAV file at `path`, 8 bits mono at the Atari's own rate.

    An older file is moved aside when the first frame comes. Raises UserError if the folder cannot
    be written; `add` and `close` raise OSError.
    """

    def __init__(self, path: Path, *, sample_rate: int):
        make_writable_folder(path.parent)
        self.path = path
        self._sample_rate = sample_rate
        self._file: wave.Wave_write | None = None

    def add(self, frame: Frame) -> None:
        """Append the sound of a frame; the file's header is right after each."""
        if self._file is None:
            move_aside(self.path)
            self._file = wave.Wave_write(str(self.path))
            self._file.setparams((1, 1, self._sample_rate, 0, "NONE", ""))
        self._file.writeframes(frame.sound.tobytes())

    def close(self, comment: str) -> None:
        """Complete the file."""
        if self._file:
            self._file.close()


class Recorder:
    """Records frames in as many ways as there are paths; those that are None are left out.

    `facts` go into the video's metadata.
    `add` and `close` raise UserError if the disk is full, say; what was recorded until then stays.
    """

    def __init__(
        self,
        *,
        video_file: Path | None,
        screen_path: Path | None,
        sound_file: Path | None,
        frame_rate: int,
        sample_rate: int,
        facts: dict[str, str],
    ):
        self._parts: list[VideoFile | FrameFolder | SoundFile] = []
        if video_file:
            self._parts.append(
                VideoFile(video_file, frame_rate=frame_rate, sample_rate=sample_rate, facts=facts)
            )
        if screen_path:
            self._parts.append(FrameFolder(screen_path))
        if sound_file:
            self._parts.append(SoundFile(sound_file, sample_rate=sample_rate))
        logger.info("Recording to %s", ", ".join(str(part.path) for part in self._parts))

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


def _printable(name: str) -> str:
    """A file's name as text that every encoding takes: its bytes need not be UTF-8."""
    return name.encode(errors="replace").decode()


def _shortened(text: str, length: int) -> bytes:
    """The text in at most `length` bytes of UTF-8, without half a character at its end."""
    return text.encode(errors="replace")[:length].decode(errors="ignore").encode()


def _cannot_write(path: Path, error: OSError | av.FFmpegError) -> UserError:
    return UserError(f"cannot write {path} {explain(error)}")

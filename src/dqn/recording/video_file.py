"""Videos with sound, which can be played whatever stops the recording."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer

from dqn.environments.environment import Frame
from dqn.machine.files import make_writable_folder, move_aside
from dqn.recording.screen import scale_of

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


class VideoFile:
    """A .mov or .mp4 file at `path` with H.264 and AAC, written frame by frame.

    An older file is moved aside when the first frame comes. Only the index of the file grows with
    the length of the recording, by half a MB a minute. Sound is recorded if the first frame has
    some. `facts`, texts by name, go into the metadata. Pictures that are `to_scale`, whose sides
    are even, are not enlarged.
    Raises UserError if the folder cannot be written; `add` and `close` raise OSError or
    av.FFmpegError, and leave a file that can be played.
    """

    def __init__(
        self,
        path: Path,
        *,
        frame_rate: int,
        sample_rate: int,
        facts: dict[str, str],
        has_square_pixels: bool = False,
        is_small: bool = False,
        to_scale: bool = False,
    ):
        make_writable_folder(path.parent)
        self.path = path
        self._frame_rate = frame_rate
        self._sample_rate = sample_rate
        self._scale = scale_of(has_square_pixels, is_small, to_scale)
        self._facts = "".join(f", {name}: {fact}" for name, fact in facts.items())
        self._container: OutputContainer | None = None

    def add(self, frame: Frame) -> None:
        """Append a frame; all must have pictures of the same size."""
        container = self._container or self._open(frame)
        video = self._video
        # Each part, enlarged to whole pixels, has the colour that it had.
        picture = av.VideoFrame.from_ndarray(frame.picture, "rgb24").reformat(
            video.width, video.height, video.pix_fmt, dst_colorspace="ITU709", interpolation="POINT"
        )
        picture.pts = self._frames
        picture.time_base = Fraction(1, self._frame_rate)
        self._frames += 1
        container.mux(video.encode(picture))
        if self._audio:
            container.mux(self._audio.encode(self._block_of(frame.sound)))

    def close(self, comment: str) -> None:
        """Complete the file; `comment` goes into its metadata, before the facts.

        It is cut where both together are longer than COMMENT_LENGTH bytes.
        """
        if self._container is None:
            return
        try:
            self._container.mux(self._video.encode(None))
            if self._audio:
                self._container.mux(self._audio.encode(None))
        finally:
            self._container.close()
        self._write_comment(comment)

    def _open(self, frame: Frame) -> OutputContainer:
        move_aside(self.path)
        self._container = container = av.open(str(self.path), "w", options=CONTAINER)
        # The score is known at the end only, and the library takes metadata at the beginning only.
        self._placeholder = self._comment("unfinished recording")
        container.metadata.update(
            title=_printable(self.path.stem), comment=self._placeholder.decode()
        )
        video = container.add_stream("libx264", rate=self._frame_rate, options=H264)
        lines, columns, _ = frame.picture.shape
        video.width, video.height = self._scale(columns, lines)
        video.pix_fmt = "yuv420p"
        context = video.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE
        self._video = video
        self._frames = 0
        self._audio: AudioStream | None = None
        if frame.sound.size:
            self._audio = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
            self._audio.bit_rate = SOUND_BIT_RATE
        self._samples = 0
        return container

    def _block_of(self, sound: np.ndarray) -> av.AudioFrame:
        samples = (sound.astype(np.int16) - SILENCE) << 8
        block = av.AudioFrame.from_ndarray(samples[np.newaxis], "s16", "mono")
        block.sample_rate = self._sample_rate
        block.pts = self._samples
        block.time_base = Fraction(1, self._sample_rate)
        self._samples += len(sound)
        return block

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


def _printable(name: str) -> str:
    """A file's name as text that every encoding takes: its bytes need not be UTF-8."""
    return name.encode(errors="replace").decode()


def _shortened(text: str, length: int) -> bytes:
    """The text in at most `length` bytes of UTF-8, without half a character at its end."""
    return text.encode(errors="replace")[:length].decode(errors="ignore").encode()

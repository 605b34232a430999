"""The sound of a game, sample by sample."""

import wave
from pathlib import Path

from dqn.environments.environment import Frame
from dqn.machine.files import make_writable_folder, move_aside


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

    def close(self, comment: str) -> None:  # noqa: ARG002 (as of every file of a recording)
        """Complete the file."""
        if self._file:
            self._file.close()

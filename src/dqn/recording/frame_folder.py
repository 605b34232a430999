"""Every frame of a game as a picture of its own."""

import re
from pathlib import Path

import cv2
import numpy as np

from dqn.environments.environment import Frame
from dqn.errors import UserError, explain
from dqn.machine.files import make_writable_folder, rename_aside

FRAME_NAME = "%06d.png"
EPISODE = r"(test_)?episode_\d{6,}\.mp4"


class FrameFolder:
    """A folder of pictures, 000000.png and so on.

    Each column is twice as wide, as ALE writes them, unless the game `has_square_pixels`; pictures
    that are `to_scale`, and large, are written half as wide and high. A folder of older ones is
    moved aside when the first frame comes. Raises UserError if it has other files beside those, or
    cannot be written; `add` raises OSError.
    """

    def __init__(self, path: Path, has_square_pixels: bool = False, to_scale: bool = False):
        make_writable_folder(path.parent)
        self.path = path
        as_it_is = _unchanged if has_square_pixels else _doubled
        self._draw = _halved if to_scale else as_it_is
        self._frames = 0
        try:
            self._check()
        except OSError as error:
            raise UserError(f"cannot write {path} {explain(error)}") from error

    def add(self, frame: Frame) -> None:
        """Write the next picture."""
        if self._frames == 0:
            if self._check():
                rename_aside(self.path)
            self.path.mkdir(exist_ok=True)
        picture = self._draw(cv2.cvtColor(frame.picture, cv2.COLOR_RGB2BGR))
        _, png = cv2.imencode(".png", picture)
        (self.path / (FRAME_NAME % self._frames)).write_bytes(png.tobytes())
        self._frames += 1

    def close(self, comment: str) -> None:
        """Nothing is left to do."""

    def _check(self) -> bool:
        """Whether the folder is one of an earlier recording."""
        if not self.path.exists():
            return False
        make_writable_folder(self.path)
        # Videos of episodes are kept in the same folder.
        names = [n.name for n in self.path.iterdir() if not re.fullmatch(EPISODE, n.name)]
        older = [name for name in names if re.fullmatch(r"\d{6,}\.png", name)]
        if older and len(older) < len(names):
            raise UserError(
                f"the folder {self.path} has other files beside the frames of an earlier "
                "recording: name another one with --record_screen_path"
            )
        return bool(older)


def _doubled(picture: np.ndarray) -> np.ndarray:
    return np.repeat(picture, 2, axis=1)


def _unchanged(picture: np.ndarray) -> np.ndarray:
    return picture


def _halved(picture: np.ndarray) -> np.ndarray:
    height, width, _ = picture.shape
    return cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)

"""What is observed of an Atari game: its gray or coloured screen, or its RAM, as uint8."""

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np

from dqn.environments.blending import (
    GRAYS,
    NTSC,
    PAL,
    Blending,
    average_colours,
    brightest_colours,
    opencv_gray,
)
from dqn.environments.emulators import Emulator
from dqn.environments.pictures import create_resizing
from dqn.environments.settings import ObservationSettings

# The games that at times think so long that the emulator stops within a frame and goes on with it:
# which frame was on the screen before, ALE alone knows.
AVERAGED_BY_ALE = ("tetris", "tic_tac_toe_3d", "video_chess")

PAL_HEIGHT = 250


class Frames:
    """The emulated frames of a game, as far as a screen is made of them: none of its own accord.

    `last`, uint8 (height, width) in ALE's numbers of colours, is all that a checkpoint keeps.
    """

    def __init__(self, height: int = 0, width: int = 0):
        self.last = np.zeros((height, width), np.uint8)

    def restart(self) -> None:
        """A game has begun: the frame before its first one is unknown."""

    def add(self) -> None:
        """A frame has been emulated."""

    def draw(self, planes: list[np.ndarray]) -> None:
        """Write the screen into planes, each uint8 (height, width)."""


class AlesGray(Frames):
    """The last frame alone in ALE's own gray; where ALE averages, it is the average."""

    def __init__(self, ale: Emulator):
        super().__init__(*ale.getScreenDims())
        self._ale = ale

    def draw(self, planes: list[np.ndarray]) -> None:
        self._ale.getScreenGrayscale(planes[0])


class LastFrame(Frames):
    """The last frame alone; a blending for each plane."""

    def __init__(self, ale: Emulator, blendings: list[Blending]):
        super().__init__(*ale.getScreenDims())
        self._ale = ale
        self._blendings = blendings

    def draw(self, planes: list[np.ndarray]) -> None:
        self._ale.getScreen(self.last)
        for blending, plane in zip(self._blendings, planes, strict=True):
            blending.map(self.last, plane)


class LastTwoFrames(Frames):
    """The last two frames, pooled; a blending for each plane."""

    def __init__(self, ale: Emulator, blendings: list[Blending]):
        super().__init__(*ale.getScreenDims())
        self._ale = ale
        self._blendings = blendings
        self._before = np.zeros_like(self.last)

    def restart(self) -> None:
        self._ale.getScreen(self.last)
        self._before[:] = self.last  # ALE does not show the one before

    def add(self) -> None:
        self.last, self._before = self._before, self.last
        self._ale.getScreen(self.last)

    def draw(self, planes: list[np.ndarray]) -> None:
        for blending, plane in zip(self._blendings, planes, strict=True):
            blending.blend(self._before, self.last, plane)


class Observer(ABC):
    """Makes the observations of one game; its `frames` are told of each that is emulated."""

    frames: Frames

    @abstractmethod
    def observe(self) -> np.ndarray:
        """The observation after the last frame, a new array, uint8 (*shape)."""


class RamObserver(Observer):
    """Observes the RAM, uint8 (128,)."""

    def __init__(self, ale: Emulator):
        self._ale = ale
        self.frames = Frames()

    def observe(self) -> np.ndarray:
        return self._ale.getRAM()


class GrayObserver(Observer):
    """Observes the screen in gray and resized, uint8 (height, width)."""

    def __init__(self, frames: Frames, settings: ObservationSettings):
        self.frames = frames
        self._screen = np.empty_like(frames.last)
        self._resize = create_resizing(settings)

    def observe(self) -> np.ndarray:
        self.frames.draw([self._screen])
        return self._resize(self._screen)


class ColourObserver(Observer):
    """Observes red, green and blue of the screen resized, uint8 (3, height, width)."""

    def __init__(self, frames: Frames, settings: ObservationSettings):
        self.frames = frames
        self._planes = [np.empty_like(frames.last) for _ in range(3)]
        self._resize = create_resizing(settings)

    def observe(self) -> np.ndarray:
        self.frames.draw(self._planes)
        return np.stack([self._resize(plane) for plane in self._planes])


class GrayLastObserver(ColourObserver):
    """Observes the screen resized in its colours, and then in OpenCV's gray."""

    def observe(self) -> np.ndarray:
        return opencv_gray(np.ascontiguousarray(np.moveaxis(super().observe(), 0, -1)))


def is_averaged_by_ale(game: str, settings: ObservationSettings) -> bool:
    """Whether ALE itself must average the colours of a game, for which it must be told."""
    averages = settings.kind != "ram" and settings.pooling == "average"
    return averages and game in AVERAGED_BY_ALE


def create_observer(ale: Emulator, game: str, settings: ObservationSettings) -> Observer:
    """Make the observer of a game that `ale` has loaded."""
    if settings.kind == "ram":
        return RamObserver(ale)
    if settings.kind == "screen" and settings.grayscale == "opencv_last":
        in_colours = replace(settings, kind="rgb")
        return GrayLastObserver(_create_frames(ale, game, in_colours), in_colours)
    frames = _create_frames(ale, game, settings)
    return (ColourObserver if settings.kind == "rgb" else GrayObserver)(frames, settings)


def _create_frames(ale: Emulator, game: str, settings: ObservationSettings) -> Frames:
    is_alone = settings.pooling == "none" or is_averaged_by_ale(game, settings)
    if is_alone and settings.kind == "screen" and settings.grayscale == "luminance":
        return AlesGray(ale)
    palette = PAL if ale.getScreenDims()[0] == PAL_HEIGHT else NTSC
    # A colour with itself makes the same colour, which is all that a frame alone needs.
    pool = brightest_colours if is_alone or settings.pooling == "max" else average_colours
    colours = pool(palette)
    if settings.kind == "rgb":
        planes = [np.ascontiguousarray(colours[..., plane]) for plane in range(3)]
    else:
        planes = [GRAYS[settings.grayscale](colours)]
    blendings = [Blending(values) for values in planes]
    return (LastFrame if is_alone else LastTwoFrames)(ale, blendings)

"""How a game is run and what is observed of it: values, as the flags give them."""

from dataclasses import dataclass

RAM_BYTES = 128  # of an Atari 2600
GRAYSCALES = ("luminance", "mean", "opencv", "opencv_last", "truncated")
INTERPOLATIONS = ("linear", "area", "nearest", "pillow")
MIN_PICTURE_SIZE = 36  # pixels; a smaller array of Gymnasium's is no picture but a vector


@dataclass(frozen=True)
class GameSettings:
    """What every game of a run has in common.

    `max_game_frames` cuts a game off, which is not terminal; 0: never. Sticky actions have
    `repeat_action_probability` (Machado et al. 2018, section 5.2). `emulator` is "ale-py" or
    "atari-py".
    """

    frame_skip: int = 4
    repeat_action_probability: float = 0
    minimal_action_set: bool = True
    max_game_frames: int = 108000
    emulator: str = "ale-py"


@dataclass(frozen=True)
class GymSettings:
    """What `gymnasium.make` is given besides an id.

    arguments: as text, "key=value,…"; imports: packages to import first, separated by commas.
    """

    arguments: str = ""
    imports: str = ""


@dataclass(frozen=True)
class ObservationSettings:
    """What the agent sees of a game.

    kind: "screen" (gray), "rgb" or "ram", of which the fields below say nothing; pooling: of the
    last two frames, "average" (as ALE blends colours), "max" (Mnih et al. 2015, Methods,
    "Preprocessing") or "none"; grayscale: "luminance" (ALE's), "mean", "opencv", "truncated" (DQN
    Zoo's), or "opencv_last", which is OpenCV's of the colours after resizing (CleanRL's);
    interpolation: OpenCV's "linear", "area" or "nearest", or "pillow" (its bilinear one, which
    blurs what it makes smaller).
    """

    kind: str = "screen"
    width: int = 84
    height: int = 84
    pooling: str = "average"
    grayscale: str = "luminance"
    interpolation: str = "linear"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an observation: (height, width), (3, height, width) or (128,)."""
        shapes = {
            "screen": (self.height, self.width),
            "rgb": (3, self.height, self.width),
            "ram": (RAM_BYTES,),
        }
        return shapes[self.kind]

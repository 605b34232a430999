"""What is observed of a Gymnasium environment: pictures as ALE's, or vectors of numbers."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from gymnasium import spaces

from dqn.environments.environment import ObservationSpace
from dqn.environments.pictures import create_converter
from dqn.environments.settings import MIN_PICTURE_SIZE, ObservationSettings
from dqn.errors import UserError


class Observer(ABC):
    """Makes the observations, which are like `space`, of what an environment returns."""

    space: ObservationSpace
    is_picture = False

    @abstractmethod
    def observe(self, raw: Any) -> np.ndarray:
        """A new array. Raises ValueError if `raw` is not of the environment's own space."""


class VectorObserver(Observer):
    """All numbers in a row, in the dtype of the environment; they must be finite."""

    def __init__(self, space: spaces.Box):
        self.space = ObservationSpace((int(np.prod(space.shape)),), space.dtype)
        self._shape = space.shape

    def observe(self, raw: Any) -> np.ndarray:
        array = np.array(raw, self.space.dtype)
        if array.shape != self._shape:
            raise ValueError(f"an observation {array.shape}, not {self._shape}")
        if not np.isfinite(array).all():
            raise ValueError("an observation with NaN or infinity")
        return array.reshape(-1)


class OneHotObserver(Observer):
    """Discrete observations, one-hot."""

    def __init__(self, space: spaces.Space):
        self.space = ObservationSpace((spaces.flatdim(space),), np.dtype(bool))
        self._space = space

    def observe(self, raw: Any) -> np.ndarray:
        if not self._space.contains(raw):
            raise ValueError(f"an observation {str(raw)[:50]!r} that is not in {self._space}")
        return np.array(spaces.flatten(self._space, raw), bool)


class PictureObserver(Observer):
    """Pictures in gray, uint8 (height, width), or in colours, uint8 (3, height, width)."""

    is_picture = True

    def __init__(self, space: spaces.Box, settings: ObservationSettings):
        self.space = ObservationSpace(settings.shape)
        self._shape = space.shape
        self._convert = create_converter(settings)

    def observe(self, raw: Any) -> np.ndarray:
        picture = np.asarray(raw)
        if picture.shape != self._shape or picture.dtype != np.uint8:
            raise ValueError(
                f"an observation {picture.dtype} {picture.shape}, not uint8 {self._shape}"
            )
        return self._convert(picture)


def create_observer(space: spaces.Space, settings: ObservationSettings, name: str) -> Observer:
    """The observer of an environment called `name`; raises UserError for what cannot be learned."""
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        return OneHotObserver(space)
    if not isinstance(space, spaces.Box) or np.dtype(space.dtype).kind not in "biuf":
        raise UserError(
            f"the observations of {name} are {_shortened(space)}: supported are Box (pictures and "
            "vectors), Discrete, MultiDiscrete and MultiBinary; an environment with "
            "gymnasium.wrappers.FlattenObservation has such"
        )
    if not _is_picture(space):
        if settings.kind == "rgb":
            raise UserError(
                f"--observation rgb needs pictures, but {name} has vectors: leave it at screen"
            )
        return VectorObserver(space)
    if settings.kind == "rgb" and space.shape[2:] != (3,):
        raise UserError(f"--observation rgb needs colours, but {name} has none: use screen")
    return PictureObserver(space, settings)


def _is_picture(space: spaces.Box) -> bool:
    """Whether observations are H×W×3, H×W×1 or H×W uint8, and large enough to be one."""
    height, width, channels = (*space.shape, 1, 1, 1)[:3]
    is_large = min(height, width) >= MIN_PICTURE_SIZE
    return (
        space.dtype == np.uint8 and len(space.shape) in (2, 3) and channels in (1, 3) and is_large
    )


def _shortened(space: spaces.Space) -> str:
    text = " ".join(str(space).split())
    return text if len(text) <= 100 else f"{text[:100]}…"

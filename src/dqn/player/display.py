"""The contract of a display: what a person sees, and the keys that they press."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dqn.player.keyboard import Command, Joystick

RECORDING = "● recording"
TELEVISION = 4 / 3
VALUES_IN_A_ROW = 16  # of an observation that is no picture: the RAM takes eight rows


@dataclass(frozen=True)
class Insight:
    """What the network made of a state.

    state: (history, *observation), what it saw; actions: their names; q_values: float
    (num_actions,), or None without a network; action: the index of the one taken, with ε; both are
    None before the first.
    """

    state: np.ndarray
    actions: list[str]
    q_values: np.ndarray | None
    action: int | None
    exploration_rate: float | None

    @property
    def pictures(self) -> list[np.ndarray]:
        """Each observation of the state as a picture, uint8 (height, width, 3)."""
        return [_as_picture(observation) for observation in self.state]

    @property
    def heading(self) -> str:
        """What the list of the actions tells of them."""
        return "actions" if self.q_values is None else "Q-values"

    @property
    def exploration(self) -> str:
        """ε as text; empty where the network chooses nothing."""
        if self.q_values is None or self.exploration_rate is None:
            return ""
        return f"ε = {self.exploration_rate:g}"

    def bar(self, index: int) -> float:
        """How long the bar of an action is, in 0..1: the values are close to one another."""
        if self.q_values is None or self.q_values.max() == self.q_values.min():
            return 1.0
        lowest, highest = self.q_values.min(), self.q_values.max()
        return float(0.1 + 0.9 * (self.q_values[index] - lowest) / (highest - lowest))


def _as_picture(observation: np.ndarray) -> np.ndarray:
    """A gray or coloured screen as it is, and a row of values as a block of gray pixels."""
    if observation.dtype != np.uint8:
        observation = _as_grays(observation)[np.newaxis]
    if observation.ndim == 3:
        return np.ascontiguousarray(np.moveaxis(observation, 0, -1))
    if observation.ndim == 1:
        missing = -len(observation) % VALUES_IN_A_ROW
        observation = np.pad(observation, (0, missing)).reshape(-1, VALUES_IN_A_ROW)
    return np.repeat(observation[..., np.newaxis], 3, axis=2)


def _as_grays(numbers: np.ndarray) -> np.ndarray:
    """Numbers of any size as uint8: gray where they are 0, white or black far from it."""
    if numbers.dtype == bool:
        return numbers * np.uint8(255)
    return np.round(127.5 * (1 + np.tanh(numbers.astype(np.float64)))).astype(np.uint8)


@dataclass(frozen=True)
class View:
    """What is shown with the picture: the line at the bottom, and what lies over it.

    status: the parts of the line; message: its right end, for which parts of the status give way;
    hint: the same where there is no message and room is left; announcement: lines in the middle of
    the picture; help: pairs of keys and what they do; insight: what the network sees, or None if
    that is not wanted; paint: lays over a picture of any size what the chosen action's value
    depends on, and strip: draws a width and a height of Q-values over time, for below the picture;
    both are None if that is not wanted.
    """

    who: str
    is_person: bool
    status: list[str]
    message: str = ""
    hint: str = ""
    is_recording: bool = False
    announcement: Sequence[str] = ()
    help: Sequence[tuple[str, str]] = ()
    insight: Insight | None = None
    paint: Callable[[np.ndarray], np.ndarray] | None = None
    strip: Callable[[int, int], np.ndarray] | None = None

    def parts(self, fits: Callable[[list[str]], bool]) -> list[str]:
        """The parts of the line from the left: who, the status, and RECORDING.

        Where there is a message, the last parts of the status are left out until `fits` says that
        these texts have room beside one another.
        """
        status = list(self.status)
        recording = [RECORDING] * self.is_recording
        while status and self.message and not fits([self.who, *status, *recording, self.message]):
            status.pop()
        return [self.who, *status, *recording]


class Display(ABC):
    """Shows pictures and reads the keyboard. `joystick` holds what is pressed.

    A picture is shown in 4:3, as on a television, unless the game `has_square_pixels`.
    """

    joystick: Joystick
    has_square_pixels = False

    def aspect_of(self, picture: np.ndarray) -> float:
        """Width by height in which to show a picture, (height, width, 3)."""
        height, width, _ = picture.shape
        return width / height if self.has_square_pixels else TELEVISION

    @abstractmethod
    def show(self, picture: np.ndarray, view: View) -> None:
        """Show a picture, uint8 (height, width, 3), RGB."""

    @abstractmethod
    def poll(self) -> list[Command]:
        """The commands that were given since the last call; the joystick is moved, too."""

    @abstractmethod
    def toggle_full_screen(self) -> None:
        """Fill the screen, or no longer, where that is possible."""

    @abstractmethod
    def close(self) -> None:
        """Leave everything as it was before; more calls of it do nothing."""

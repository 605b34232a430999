"""The contract of an environment: a game that is played step by step."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

ALES_FIRE = 1  # ALE's number of the action


class Frame(NamedTuple):
    """One emulated frame as a person sees and hears it.

    picture: uint8 (height, width, 3), RGB; sound: uint8 (samples,), mono, 128 is silence; empty
    without sound. Both are the receiver's to keep.
    """

    picture: np.ndarray
    sound: np.ndarray


# Which keys, all pressed together, take the action of an index
Keys = dict[frozenset[str], int]


class ObservationSpace(NamedTuple):
    """What every observation of a game is like: an array of `dtype` (*shape)."""

    shape: tuple[int, ...]
    dtype: np.dtype = np.dtype(np.uint8)


class Environment(ABC):
    """A game with `num_actions` discrete actions.

    `name` identifies the game and `actions` its action set in snapshots. `no_op` is the index of
    the action that does nothing; None in a game without one. `lives` are those left after the last
    act; 0 in a game without lives. While `on_frame` is not None it is called after every frame, up
    to `frame_skip` times in an act. `frame_rate` is in frames a second, `sample_rate` in samples of
    sound a second; 0 in a game without sound. `is_in_play` is False after a `set_state` that could
    not restore the game, so that only `restart` goes on.

    A television shows the picture in 4:3, unless it `has_square_pixels`. `action_names` are what
    the actions are called on the screen, and `keys` by which keys of a keyboard a person takes
    them; where they are None, the actions are ALE's, and a joystick's.
    """

    name: str
    actions: list[int]
    no_op: int | None = 0
    lives: int = 0
    frame_skip: int = 1
    frame_rate: int
    sample_rate: int
    on_frame: Callable[[Frame], None] | None = None
    is_in_play: bool = True
    has_square_pixels: bool = False
    action_names: list[str] | None = None
    keys: Keys | None = None

    @property
    def num_actions(self) -> int:
        """How many actions there are to choose from."""
        return len(self.actions)

    @property
    def fire(self) -> int | None:
        """The index of the action that presses the button alone, which some games wait for."""
        return self.actions.index(ALES_FIRE) if ALES_FIRE in self.actions else None

    @property
    def is_restored(self) -> bool:
        """Whether a game can be restored from its state at all."""
        return True

    @property
    def is_restored_exactly(self) -> bool:
        """Whether a game that is restored from its state continues as it would have."""
        return True

    @abstractmethod
    def restart(self) -> None:
        """Begin a new game."""

    @abstractmethod
    def act(self, action: int) -> float:
        """Take an action, an index into `actions`, and return its unclipped reward."""

    def idle(self, frames: int) -> float:
        """Do nothing for some frames, or until the game is over; returns the reward.

        `act` repeats its action for `frame_skip` frames, and this is for other numbers of them. The
        next observation shows the last frame alone.
        """
        reward = 0.0
        for _ in range(frames):
            if not self.is_game_over():
                reward += self.act(self.no_op or 0)
        return reward

    @abstractmethod
    def observe(self) -> np.ndarray:
        """The current observation, as its ObservationSpace says; a new array."""

    @abstractmethod
    def is_terminal(self) -> bool:
        """Whether the last action ended the episode, so that nothing follows to bootstrap from."""

    @abstractmethod
    def is_game_over(self) -> bool:
        """Whether the game ended, or was cut off, and only `restart` goes on."""

    @abstractmethod
    def frame_number(self) -> int:
        """Emulated frames since the game began."""

    @abstractmethod
    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps of the game: plain values and arrays."""

    @abstractmethod
    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned; the observation is right again after the next act.

        Raises ValueError if the state is of another kind of game.
        """

    def close(self) -> None:  # noqa: B027 (most have nothing to do)
        """Let go what the game holds; nothing else is asked of it then."""

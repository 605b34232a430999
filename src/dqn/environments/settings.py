"""How a game is run: values, as the flags give them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GameSettings:
    """What every game of a run has in common.

    `max_game_frames` cuts a game off, which is not terminal; 0: never. Sticky actions have
    `repeat_action_probability` (Machado et al. 2018, section 5.2).
    """

    frame_skip: int = 4
    repeat_action_probability: float = 0
    minimal_action_set: bool = True
    color_averaging: bool = True
    screen_width: int = 84
    screen_height: int = 84
    max_game_frames: int = 108000

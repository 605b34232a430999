"""Atari 2600 games on the Arcade Learning Environment (Bellemare et al. 2013)."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ale_py import Action, ALEInterface, ALEState, LoggerMode

from dqn.environments.environment import Environment, Frame

# The games that do not go on exactly as before from the state that ale-py 0.12 gives of them: all
# that it carries were tried (tests/environments/test_ale.py).
NOT_RESTORED_EXACTLY = ("air_raid", "klax", "qbert", "tetris")


class AleEnvironment(Environment):
    """One Atari game, its screens in gray and resized.

    `rom` must be a ROM that ALE supports (`roms.find_rom` sees to it): ALE ends the process on
    any other. With `life_loss_is_terminal` a lost life ends the episode, but the game goes on.
    `lives` are those left after the last act. With `sound` every Frame has its samples.

    The frames of a step are emulated one by one, so that each can be seen: `frame_skip` acts of one
    frame are the same as ALE's one act of so many. Sticky actions (Machado et al. 2018, section
    5.2) are made here as ALE makes them, once a frame: ALE does not put the action that it repeats
    into its state.
    """

    frame_rate = 60  # frames a second
    sample_rate = 512 * frame_rate  # samples of sound a second

    def __init__(
        self,
        rom: Path,
        name: str,
        *,
        frame_skip: int,
        repeat_action_probability: float,
        minimal_action_set: bool,
        color_averaging: bool,
        screen_width: int,
        screen_height: int,
        max_game_frames: int,
        life_loss_is_terminal: bool,
        seed: int,
        sound: bool = False,
    ):
        self.name = name
        self._screen_size = (screen_width, screen_height)
        self._life_loss_is_terminal = life_loss_is_terminal
        self._life_lost = False
        self.lives = 0  # asked for right after an act: some games forget them in their state
        self._frame_skip = frame_skip
        self._sound = sound
        self._repeat_action_probability = repeat_action_probability
        self._sticky_generator = np.random.default_rng(seed)
        self._sticky_action = Action.NOOP
        # Where a screen is blended from the frames of two acts, what came before the last act: ALE
        # does not put its last frame into its state, and that act makes it again.
        self._blends_acts = color_averaging and frame_skip == 1
        self._before: tuple[ALEState, Action] | None = None

        ALEInterface.setLoggerMode(LoggerMode.Error)
        self._ale = ALEInterface()
        self._ale.setInt("random_seed", seed)
        self._ale.setInt("frame_skip", 1)
        self._ale.setInt("max_num_frames_per_episode", max_game_frames)
        self._ale.setFloat("repeat_action_probability", 0)
        self._ale.setBool("color_averaging", color_averaging)
        self._ale.setBool("sound_obs", sound)
        self._ale.loadROM(str(rom))
        action_set = (
            self._ale.getMinimalActionSet() if minimal_action_set else self._ale.getLegalActionSet()
        )
        self._action_set = list(action_set)
        self.actions = [action.value for action in action_set]

        height, width = self._ale.getScreenDims()
        self._gray = np.empty((height, width), np.uint8)
        cv2.setNumThreads(1)  # a screen is too small to share among threads

    def restart(self) -> None:
        self._ale.reset_game()
        self.lives = self._ale.lives()
        self._life_lost = False
        self._sticky_action = Action.NOOP
        self._before = None

    def act(self, action: int) -> float:
        lives = self.lives
        reward = 0
        for _ in range(self._frame_skip):
            reward += self._emulate(self._stick(self._action_set[action]))
            if self.on_frame:
                self.on_frame(self._frame())
            if self._ale.game_over():
                break
        self.lives = self._ale.lives()
        self._life_lost = self.lives != lives
        return reward

    def _stick(self, action: Action) -> Action:
        probability = self._repeat_action_probability
        if not probability or self._sticky_generator.random() >= probability:
            self._sticky_action = action
        return self._sticky_action

    def _emulate(self, action: Action) -> int:
        if self._blends_acts:
            self._before = self._ale.cloneSystemState(), action
        return self._ale.act(action)

    def _frame(self) -> Frame:
        sound = self._ale.getAudio() if self._sound else np.empty(0, np.uint8)
        return Frame(self._ale.getScreenRGB(), sound)

    def get_screen(self) -> np.ndarray:
        self._ale.getScreenGrayscale(self._gray)
        return cv2.resize(self._gray, self._screen_size, interpolation=cv2.INTER_LINEAR)

    def is_terminal(self) -> bool:
        over = self._ale.game_over(with_truncation=False)
        return over or (self._life_loss_is_terminal and self._life_lost)

    def is_game_over(self) -> bool:
        return self._ale.game_over()

    def frame_number(self) -> int:
        return self._ale.getEpisodeFrameNumber()

    def get_state(self) -> dict[str, Any]:
        before, action = self._before or (None, Action.NOOP)
        return {
            "name": self.name,
            "emulator": _to_array(self._ale.cloneSystemState()),
            "lives": self.lives,
            "life_lost": self._life_lost,
            "sticky_action": self._sticky_action.value,
            "sticky_generator": self._sticky_generator.bit_generator.state,
            "before": before and _to_array(before),
            "last_action": action.value,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        if state["name"] != self.name:
            raise ValueError(f"a state of {state['name']!r} does not fit {self.name!r}")
        emulator = _from_array(state["emulator"])
        self.lives = state["lives"]
        self._life_lost = state["life_lost"]
        self._sticky_action = Action(state["sticky_action"])
        self._sticky_generator.bit_generator.state = state["sticky_generator"]
        self._before = None
        if state["before"] is not None:
            self._before = _from_array(state["before"]), Action(state["last_action"])
            self._restore(self._before[0])
            self._ale.act(self._before[1])
        self._restore(emulator)

    def _restore(self, state: ALEState) -> None:
        try:
            self._ale.restoreSystemState(state)
        except SystemError as error:  # ALE's own exception, which Python does not know
            raise ValueError("the emulator's state is damaged") from error


def _to_array(state: ALEState) -> np.ndarray:
    return np.frombuffer(state.serialize(), np.uint8)


def _from_array(array: np.ndarray) -> ALEState:
    """Raises ValueError if ALE cannot read it."""
    try:
        return ALEState(np.asarray(array, np.uint8).tobytes())
    except SystemError as error:  # ALE's own exception, which Python does not know
        raise ValueError("the emulator's state is damaged") from error

"""Atari 2600 games on the Arcade Learning Environment (Bellemare et al. 2013)."""

from pathlib import Path

import cv2
import numpy as np
from ale_py import ALEInterface, LoggerMode

from dqn.environments.environment import Environment


class AleEnvironment(Environment):
    """One Atari game, its screens in gray and resized.

    `rom` must be a ROM that ALE supports (`roms.find_rom` sees to it): ALE ends the process on
    any other. With `life_loss_is_terminal` a lost life ends the episode, but the game goes on.
    """

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
    ):
        self.name = name
        self._screen_size = (screen_width, screen_height)
        self._life_loss_is_terminal = life_loss_is_terminal
        self._life_lost = False

        ALEInterface.setLoggerMode(LoggerMode.Error)
        self._ale = ALEInterface()
        self._ale.setInt("random_seed", seed)
        self._ale.setInt("frame_skip", frame_skip)
        self._ale.setInt("max_num_frames_per_episode", max_game_frames)
        self._ale.setFloat("repeat_action_probability", repeat_action_probability)
        self._ale.setBool("color_averaging", color_averaging)
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
        self._life_lost = False

    def act(self, action: int) -> float:
        lives = self._ale.lives()
        reward = self._ale.act(self._action_set[action])
        self._life_lost = self._ale.lives() != lives
        return reward

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

"""src/main.py with screens averaged by ALE itself, for comparison: the same flags, the same games.

python benchmarks/ales_averaging.py roms/breakout.bin --random_steps 10000 …
"""

import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np

import checkout  # noqa: F401 (it comes before dqn)
import main as trainer
from dqn.environments import create
from dqn.environments.atari import AleEnvironment
from dqn.environments.emulators import AlePy
from dqn.environments.settings import GameSettings, ObservationSettings


class AlesAveraging(AleEnvironment):
    """One act of ALE for all frames of a step, and its own averaged screen."""

    def __init__(
        self,
        rom: Path,
        name: str,
        settings: GameSettings,
        observation: ObservationSettings,
        *,
        seed: int,
        **more: Any,
    ):
        super().__init__(rom, name, settings, observation, seed=seed, **more)
        self._screen_size = (observation.width, observation.height)
        self._ale = AlePy()
        self._ale.setInt("random_seed", seed)
        self._ale.setInt("frame_skip", settings.frame_skip)
        self._ale.setInt("max_num_frames_per_episode", settings.max_game_frames)
        self._ale.setFloat("repeat_action_probability", 0)
        self._ale.setBool("color_averaging", True)
        self._ale.loadROM(str(rom))

    def act(self, action: int) -> float:
        lives = self.lives
        reward = self._ale.act(self.actions[action])
        self.lives = self._ale.lives()
        self._life_lost = self.lives != lives
        return reward

    def observe(self) -> np.ndarray:
        screen = np.empty(self._ale.getScreenDims(), np.uint8)
        self._ale.getScreenGrayscale(screen)
        return cv2.resize(screen, self._screen_size, interpolation=cv2.INTER_LINEAR)


if __name__ == "__main__":
    with patch.object(create, "AleEnvironment", AlesAveraging):
        sys.exit(trainer.main(sys.argv[1:]))

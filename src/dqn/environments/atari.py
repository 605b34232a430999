"""Atari 2600 games on the Arcade Learning Environment (Bellemare et al. 2013)."""

from pathlib import Path
from typing import Any

import numpy as np

from dqn.environments.emulators import create_emulator
from dqn.environments.environment import Environment, Frame
from dqn.environments.observing import create_observer, is_averaged_by_ale
from dqn.environments.restoring import restores_exactly
from dqn.environments.settings import GameSettings, ObservationSettings
from dqn.machine.state_values import take, take_array, take_flag, take_integer

NO_OP = 0


class AleEnvironment(Environment):
    """One Atari game, observed as `observation` says.

    `rom` must be a ROM that ALE supports (`roms.find_rom` sees to it): ALE ends the process on
    any other. With `life_loss_is_terminal` a lost life ends the episode, but the game goes on.
    `lives` are those left after the last act. With `sound` every Frame has its samples.

    The frames of a step are emulated one by one, so that each can be seen: `frame_skip` acts of one
    frame equal one act of ALE's with its own frame skip. The observer sees each and may pool the
    last two; the screen right after `restart` shows one frame. Sticky actions (Machado et al.
    2018, section 5.2) are made here as ALE makes them, once a frame: ALE does not put the action
    that it repeats into its state.
    """

    frame_rate = 60  # frames a second
    sample_rate = 512 * frame_rate  # samples of sound a second

    def __init__(
        self,
        rom: Path,
        name: str,
        settings: GameSettings,
        observation: ObservationSettings,
        *,
        life_loss_is_terminal: bool,
        seed: int,
        sound: bool = False,
    ):
        self.name = name
        self._life_loss_is_terminal = life_loss_is_terminal
        self._life_lost = False
        self.lives = 0  # asked for right after an act: some games forget them in their state
        self.frame_skip = settings.frame_skip
        self._sound = sound
        self._repeat_action_probability = settings.repeat_action_probability
        self._sticky_generator = np.random.default_rng(seed)
        self._sticky_action = NO_OP

        self._ale, rom = create_emulator(settings.emulator, rom, name)
        if not self._ale.has_sound:
            self.sample_rate = 0
        self._ale.setInt("random_seed", seed)
        self._ale.setInt("frame_skip", 1)
        self._ale.setInt("max_num_frames_per_episode", settings.max_game_frames)
        self._ale.setFloat("repeat_action_probability", 0)
        self._ale.setBool("color_averaging", is_averaged_by_ale(name, observation))
        self._ale.setBool("sound_obs", sound)
        self._ale.loadROM(str(rom))
        is_minimal = settings.minimal_action_set
        ale = self._ale
        self.actions = ale.minimal_actions() if is_minimal else ale.all_actions()

        self._observer = create_observer(ale, name, observation)
        self._frames = self._observer.frames

    @property
    def is_restored_exactly(self) -> bool:
        """Whether a restored game continues exactly as it would have."""
        return restores_exactly(self.name, self.frame_skip)

    def restart(self) -> None:
        self._ale.reset_game()
        self.lives = self._ale.lives()
        self._life_lost = False
        self._sticky_action = NO_OP
        self._frames.restart()

    def act(self, action: int) -> float:
        return self._act_for(self.actions[action], self.frame_skip)

    def idle(self, frames: int) -> float:
        reward = self._act_for(NO_OP, frames)
        self._frames.restart()  # there is no frame before the last one
        return reward

    def _act_for(self, action: int, frames: int) -> float:
        """Take ALE's `action` for some frames, or until the game is over."""
        lives = self.lives
        reward = 0
        for _ in range(frames):
            reward += self._ale.act(self._stick(action))
            self._frames.add()
            if self.on_frame:
                self.on_frame(self._picture_and_sound())
            if self._ale.game_over():
                break
        self.lives = self._ale.lives()
        self._life_lost = self.lives != lives
        return reward

    def _stick(self, action: int) -> int:
        probability = self._repeat_action_probability
        if not probability or self._sticky_generator.random() >= probability:
            self._sticky_action = action
        return self._sticky_action

    def _picture_and_sound(self) -> Frame:
        sound = self._ale.getAudio() if self._sound else np.empty(0, np.uint8)
        return Frame(self._ale.getScreenRGB(), sound)

    def observe(self) -> np.ndarray:
        return self._observer.observe()

    def is_terminal(self) -> bool:
        return self._ale.is_over() or (self._life_loss_is_terminal and self._life_lost)

    def is_game_over(self) -> bool:
        return self._ale.game_over()

    def frame_number(self) -> int:
        return self._ale.getEpisodeFrameNumber()

    def get_state(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "emulator": np.frombuffer(self._ale.save(), np.uint8),
            "frame": self._frames.last.copy(),  # ALE does not put it into its state
            "lives": self.lives,
            "life_lost": self._life_lost,
            "sticky_action": self._sticky_action,
            "sticky_generator": self._sticky_generator.bit_generator.state,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        if take(state, "name") != self.name:
            raise ValueError(f"a state of {state['name']!r} does not fit {self.name!r}")
        sticky_action = take_integer(state, "sticky_action")
        if sticky_action not in self.actions:
            raise ValueError(f"there is no action {sticky_action}")
        self._ale.restore(take_array(state, "emulator", np.uint8, (None,)).tobytes())
        frame = self._frames.last
        frame[:] = take_array(state, "frame", np.uint8, frame.shape)
        self.lives = take_integer(state, "lives", minimum=-(2**31))
        self._life_lost = take_flag(state, "life_lost")
        self._sticky_action = sticky_action
        self._sticky_generator.bit_generator.state = take(state, "sticky_generator")

"""The emulators of Atari games: ale-py, and its predecessor atari-py behind the same methods."""

import importlib
import logging
import shutil
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from ale_py import ALEInterface, ALEState

from dqn.errors import UserError

logger = logging.getLogger(__name__)

RANDOM_DIGITS = 8192  # bytes by which two states differ at most: atari-py writes random numbers out
INSTALL = "pip install -r requirements-atari-py.txt"


class AlePy(ALEInterface):
    """The Arcade Learning Environment by its maintainers."""

    has_sound = True

    def minimal_actions(self) -> list[int]:
        """ALE's numbers of the actions that the game knows."""
        return [action.value for action in self.getMinimalActionSet()]

    def all_actions(self) -> list[int]:
        """ALE's numbers of all actions."""
        return [action.value for action in self.getLegalActionSet()]

    def is_over(self) -> bool:
        """Whether the game ended by itself, not by its limit of frames."""
        return self.game_over(with_truncation=False)

    def save(self) -> bytes:
        """The state of the emulator, with its random numbers."""
        return self.cloneSystemState().serialize()

    def restore(self, state: bytes) -> None:
        """Restore what `save` returned; raises ValueError if it is damaged."""
        try:
            self.restoreSystemState(ALEState(state))
        except (SystemError, MemoryError) as error:  # ALE's own, which Python does not know
            raise ValueError("the emulator's state is damaged") from error


class AtariPy:
    """The same of atari-py 0.2.9, of 2021: OpenAI's packaging of an older ALE, without sound."""

    has_sound = False

    def __init__(self) -> None:
        module = _import_atari_py()
        module.ale_python_interface.ale_lib.setLoggerMode(2)  # errors alone
        self._ale = module.ALEInterface()
        self._max_frames = 0

    def setInt(self, key: str, value: int) -> None:
        """Set an option, before a ROM is loaded."""
        if key == "max_num_frames_per_episode":
            self._max_frames = value
        self._ale.setInt(key, value)

    def setFloat(self, key: str, value: float) -> None:
        """Set an option, before a ROM is loaded."""
        self._ale.setFloat(key, value)

    def setBool(self, key: str, value: bool) -> None:
        """Set an option, before a ROM is loaded; it knows none of sound."""
        if key != "sound_obs":
            self._ale.setBool(key, value)

    def loadROM(self, path: str) -> None:
        """Load the ROM of a file whose name is the game's, in lower case."""
        self._ale.loadROM(path)

    def minimal_actions(self) -> list[int]:
        """ALE's numbers of the actions that the game knows."""
        return self._ale.getMinimalActionSet().tolist()

    def all_actions(self) -> list[int]:
        """ALE's numbers of all actions."""
        return self._ale.getLegalActionSet().tolist()

    def act(self, action: int) -> int:
        """Emulate a frame and return its reward."""
        return self._ale.act(action)

    def reset_game(self) -> None:
        """Begin a new game."""
        self._ale.reset_game()

    def lives(self) -> int:
        """Lives that are left."""
        return self._ale.lives()

    def game_over(self) -> bool:
        """Whether the game ended, or was cut off."""
        return self._ale.game_over()

    def is_over(self) -> bool:
        """Whether the game ended by itself, not by its limit of frames."""
        is_cut_off = 0 < self._max_frames <= self.getEpisodeFrameNumber()
        return self._ale.game_over() and not is_cut_off

    def getEpisodeFrameNumber(self) -> int:
        """Frames since the game began."""
        return self._ale.getEpisodeFrameNumber()

    def getScreenDims(self) -> tuple[int, int]:
        """Height and width."""
        width, height = self._ale.getScreenDims()
        return height, width

    def getScreen(self, screen: np.ndarray) -> None:
        """Write the numbers of the colours, uint8 (height, width)."""
        self._ale.getScreen(screen)

    def getScreenGrayscale(self, screen: np.ndarray) -> None:
        """Write the screen in gray, uint8 (height, width)."""
        self._ale.getScreenGrayscale(screen)

    def getScreenRGB(self) -> np.ndarray:
        """The screen, uint8 (height, width, 3)."""
        return self._ale.getScreenRGB2()

    def getRAM(self) -> np.ndarray:
        """The RAM, uint8 (128,)."""
        return self._ale.getRAM()

    def getAudio(self) -> np.ndarray:
        """No samples, uint8 (0,)."""
        return np.empty(0, np.uint8)

    def save(self) -> bytes:
        """The state of the emulator, with its random numbers."""
        state = self._ale.cloneSystemState()
        try:
            return self._ale.encodeState(state).tobytes()
        finally:
            self._ale.deleteState(state)

    def restore(self, state: bytes) -> None:
        """Restore what `save` returned; raises ValueError if it is of quite another length.

        The library ends the process on anything else that is damaged. (Checkpoints have checksums.)
        """
        if abs(len(state) - len(self.save())) > RANDOM_DIGITS:
            raise ValueError("the emulator's state is damaged")
        decoded = self._ale.decodeState(np.frombuffer(state, np.uint8).copy())
        self._ale.restoreSystemState(decoded)
        self._ale.deleteState(decoded)


Emulator = AlePy | AtariPy


def create_emulator(kind: str, rom: Path, name: str) -> tuple[Emulator, Path]:
    """An emulator, "ale-py" or "atari-py", and the ROM as it can load it.

    Raises UserError if it is not installed, or does not know the game `name`.
    """
    if kind == "ale-py":
        return AlePy(), rom
    emulator = AtariPy()
    return emulator, _rom_for_atari_py(rom, name)


@lru_cache
def _rom_for_atari_py(rom: Path, name: str) -> Path:
    """A ROM under the game's own name, by which atari-py knows it; raises UserError."""
    if rom.name != f"{name}.bin":
        folder = Path(tempfile.mkdtemp(prefix="rom-"))
        rom = Path(shutil.copy(rom, folder / f"{name}.bin"))
    # It ends the process on a game that it does not know.
    program = "import sys, atari_py; atari_py.ALEInterface().loadROM(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", program, rom], capture_output=True, check=False)
    if done.returncode:
        raise UserError(f"atari-py does not know {name}: use --emulator ale-py")
    return rom


def _import_atari_py() -> Any:
    try:
        return importlib.import_module("atari_py")
    except (ImportError, OSError) as error:  # OSError: its library cannot be loaded
        raise UserError(f"--emulator atari-py needs atari-py ({error}): {INSTALL}") from error

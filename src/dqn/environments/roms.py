"""Finding the ROM of a game, and asking ALE whether it knows it."""

import difflib
import hashlib
import logging
import os
import re
from pathlib import Path

import ale_py.roms
from ale_py import ALEInterface

from dqn.errors import UserError

logger = logging.getLogger(__name__)

MAX_ROM_SIZE = 2**20  # bytes; the largest cartridges have half of it


def find_rom(game: str, roms_folder: Path) -> tuple[Path, str]:
    """The ROM file for `game` and ALE's name of it.

    `game` is the path of a ROM. If no such file is there, its name without the ending, written in
    any way that `game_called` knows, is looked for in `roms_folder` and then among the ROMs that
    ale-py carries. Raises UserError if there is none, or ALE does not support it.
    """
    path = _find_file(game, roms_folder)
    _check_size(path)
    # Ask first: loading a ROM that ALE does not know ends the process.
    name = _ask_ale(path)
    if name is None:
        md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        raise UserError(
            f"{path} is not a ROM that ALE supports (MD5 {md5}): use a ROM of one of "
            f"the {len(ale_py.roms.get_all_rom_ids())} games that ale-py lists"
        )
    return path, name


def is_known(game: str | None) -> bool:
    """Whether ALE knows a game of this name."""
    return game in ale_py.roms.get_all_rom_ids()


def game_called(name: str) -> str | None:
    """ALE's name of a game that is written Pong, SpaceInvaders or space-invaders, say, or None."""
    games = {_letters(game): game for game in ale_py.roms.get_all_rom_ids()}
    return games.get(_letters(name))


def _letters(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def game_of_file_name(path: Path) -> str | None:
    """The longest ROM name that a snapshot's file name begins with, or None."""
    file_name = path.name.lower()
    names = [name for name in ale_py.roms.get_all_rom_ids() if file_name.startswith(name)]
    return max(names, key=len, default=None)


def _find_file(game: str, roms_folder: Path) -> Path:
    path = Path(game)
    if os.path.isfile(path):
        return path
    if os.path.isdir(path):
        raise UserError(f"{game} is a folder: name a ROM in it, such as {path / 'breakout.bin'}")
    name = game_called(path.stem) or path.stem.lower()
    own = roms_folder / f"{name}.bin"
    if os.path.isfile(own):
        return own
    known = ale_py.roms.get_all_rom_ids()
    if name in known:
        logger.info("Using the ROM of %s that ale-py carries", name)
        return Path(ale_py.roms.__file__).with_name(f"{name}.bin")
    close = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    raise UserError(f"no ROM {game}: {hint}ROMs go into {roms_folder} as <game>.bin")


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if size > MAX_ROM_SIZE:
        raise UserError(
            f"{path} is no ROM: it has {size} bytes, and no cartridge more than {MAX_ROM_SIZE}"
        )


def _ask_ale(path: Path) -> str | None:
    if not os.access(path, os.R_OK):
        raise UserError(f"cannot read {path}: make it readable")
    try:
        return ALEInterface.isSupportedROM(path)
    except RuntimeError as error:
        raise UserError(f"ALE cannot read {path} ({error})") from error

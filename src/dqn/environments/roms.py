"""Finding the ROM of a game, and asking ALE whether it knows it."""

import difflib
import hashlib
import logging
import os
from pathlib import Path

import ale_py.roms
from ale_py import ALEInterface

from dqn.errors import UserError

logger = logging.getLogger(__name__)


def find_rom(game: str, roms_folder: Path) -> tuple[Path, str]:
    """The ROM file for `game` and ALE's name of it.

    `game` is the path of a ROM. If no such file is there, its name without the ending is looked
    for in `roms_folder` and then among the ROMs that ale-py carries.
    Raises UserError if there is none, or ALE does not support it.
    """
    path = _find_file(game, roms_folder)
    # Ask first: loading a ROM that ALE does not know ends the process.
    name = _ask_ale(path)
    if name is None:
        md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        raise UserError(
            f"{path} is not a ROM that ALE supports (MD5 {md5}): use a ROM of one of "
            f"the {len(ale_py.roms.get_all_rom_ids())} games that ale-py lists"
        )
    return path, name


def game_of_file_name(path: Path) -> str | None:
    """The longest ROM name that a snapshot's file name begins with, or None."""
    names = [name for name in ale_py.roms.get_all_rom_ids() if path.name.startswith(name)]
    return max(names, key=len, default=None)


def _find_file(game: str, roms_folder: Path) -> Path:
    path = Path(game)
    if path.is_file():
        return path
    if path.is_dir():
        raise UserError(f"{game} is a folder: name a ROM in it, such as {path / 'breakout.bin'}")
    name = path.stem.lower()
    known = ale_py.roms.get_all_rom_ids()
    own = roms_folder / f"{name}.bin"
    if own.is_file():
        return own
    if name in known:
        carried = Path(ale_py.roms.__file__).with_name(f"{name}.bin")
        logger.info("There is no %s: using the ROM that ale-py carries, %s", game, carried)
        return carried
    close = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    raise UserError(f"no ROM {game}: {hint}ROMs go into {roms_folder} as <game>.bin")


def _ask_ale(path: Path) -> str | None:
    if not os.access(path, os.R_OK):
        raise UserError(f"cannot read {path}: make it readable")
    try:
        return ALEInterface.isSupportedROM(path)
    except RuntimeError as error:
        raise UserError(f"ALE cannot read {path} ({error})") from error

"""Opens a display and a speaker; their modules, and pygame with them, are imported only here."""

import logging
import os
import sys
from typing import TYPE_CHECKING

from dqn.errors import UserError
from dqn.player.display import Display

if TYPE_CHECKING:
    from dqn.player.sound import Speaker

logger = logging.getLogger(__name__)


def open_display(kind: str, title: str) -> Display:
    """Open a display of a `kind`: "window", "terminal", or "auto" for the first that is there.

    Raises UserError if there is none.
    """
    if kind == "window":
        return _open_window(title)
    if kind == "auto" and _has_desktop():
        try:
            return _open_window(title)
        except UserError as error:
            if not sys.stdout.isatty():
                raise
            logger.info("%s", error)
    if kind == "auto" and not sys.stdout.isatty():
        raise UserError(
            "there is neither a display nor a terminal to show the game on: set DISPLAY, or start "
            "it in a terminal; record.sh needs neither"
        )
    from dqn.player.terminal import Terminal

    return Terminal()


def open_speaker(sample_rate: int, frame_rate: int) -> "Speaker | None":
    """Open the sound card; None, with a line in the log, if there is none.

    The rates are of samples and frames a second.
    """
    try:
        from dqn.player.sound import Speaker

        return Speaker(sample_rate, frame_rate)
    except (ImportError, OSError) as error:
        logger.info("Playing without sound: %s", error)
        return None


def _open_window(title: str) -> Display:
    try:
        from dqn.player.window import Window
    except ImportError as error:
        raise UserError(f"a window needs pygame-ce ({error}): pip install pygame-ce") from error
    return Window(title)


def _has_desktop() -> bool:
    """Whether a window may be possible. Without a desktop, SDL might take over the console."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

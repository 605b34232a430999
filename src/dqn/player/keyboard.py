"""Keys: the commands that they give, and the joystick that the arrows and space make."""

import time
from collections.abc import Callable, Sequence
from enum import Enum, auto

from ale_py import Action


class Command(Enum):
    """What a key tells the program."""

    SLOWER = auto()
    FASTER = auto()
    TAKE_OVER = auto()
    QUIETER = auto()
    LOUDER = auto()
    PAUSE = auto()
    STEP = auto()
    HELP = auto()
    OVERLAY = auto()
    FULL_SCREEN = auto()
    RECORD = auto()
    QUIT = auto()


COMMANDS = {
    "a": Command.SLOWER,
    "s": Command.FASTER,
    "m": Command.TAKE_OVER,
    "[": Command.QUIETER,
    "]": Command.LOUDER,
    "p": Command.PAUSE,
    "n": Command.STEP,
    "h": Command.HELP,
    "o": Command.OVERLAY,
    "f": Command.FULL_SCREEN,
    "r": Command.RECORD,
    "q": Command.QUIT,
    "escape": Command.QUIT,
}
JOYSTICK_KEYS = ("up", "right", "left", "down", "fire")
OPPOSITE = {"up": "down", "down": "up", "left": "right", "right": "left"}

HELP = (
    ("arrows", "joystick"),
    ("space", "fire"),
    ("m", "take over, give back"),
    ("a  s", "slower, faster"),
    ("p", "pause, go on"),
    ("n", "one step"),
    ("o", "what the network sees"),
    ("[  ]", "quieter, louder"),
    ("r", "begin, end a recording"),
    ("f", "full screen"),
    ("h", "this help"),
    ("q  Esc", "quit"),
)


class Joystick:
    """Which of JOYSTICK_KEYS are pressed.

    Of two opposite directions the newer one counts. What is pressed and let go between two looks
    counts in the next. A key goes up by itself after `hold_seconds`, if that is not None: a
    terminal tells no release, but repeats a key that is held.
    """

    def __init__(
        self, hold_seconds: float | None = None, clock: Callable[[], float] = time.monotonic
    ):
        self._hold_seconds = hold_seconds
        self._clock = clock
        self._pressed: dict[str, float] = {}  # key → time of the last press, the newest key last
        self._unseen: set[str] = set()  # pressed since the last look
        self._released: set[str] = set()  # those of them that went up again

    def press(self, key: str) -> None:
        """Note that a key goes down, or is repeated."""
        self._pressed.pop(key, None)
        self._pressed[key] = self._clock()
        self._unseen.add(key)
        self._released.discard(key)

    def release(self, key: str) -> None:
        """Note that a key goes up."""
        if key in self._unseen:
            self._released.add(key)
        else:
            self._pressed.pop(key, None)

    def release_all(self) -> None:
        """Let everything go, as when the keyboard is taken to another window."""
        for key in list(self._pressed):
            self.release(key)

    def look(self) -> list[str]:
        """The keys that are pressed, the newest last."""
        if self._hold_seconds is not None:
            limit = self._clock() - self._hold_seconds
            for key, pressed_at in list(self._pressed.items()):
                if pressed_at < limit:
                    self.release(key)
        pressed: list[str] = []
        for key in reversed(self._pressed):
            if OPPOSITE.get(key) not in pressed:
                pressed.insert(0, key)
        self._unseen.clear()
        for key in self._released:
            self._pressed.pop(key, None)
        self._released.clear()
        return pressed


def nearest_action(pressed: Sequence[str], actions: list[int]) -> int:
    """The index, in a game's action set, of what comes nearest to the keys, the newest last.

    It is the action that makes use of the most keys and asks for no other one; of several such, the
    one with the newest key.
    """

    def merit(index: int) -> tuple[int, int]:
        keys = _keys(actions[index])
        return len(keys), max(map(pressed.index, keys), default=0)

    possible = [index for index, action in enumerate(actions) if _keys(action) <= set(pressed)]
    return max(possible, key=merit, default=0)


def action_name(action: int) -> str:
    """What an action of ALE is called on the screen, such as "up right fire"."""
    keys = _keys(action)
    order = ("up", "down", "left", "right", "fire")
    return " ".join(key for key in order if key in keys) or "no-op"


def _keys(action: int) -> set[str]:
    return {key for key in JOYSTICK_KEYS if key.upper() in Action(action).name}

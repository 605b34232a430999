"""Keys: the commands that they give, and the joystick that some of them make."""

import time
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto

from dqn.environments.actions import movements
from dqn.environments.environment import Environment, Keys


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
    SALIENCY = auto()
    WEAKER = auto()
    STRONGER = auto()
    FULL_SCREEN = auto()
    RECORD = auto()
    PLAY_AGAIN = auto()
    QUIT = auto()


COMMANDS = {
    "-": Command.SLOWER,
    "+": Command.FASTER,
    "=": Command.FASTER,  # the same key as plus on many keyboards
    "a": Command.SLOWER,
    "s": Command.FASTER,
    "m": Command.TAKE_OVER,
    "[": Command.QUIETER,
    "]": Command.LOUDER,
    "p": Command.PAUSE,
    "n": Command.STEP,
    "h": Command.HELP,
    "o": Command.OVERLAY,
    "v": Command.SALIENCY,
    ",": Command.WEAKER,
    ".": Command.STRONGER,
    "f": Command.FULL_SCREEN,
    "r": Command.RECORD,
    "enter": Command.PLAY_AGAIN,
    "q": Command.QUIT,
    "escape": Command.QUIT,
}
JOYSTICK_KEYS = ("up", "right", "left", "down", "fire")
KEY_NAMES = {"up": "Up", "down": "Down", "left": "Left", "right": "Right", "fire": "Space"}
LETTERS = {"w": "up", "a": "left", "s": "down", "d": "right"}  # the same for the left hand
OPPOSITE = {"up": "down", "down": "up", "left": "right", "right": "left"}
# What a direction means in a game that has neither it nor its opposite. In Pong, right is up.
NEAREST_SENSE = {"up": "right", "down": "left", "right": "up", "left": "down"}


class Joystick:
    """Which of JOYSTICK_KEYS are pressed, by their own keys or by LETTERS.

    In a game that has keys of its own, `own_keys`, those are told instead. Letters count only
    while `takes_letters` is true: a person plays. Of two opposite directions the newer one counts.
    What is pressed and let go between two looks counts in the next. A key goes up by itself after
    `hold_seconds`, if that is not None: a terminal tells no release, but repeats a key that is
    held.
    """

    def __init__(
        self, hold_seconds: float | None = None, clock: Callable[[], float] = time.monotonic
    ):
        self.takes_letters = False
        self.own_keys: frozenset[str] = frozenset()
        self._hold_seconds = hold_seconds
        self._clock = clock
        self._pressed: dict[str, float] = {}  # key → time of the last press, the newest key last
        self._unseen: set[str] = set()  # pressed since the last look
        self._released: set[str] = set()  # those of them that went up again

    def press(self, key: str) -> bool:
        """Note that a key goes down, or is repeated; whether it is one of the joystick's."""
        if not self._is_known(key):
            return False
        self._pressed.pop(key, None)
        self._pressed[key] = self._clock()
        self._unseen.add(key)
        self._released.discard(key)
        return True

    def _is_known(self, key: str) -> bool:
        if self.own_keys:
            return self.takes_letters and key in self.own_keys
        return key in JOYSTICK_KEYS or (self.takes_letters and key in LETTERS)

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
        """Those of JOYSTICK_KEYS, or of `own_keys`, that are pressed, the newest last."""
        if self._hold_seconds is not None:
            limit = self._clock() - self._hold_seconds
            for key, pressed_at in list(self._pressed.items()):
                if pressed_at < limit:
                    self.release(key)
        pressed: list[str] = []
        for key in reversed(self._pressed):
            what = key if self.own_keys else LETTERS.get(key, key)
            if self.own_keys or (what not in pressed and OPPOSITE.get(what) not in pressed):
                pressed.insert(0, what)
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
    pressed = _in_this_game(pressed, actions)

    def merit(index: int) -> tuple[int, int]:
        keys = _keys(actions[index])
        return len(keys), max(map(pressed.index, keys), default=0)

    possible = [index for index, action in enumerate(actions) if _keys(action) <= set(pressed)]
    return max(possible, key=merit, default=0)


def action_of(pressed: Sequence[str], keys: Keys) -> int | None:
    """The action that makes use of most of the keys that are pressed; None if there is none."""
    possible = [names for names in keys if names <= set(pressed)]
    return keys[max(possible, key=len)] if possible else None


def help_of(keys: Keys, names: list[str]) -> list[tuple[str, str]]:
    """What the keys of a game do: pairs of keys and an action's name."""
    lines: dict[int, list[str]] = {}
    for pressed, action in keys.items():
        typed = [KEY_NAMES.get(key, key.upper()) for key in _in_typed_order(pressed)]
        if typed:
            lines.setdefault(action, []).append(" + ".join(typed))
    return [("  ".join(typed), names[action]) for action, typed in sorted(lines.items())]


def _in_typed_order(keys: Iterable[str]) -> list[str]:
    return sorted(
        keys, key=lambda key: (list(KEY_NAMES).index(key) if key in KEY_NAMES else -1, key)
    )


def joystick_help(actions: list[int]) -> list[tuple[str, str]]:
    """What each key of the joystick does in a game: pairs of keys and an action's name.

    Actions that follow from those named, as keys combine, and keys that do nothing are left out.
    """
    lines = []
    known: list[set[str]] = []
    for action in sorted(actions, key=lambda a: (len(_keys(a)), "fire" in _keys(a))):
        keys = _keys(action)
        if set().union(*(other for other in known if other <= keys)) == keys:
            continue
        known.append(keys)
        if len(keys) > 1:
            typed = " + ".join(KEY_NAMES[key] for key in _in_order(keys))
        else:
            [key] = keys
            typed = _keyboard_keys(key, actions)
        lines.append((typed, action_name(action)))
    return lines


def action_name(action: int) -> str:
    """What an action of ALE is called on the screen, such as "up right fire"."""
    return " ".join(_in_order(_keys(action))) or "no-op"


def names_of_actions(game: Environment) -> list[str]:
    """What the actions of a game are called on the screen."""
    return game.action_names or [action_name(action) for action in game.actions]


def _in_this_game(pressed: Sequence[str], actions: list[int]) -> list[str]:
    """The same keys, but the nearest sense of those that no action of the game has."""
    known = set().union(*map(_keys, actions))

    def sense(key: str) -> str:
        other = NEAREST_SENSE.get(key)
        is_lacking = not {key, OPPOSITE.get(key)} & known
        # A direction that the game has wins over one that only stands for it or its opposite.
        is_free = other in known and not {other, OPPOSITE[other]} & set(pressed)
        return other if other and is_lacking and is_free else key

    return [sense(key) for key in pressed]


def _keyboard_keys(joystick_key: str, actions: list[int]) -> str:
    """The keys of the keyboard that mean one of JOYSTICK_KEYS in a game."""
    keys = [key for key in KEY_NAMES if _in_this_game([key], actions) == [joystick_key]]
    letters = [letter.upper() for letter, key in LETTERS.items() if key in keys]
    return "  ".join([*(KEY_NAMES[key] for key in keys), *letters])


def _keys(action: int) -> set[str]:
    return set(movements(action))


def _in_order(keys: set[str]) -> list[str]:
    return [key for key in KEY_NAMES if key in keys]

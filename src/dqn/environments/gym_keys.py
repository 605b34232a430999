"""By which keys a person plays a Gymnasium environment."""

from collections.abc import Iterable
from typing import Any

from dqn.environments.environment import Keys

# SDL's numbers of the arrows in pygame 2 and, as some environments still have them, in pygame 1
ARROWS = {
    1073741906: "up",
    1073741905: "down",
    1073741903: "right",
    1073741904: "left",
    273: "up",
    274: "down",
    275: "right",
    276: "left",
}
SPACE = "fire"  # as displays call it
DIGITS = "0123456789"
NAMES = ("up", "down", "right", "left", "space")


def read_keys(env: Any, num_actions: int, first_action: int) -> Keys:
    """The keys of its `get_keys_to_action`, as displays name them, or the digits from 0 on.

    No key at all may be among them.
    """
    get_keys = getattr(env, "get_keys_to_action", None)
    keys: Keys = {}
    for pressed, action in get_keys().items() if get_keys else ():
        index = int(action) - first_action
        if 0 <= index < num_actions:
            keys[frozenset(map(_name, _each(pressed)))] = index
    return keys or {frozenset(DIGITS[i]): i for i in range(min(num_actions, len(DIGITS)))}


def _each(pressed: Any) -> Iterable[int | str]:
    """The keys of a combination; a text is one key's name, or the letters of several."""
    if isinstance(pressed, str):
        return [pressed] if pressed in NAMES else pressed
    return pressed if isinstance(pressed, Iterable) else [pressed]


def _name(key: int | str) -> str:
    if isinstance(key, int):
        key = ARROWS[key] if key in ARROWS else chr(key)
    return SPACE if key in (" ", "space") else key.lower()

"""By which keys a person plays a Gymnasium environment."""

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


def read_keys(env: Any, num_actions: int, first_action: int) -> Keys:
    """The keys of its `get_keys_to_action`, as displays name them, or the digits from 0 on.

    No key at all may be among them.
    """
    get_keys = getattr(env, "get_keys_to_action", None)
    keys: Keys = {}
    if get_keys:
        for pressed, action in get_keys().items():
            names = frozenset(
                map(_name, pressed if isinstance(pressed, tuple | list) else [pressed])
            )
            if 0 <= int(action) - first_action < num_actions:
                keys[names] = int(action) - first_action
    return keys or {frozenset(DIGITS[i]): i for i in range(min(num_actions, len(DIGITS)))}


def _name(key: int | str) -> str:
    name = ARROWS.get(key, chr(key)) if isinstance(key, int) else key
    return SPACE if name in (" ", "space") else name.lower()

"""What a checkpoint keeps of a Gymnasium environment, which has no such thing itself.

An environment and its wrappers are Python objects. Where all that changes in them is numbers,
texts, arrays, lists of such and random generators, these are kept by name and put into a new
environment of the same kind. Atari environments hold an emulator, of which ALE gives the state. No
other one can be restored. Nothing is pickled: reading a checkpoint runs no code.
"""

import enum
import logging
import math
import random
import time
from collections import deque
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from ale_py import ALEInterface, ALEState
from ale_py.env import AtariEnv
from gymnasium import Env, Wrapper, spaces
from gymnasium.envs.registration import EnvSpec

from dqn.environments.gym_registry import close
from dqn.machine.state_values import take, take_array, take_integer, take_list

logger = logging.getLogger(__name__)

# They never change, or only pictures and windows depend on them.
CONSTANTS = (FunctionType, MethodType, BuiltinFunctionType, ModuleType, type, EnvSpec)
OF_PICTURES = ("pygame", "matplotlib")
PLAIN = (bool, int, float, str, type(None))
MAX_DEPTH = 20
# How likely it may be that the emulator takes none of many equal actions
NEGLIGIBLE = 1e-30
TRIAL_STEPS = (1, 7, 60)  # before and after which an environment is restored, to see whether it can
TRIAL_SECONDS = 2.0


class _NotRestorable(Exception):
    """Something in an environment is no plain value; the text says what."""


class Keeper:
    """Takes and sets the state of one environment, between two steps."""

    def __init__(self, env: Env):
        self._env = env
        self._layers = _layers(env)

    def get(self) -> list[Any] | None:
        """Plain values and arrays; None if the environment cannot be restored."""
        try:
            return [self._get_layer(layer) for layer in self._layers]
        except _NotRestorable as reason:
            logger.debug("%s cannot be restored: %s", self._env, reason)
            return None

    def set(self, state: list[Any]) -> None:
        """Restore what `get` returned in an environment that has been reset.

        Raises ValueError, or another of MISFITS, if it is of another environment.
        """
        take_list([state], 0, len(self._layers))
        for layer, kept in zip(self._layers, state, strict=True):
            self._set_layer(layer, kept)

    def _get_layer(self, layer: Any) -> Any:
        if isinstance(layer, AtariEnv):
            generator = {"generator": layer.np_random.bit_generator.state}
            return generator | _get_emulator(layer.ale, layer._action_set)
        return _get_attributes(layer, [], 0)

    def _set_layer(self, layer: Any, kept: Any) -> None:
        if isinstance(layer, AtariEnv):
            layer.np_random.bit_generator.state = take(kept, "generator")
            _set_emulator(layer.ale, kept)
        else:
            _set_attributes(layer, kept)


def is_restorable(make: Callable[[], Env]) -> bool:
    """Whether an environment that `make` makes continues exactly in another one, as tried."""
    envs: list[Env] = []
    try:
        envs = [make(), make()]
        return all(_continues(envs[0], envs[1], steps) for steps in TRIAL_STEPS)
    except Exception:  # whatever somebody else's code raises
        logger.debug("The trial of restoring an environment failed", exc_info=True)
        return False
    finally:
        for env in envs:
            close(env, "a trial of it")


def _continues(one: Env, other: Env, steps: int) -> bool:
    generator = np.random.default_rng(steps)
    one.reset(seed=steps)
    _play(one, steps, generator)
    kept = Keeper(one).get()
    if kept is None:
        return False
    other.reset(seed=steps + 1)
    Keeper(other).set(kept)
    seed = int(generator.integers(2**32))
    seen = [_play(env, steps, np.random.default_rng(seed)) for env in (one, other)]
    length = min(map(len, seen))
    return _is_equal(seen[0][:length], seen[1][:length])


def _play(env: Env, steps: int, generator: np.random.Generator) -> list[Any]:
    """What random actions and resets return; fewer of them than `steps` if they take long."""
    space: Any = env.action_space
    seen: list[Any] = []
    end = time.monotonic() + TRIAL_SECONDS
    for _ in range(steps):
        observation, reward, terminated, truncated, _ = env.step(
            int(space.start + generator.integers(space.n))
        )
        seen.append((observation, reward, terminated, truncated))
        if terminated or truncated:
            seen.append(env.reset()[0])
        if time.monotonic() > end:
            break
    return seen


def _is_equal(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_is_equal, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_is_equal(one[k], other[k]) for k in one)
    return bool(np.array_equal(one, other))


def _layers(env: Env) -> list[Any]:
    """The wrappers from the outermost on, and the environment within."""
    layers: list[Any] = [env]
    while isinstance(layers[-1], Wrapper):
        layers.append(layers[-1].env)
    return layers


# Attributes by name. An encoded value is [what it is, what it holds].


def _get_attributes(owner: Any, owners: list[Any], depth: int) -> list[Any]:
    if depth > MAX_DEPTH or any(owner is other for other in owners):
        raise _NotRestorable(f"{type(owner).__name__} is within itself")
    kept = []
    for name, value in vars(owner).items():
        if name == "env" and isinstance(owner, Wrapper):
            continue
        if (encoded := _encode(value, [*owners, owner], depth)) is not None:
            kept.append([name, encoded])
    return kept


def _encode(value: Any, owners: list[Any], depth: int) -> list[Any] | None:
    """An attribute's value; None for a constant. Raises _NotRestorable."""
    for kind, (name, get) in _GETTERS.items():
        if isinstance(value, kind):
            return [name, get(value)]
    if _is_constant(value):
        return None
    try:
        return _encode_plain(value, depth)
    except _NotRestorable:
        if _holds_constants(value):
            return None
        if not hasattr(value, "__dict__") or type(value).__module__ == "builtins":
            raise
        return ["object", _get_attributes(value, owners, depth + 1)]


def _get_pythons(generator: random.Random) -> list[Any]:
    version, numbers, gauss = generator.getstate()
    return [version, list(numbers), gauss]


def _get_space(space: spaces.Space) -> Any:
    generator = space._np_random
    return generator and generator.bit_generator.state


# What is changed and not replaced when it is set, since others may hold it, too
_GETTERS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    enum.Enum: ("enum", lambda member: member.name),
    np.random.Generator: ("generator", lambda generator: generator.bit_generator.state),
    np.random.RandomState: ("random state", lambda state: state.get_state(legacy=False)),
    random.Random: ("python's", _get_pythons),
    spaces.Space: ("space", _get_space),
}


def _is_constant(value: Any) -> bool:
    module = type(value).__module__.partition(".")[0]
    return isinstance(value, CONSTANTS) or module in OF_PICTURES


def _holds_constants(value: Any) -> bool:
    """Whether a container holds nothing but what never changes, such as a list of functions."""
    if isinstance(value, dict):
        return all(map(_holds_constants, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_holds_constants, value))
    return _is_constant(value) or isinstance(value, (enum.Enum, spaces.Space, *PLAIN))


def _encode_plain(value: Any, depth: int) -> list[Any]:
    if depth > MAX_DEPTH:
        raise _NotRestorable("containers hold one another")
    if type(value) in PLAIN:
        return ["value", value]
    if isinstance(value, np.ndarray) and not value.dtype.hasobject and not value.dtype.names:
        # As bytes: infinity in an environment is no network that diverged.
        data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
        return ["array", value.dtype.str, list(value.shape), data]
    if isinstance(value, np.generic) and not value.dtype.hasobject:
        return ["scalar", *_encode_plain(np.asarray(value), depth)[1:]]
    if type(value) is deque:
        return ["deque", value.maxlen, [_encode_plain(item, depth + 1) for item in value]]
    if type(value) is dict:
        pairs = [[_encode_plain(k, depth), _encode_plain(v, depth + 1)] for k, v in value.items()]
        return ["dict", pairs]
    for name, kind in _CONTAINERS.items():
        if type(value) is kind:
            return [name, [_encode_plain(item, depth + 1) for item in value]]
    raise _NotRestorable(f"{type(value).__module__}.{type(value).__name__} is not plain")


_CONTAINERS: dict[str, Callable[..., Any]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}


def _set_attributes(owner: Any, kept: Any) -> None:
    for index in range(len(take_list([kept], 0))):
        name, encoded = take_list(kept, index, 2)
        if not isinstance(name, str) or name.startswith("__"):
            raise ValueError(f"there is no attribute {name!r}")
        current = vars(owner).get(name)
        set_in_place = _SETTERS.get(take(encoded, 0))
        setattr(
            owner, name, set_in_place(current, encoded[1]) if set_in_place else _decode(encoded)
        )


def _set_generator(current: Any, state: Any) -> Any:
    current.bit_generator.state = state
    return current


def _set_random_state(current: Any, state: Any) -> Any:
    current.set_state(state)
    return current


def _set_pythons(current: Any, state: Any) -> Any:
    version, numbers, gauss = state
    current.setstate((version, tuple(numbers), gauss))
    return current


def _set_space(current: Any, state: Any) -> Any:
    if not isinstance(current, spaces.Space):
        raise ValueError("a space is missing")
    if state is not None:
        current.np_random.bit_generator.state = state
    return current


def _set_object(current: Any, kept: Any) -> Any:
    _set_attributes(current, kept)
    return current


_SETTERS: dict[str, Callable[[Any, Any], Any]] = {
    "enum": lambda current, name: type(current)[name],
    "generator": _set_generator,
    "random state": _set_random_state,
    "python's": _set_pythons,
    "space": _set_space,
    "object": _set_object,
}


def _decode(encoded: Any) -> Any:
    match encoded:
        case ["value", bool() | int() | float() | str() | None as value]:
            return value
        case ["array" | "scalar" as what, str(dtype), [*shape], np.ndarray() as data]:
            kind = np.dtype(dtype)
            if kind.hasobject or data.dtype != np.uint8:
                raise ValueError("an array of objects")
            array = np.frombuffer(data.tobytes(), kind).reshape(shape).copy()
            return array if what == "array" else array[()]
        case ["deque", int() | None as length, [*items]]:
            return deque(map(_decode, items), length)
        case ["dict", [*pairs]]:
            return {_decode(key): _decode(value) for key, value in pairs}
        case [str(what), [*items]] if what in _CONTAINERS:
            return _CONTAINERS[what](map(_decode, items))
    raise ValueError(f"no value is {str(encoded)[:50]}")


# The emulator. Its state has its random numbers, but not the action that a sticky one repeats.


def _get_emulator(ale: ALEInterface, actions: list[Any]) -> dict[str, Any]:
    state = ale.cloneSystemState()
    sticky = 0
    if _frames_to_force(ale):
        sticky = _find_sticky_action(ale, state, [0, *(action.value for action in actions)])
        _force(ale, state, sticky)
    return {"emulator": np.frombuffer(state.serialize(), np.uint8), "sticky_action": sticky}


def _set_emulator(ale: ALEInterface, kept: Any) -> None:
    serialized = take_array(kept, "emulator", np.uint8, (None,)).tobytes()
    sticky = take_integer(kept, "sticky_action", 0, len(ale.getLegalActionSet()) - 1)
    try:
        _force(ale, ALEState(serialized), sticky)
    except (SystemError, MemoryError) as error:  # ALE's own, which Python does not know
        raise ValueError("the emulator's state is damaged") from error


def _find_sticky_action(ale: ALEInterface, state: ALEState, actions: list[int]) -> int:
    """The action that the emulator may repeat, or one that changes as little for ever.

    From the same state, and so with the same random numbers, it makes the same frames.
    """
    seen = _play_on(ale)
    for action in actions[:-1]:
        _force(ale, state, action)
        if _play_on(ale) == seen:
            return action
    return actions[-1]


def _force(ale: ALEInterface, state: ALEState, action: int) -> None:
    """Go on from `state` with this action as the one that may be repeated."""
    ale.restoreSystemState(state)
    for _ in range(_frames_to_force(ale)):
        ale.act(action)
    ale.restoreSystemState(state)


def _play_on(ale: ALEInterface) -> bytes:
    """Return ALE's state after enough frames that no earlier action is repeated any more."""
    for _ in range(_frames_to_force(ale)):
        ale.act(0)
    return ale.cloneSystemState().serialize()


def _frames_to_force(ale: ALEInterface) -> int:
    """Frames after which an action was taken at least once, as good as surely; 0: it always is."""
    probability = ale.getFloat("repeat_action_probability")
    if not 0 < probability < 1:
        return 0  # never repeated, or never another one taken than the first
    return math.ceil(math.log(NEGLIGIBLE) / math.log(probability))

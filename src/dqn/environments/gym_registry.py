"""Finding the environment of an id that Gymnasium knows, and reading its arguments."""

import ast
import difflib
import importlib
import logging
import re
import threading
from typing import Any

import ale_py

from dqn.errors import UserError
from dqn.machine.setup import set_up_gymnasium

try:
    import gymnasium
except ImportError as error:
    raise UserError(
        f"--environment gym needs Gymnasium ({error}): pip install -r requirements-gym.txt; the "
        "scripts do so where --environment gym is given"
    ) from error

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
WORDS = {"true": True, "false": False, "none": None}
OURS = ("render_mode", "id")  # arguments of gymnasium.make that the program decides on


def import_packages(names: str) -> None:
    """Import the packages, separated by commas, that register environments; raises UserError."""
    set_up_gymnasium()
    gymnasium.register_envs(ale_py)
    for name in filter(None, names.split(",")):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise UserError(
                f"--env_import {name}: there is no module {error.name}: install the package that "
                "has it"
            ) from error
        except Exception as error:
            logger.debug("This came of importing %s", name, exc_info=True)
            raise UserError(
                f"--env_import {name}: importing it raised {describe(error)}: repair the package, "
                "or install another version"
            ) from error


def find_id(name: str, imports: str = "") -> str:
    """The registered id of `name`, whose version may be left out; raises UserError.

    `imports` are packages for `import_packages`.
    """
    import_packages(imports)
    if name in gymnasium.registry:
        return name
    versions = [
        spec
        for spec in gymnasium.registry.values()
        if spec.version is not None and name == _without(spec)
    ]
    if versions:
        newest = max(versions, key=lambda spec: spec.version or 0)
        logger.info("Using %s, the newest version of %s", newest.id, name)
        return newest.id
    raise UserError(
        f"Gymnasium has no environment {name!r}{_question(name)} One of another package needs "
        "--env_import PACKAGE"
    )


def _without(spec: Any) -> str:
    """An id without its version."""
    return spec.id.rpartition("-v")[0]


def _question(name: str) -> str:
    """A question that suggests registered ids close to `name`, to end an error message."""
    ids = list(gymnasium.registry)
    tail = name.rpartition("/")[2].lower()
    alike = [i for i in ids if i.rpartition("/")[2].lower() == tail]
    by_key = {re.sub("[^a-z0-9]", "", i.lower()): i for i in ids}
    key = re.sub("[^a-z0-9]", "", name.lower())
    for close in difflib.get_close_matches(key, by_key, n=3, cutoff=0.6):
        if by_key[close] not in alike:
            alike.append(by_key[close])
    return f": did you mean {' or '.join(alike[:3])}?" if alike else "."


def read_arguments(text: str) -> dict[str, Any]:
    """The arguments of `gymnasium.make` in "key=value,…"; raises UserError.

    A value is written as in Python, with true, false and none in any capitals; anything else is a
    text. Commas within brackets and quotes separate nothing.
    """
    arguments: dict[str, Any] = {}
    for part in split_arguments(text):
        key, equals, value = part.partition("=")
        key, value = key.strip(), value.strip()
        if not equals or not key.isidentifier() or key in arguments:
            raise UserError(
                f"--env_args: {part!r} is not key=value, each key once: write it as in "
                "frameskip=4,mode=1"
            )
        if key in OURS:
            raise UserError(f"--env_args: {key} is up to the program: leave it out")
        arguments[key] = _value(value)
    return arguments


def split_arguments(text: str) -> list[str]:
    """Split at commas, except inside brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if character == "," and not depth and not quote:
            parts.append("")
            continue
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        else:
            depth += (character in "([{") - (character in ")]}")
        parts[-1] += character
    return [part for part in parts if part.strip()]


def _value(text: str) -> Any:
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def close(env: Any, name: str) -> None:
    """Close an environment; one that hangs, or raises something, is left behind with a warning."""

    def close() -> None:
        try:
            env.close()
        except Exception as error:  # whatever somebody else's code raises
            logger.warning("%s raised %s when it was closed", name, describe(error))

    thread = threading.Thread(target=close, daemon=True)
    thread.start()
    thread.join(CLOSE_SECONDS)
    if thread.is_alive():
        logger.warning("%s did not close within %g s: going on", name, CLOSE_SECONDS)


def describe(error: BaseException) -> str:
    """An exception of somebody else's code in a few words."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

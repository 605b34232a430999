"""Where a network is on a hub: hf:OWNER/NAME, hf:OWNER/NAME@REVISION, hf:OWNER/NAME/FILE."""

import re
from dataclasses import dataclass

from dqn.errors import UserError

PREFIX = "hf:"
_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_-])?"  # as the hub takes names
_FILE = r"[^/@\s]{1,200}\.(?:pkl|prm|safetensors)"
_ADDRESS = re.compile(rf"({_WORD}/{_WORD})(?:@([^@\s]{{1,200}}?))?(?:/({_FILE}))?")


@dataclass(frozen=True)
class Address:
    """A repository of models, OWNER/NAME; a branch, tag or commit of it; a file in it."""

    repository: str
    revision: str | None = None
    file: str | None = None


def is_address(text: str) -> bool:
    """Whether a text is meant as an address on a hub."""
    return text.startswith(PREFIX)


def read_address(text: str) -> Address:
    """The address that a text such as hf:me/dqn-breakout is; raises UserError if it is none."""
    found = _ADDRESS.fullmatch(text.removeprefix(PREFIX))
    if not found or _is_unusual(found[1]):
        raise UserError(
            f"{text[:200]!r} is no address on the hub: write hf:OWNER/NAME, such as "
            "hf:me/dqn-breakout, or hf:OWNER/NAME@REVISION/FILE"
        )
    return Address(found[1], found[2], found[3])


def check_repository(name: str) -> str:
    """The name itself; raises UserError if the hub takes no repository of that name."""
    if not re.fullmatch(f"{_WORD}/{_WORD}", name) or _is_unusual(name):
        raise UserError(
            f"{name[:200]!r} is no name of a repository: write OWNER/NAME, such as me/dqn-breakout"
        )
    return name


def _is_unusual(repository: str) -> bool:
    """Whether the hub refuses a name although its letters are good."""
    return "--" in repository or ".." in repository or repository.endswith(".git")

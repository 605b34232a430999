"""A shared folder on disk: written whole or not at all, and checked by its checksums."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from dqn.errors import UserError, explain
from dqn.machine.files import make_writable_folder, rename_aside
from dqn.machine.wording import size
from dqn.sharing.card import name_repository
from dqn.sharing.checksums import (
    Checksums,
    as_text,
    checksums_of,
    read_checksums,
    sha256_of,
)
from dqn.sharing.names import CHECKSUMS, README


def is_built(folder: Path) -> bool:
    """Whether a path is that of a folder that was built before."""
    return (folder / CHECKSUMS).is_file()


def check_place(folder: Path) -> None:
    """Raises UserError if something else than an earlier shared folder is there."""
    if os.path.lexists(folder) and not is_built(folder):
        raise UserError(f"{folder} is there and was not built by share.sh: choose another --output")


def build(folder: Path, files: Mapping[str, bytes | Path]) -> None:
    """Write `files`, name → its content or the file to copy, and the list of their checksums.

    An older folder is moved aside. Raises UserError.
    """
    check_place(folder)
    make_writable_folder(folder.parent)
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        unfinished.mkdir()
        for name, content in files.items():
            if isinstance(content, Path):
                shutil.copyfile(content, unfinished / name)
            else:
                (unfinished / name).write_bytes(content)
        _write_checksums(unfinished, checksums_of(unfinished))
        if os.path.lexists(folder):
            rename_aside(folder)
        unfinished.rename(folder)
    except OSError as error:
        raise UserError(f"cannot write {folder} {explain(error)}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def check(folder: Path) -> Checksums:
    """See that the files of a built folder are those that it was built of, but for its card.

    That may be edited: its checksum is renewed. Files beside them do not count. Returns the
    checksums; raises UserError.
    """
    known = read_checksums(folder / CHECKSUMS)
    try:
        found = {name: sha256_of(folder / name) for name in known}
        wrong = [name for name in known if found[name] != known[name] and name != README]
        if wrong:
            raise UserError(
                f"{folder / wrong[0]} was changed since the folder was built: delete the folder to "
                "build it anew"
            )
        if found != known:
            _write_checksums(folder, found)
    except OSError as error:
        raise UserError(
            f"cannot read {error.filename or folder} {explain(error)}, or delete {folder} to build "
            "it anew"
        ) from error
    return found


def size_of(folder: Path, names: Iterable[str] | None = None) -> str:
    """How much the files of a folder take, or those of some names."""
    paths = [folder / name for name in names] if names else list(folder.iterdir())
    return size(sum(path.stat().st_size for path in paths))


def set_repository(folder: Path, repository: str) -> None:
    """Say in the card of a built folder where its network will be."""
    path = folder / README
    try:
        text = path.read_text("utf-8")
        named = name_repository(text, repository)
        if named != text:
            path.write_text(named, "utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot change {path}: it is no text that can be written") from error
    check(folder)


def _write_checksums(folder: Path, checksums: Checksums) -> None:
    (folder / CHECKSUMS).write_text(as_text(checksums))

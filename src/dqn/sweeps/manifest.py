"""The manifest of a sweep: all its runs, each with its command, seed and commit.

<sweep>/manifest.json        this
<sweep>/states/<run>.json    how far each run is (states.py)
<sweep>/logs/<run>.log       what it logged
"""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from dqn.errors import UserError, explain
from dqn.machine.files import atomic_write

FILE = "manifest.json"
FORMAT = "simple_dqn sweep"
VERSION = 1


@dataclass(frozen=True)
class Run:
    """One run: `command` is what a person would type in the project's folder.

    `variant` says by which flags it differs from others of its game and seed; `commit` is that of
    the project when the run was planned.
    """

    name: str
    game: str
    seed: int
    variant: str
    command: list[str]
    commit: str | None = None


@dataclass(frozen=True)
class Manifest:
    """A sweep.

    Its `flags` are those that all runs share, `grid` those that vary, each with its values. Each
    run gets `threads` threads, which its numbers depend on, `gpus` GPUs, of which a fraction will
    do, and about `memory` bytes.
    """

    name: str
    flags: list[str]
    grid: dict[str, list[str]]
    threads: int
    gpus: float
    memory: int
    runs: list[Run]

    def with_runs(self, runs: list[Run]) -> "Manifest":
        """The same sweep with other runs."""
        return replace(self, runs=runs)


def save(manifest: Manifest, folder: Path) -> None:
    """Write the manifest into the folder of the sweep, whole or not at all; raises UserError."""
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write((json.dumps(as_json(manifest), indent=1) + "\n").encode())
    except OSError as error:
        raise UserError(f"cannot write {path} {explain(error)}") from error


def as_json(manifest: Manifest) -> dict[str, Any]:
    """What the file holds."""
    return {"format": FORMAT, "version": VERSION, **asdict(manifest)}


def load(folder: Path) -> Manifest:
    """Read the manifest of the sweep in a folder; raises UserError."""
    path = folder / FILE
    try:
        content = json.loads(path.read_bytes())
        return _manifest(content)
    except OSError as error:
        raise UserError(f"cannot read {path} {explain(error)}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{path} is not the manifest of a sweep, or damaged: move it away, or choose another "
            "--name"
        ) from error


def is_sweep(folder: Path) -> bool:
    """Whether a sweep is kept in a folder."""
    return (folder / FILE).is_file()


def _manifest(content: Any) -> Manifest:
    """Raises one of the errors that a wrong type or a missing key gives."""
    if content.pop("format") != FORMAT or content.pop("version") != VERSION:
        raise ValueError("of another program or version")
    runs = [_run(values) for values in content.pop("runs")]
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        raise ValueError("two runs have the same name")
    manifest = Manifest(**content, runs=runs)
    _check(
        (manifest.name, str),
        (manifest.threads, int),
        (manifest.gpus, int | float),
        (manifest.memory, int),
    )
    _check_words(manifest.flags)
    for flag, values in manifest.grid.items():
        _check((flag, str))
        _check_words(values)
    return manifest


def _run(values: dict[str, Any]) -> Run:
    run = Run(**{field.name: values[field.name] for field in fields(Run)})
    texts = (run.name, run.game, run.variant)
    _check(*((text, str) for text in texts), (run.seed, int), (run.commit, str | None))
    _check_words(run.command)
    if "/" in run.name or run.name in ("", ".", ".."):
        raise ValueError("a run's name is part of file names")
    return run


def _check(*values: tuple[Any, Any]) -> None:
    for value, kind in values:
        if not isinstance(value, kind):
            raise TypeError(f"{value!r} is not {kind}")


def _check_words(words: Any) -> None:
    _check((words, list), *((word, str) for word in words))

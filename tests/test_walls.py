"""Which file may import which: the arrows of the house, whose map stands in src/dqn/__init__.py."""

import ast
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from helpers.paths import SRC

# What a file, or each file of a folder, may import besides its own folder and OPEN_TO_ALL: files,
# or folders, which stand for all their files but MEMBERS. Imports inside functions count, too.
ARROWS = {
    "main": "options origin assembly sharing.address sharing.hub",
    "plot": "report environments.benchmark environments.roms",
    "report": "environments.benchmark environments.roms sweeps.manifest",
    "sweep": "options sweeps",
    "convert": "snapshots options sharing.importing.create",
    "nvis": "main actors.events assembly options origin player.keyboard visualization",
    "share": "main assembly options origin player.keyboard sharing",
    "game_name": "environments.roms",
    "agent": "actors.events actors.group replay.memory learner exploration",
    "exploration": "networks.deepqnetwork",
    "learner": "networks.deepqnetwork replay.memory",
    # Only the experiment knows both the loop and those who listen to it.
    "experiment": "agent actors.events actors.group results checkpoints snapshots",
    "origin": "options snapshots checkpoints environments networks.architecture",
    "assembly": (
        "agent exploration learner experiment origin actors environments replay networks options "
        "snapshots checkpoints results recording player visualization"
    ),
    "actors": "environments.environment",
    "environments": "",
    "replay": "",
    "networks": "replay.minibatch",
    # Flags take their defaults from the settings of the parts.
    "options": (
        "environments.settings actors.starts replay.settings replay.returns "
        "networks.architecture networks.settings exploration agent experiment "
        "visualization.settings"
    ),
    "snapshots": "networks.architecture networks.layers networks.deepqnetwork",
    "checkpoints": "replay",
    "results": "agent actors.events networks.deepqnetwork replay.memory",
    "recording": "actors.actor actors.events environments.environment",
    "player": (
        "exploration actors.actor actors.events environments.actions environments.environment "
        "networks.deepqnetwork results.statistics recording visualization.overlay"
    ),
    "visualization": (
        "environments.environment exploration networks.architecture networks.inspector"
    ),
    "sweeps": "environments options replay.storage replay.sum_tree results.statistics",
    "sharing": (
        "options snapshots networks actors.state_buffer environments recording.still report "
        "results.statistics"
    ),
    "machine": "",
    "errors": "",
}
OPEN_TO_ALL = "errors machine"
# What only `create.py` of the same folder imports, and members of the same kind.
MEMBERS = (
    "environments.atari environments.gym networks.torch_engine networks.neon_engine "
    "player.window player.terminal replay.storage_on_gpu sweeps.on_this_machine sweeps.on_slurm "
    "sweeps.on_ray"
)
# Who may import a library that is heavy, or that another one could take the place of.
LIBRARIES = {
    "torch": (
        "networks.torch_engine networks.create replay.storage_on_gpu replay.create machine.setup "
        "machine.upload"
    ),
    "neon": "networks.neon_engine",
    "ale_py": "environments machine.setup",
    "gymnasium": (
        "environments.gym environments.gym_observing environments.gym_registry "
        "environments.gym_state machine.setup"
    ),
    "pygame": "player.window player.sound",
    "av": "recording",
    "safetensors": "snapshots.safetensors_format",
    "tqdm": "results.progress sweeps.progress",
    "psutil": "machine.memory_limit machine.other_processes",
    "matplotlib": "report",
    "ray": "sweeps.on_ray",
    "tensorboardX": "results.tensorboard",
    "PIL": "visualization.strip environments.pictures",
    "huggingface_hub": "sharing.hub",
    "httpx2": "sharing.hub",
}
MOST_FILES_IN_THE_ROOT = 7

Imports = dict[str, set[str]]  # file → what it imports, both named as in ARROWS


def read_imports(folder: Path) -> Imports:
    paths = {_name(path.relative_to(folder)): path for path in sorted(folder.rglob("*.py"))}
    return {name: imports_in(path.read_text("utf-8"), paths) for name, path in paths.items()}


def imports_in(source: str, files: Iterable[str]) -> set[str]:
    return {name for node in ast.walk(ast.parse(source)) for name in _imported_by(node, files)}


def _imported_by(node: ast.AST, files: Iterable[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (_short(alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.module, "write the whole name instead of a relative one"
        for alias in node.names:
            file = _short(f"{node.module}.{alias.name}")
            yield file if file in files else _short(node.module)


def _name(path: Path) -> str:
    return _short(".".join(path.with_suffix("").parts).removesuffix(".__init__"))


def _short(module: str) -> str:
    return module.removeprefix("dqn.")


def breaches(imports: Imports) -> list[str]:
    """A line for each import that no arrow allows."""
    return [
        f"{file} imports {imported}{why}"
        for file, all_imported in imports.items()
        for imported in sorted(all_imported)
        if (why := _why_not(file, imported, imports))
    ]


def _why_not(file: str, imported: str, files: Iterable[str]) -> str:
    """Why an import is no good; empty if it is."""
    library = imported.split(".")[0]
    if library in LIBRARIES and not _is_in(file, LIBRARIES[library]):
        return f": the library is for {LIBRARIES[library]}"
    if imported not in files:
        return ""  # another library
    member = _the_one_with(imported, MEMBERS)
    if member and not _is_in(file, f"{member} {member.split('.')[0]}.create"):
        return ": only create.py names a member"
    room = file.split(".")[0]
    if room not in ARROWS and file not in ("dqn",):
        return ": it has no line in ARROWS"
    if not _is_in(imported, f"{room} {ARROWS[room]} {OPEN_TO_ALL}"):
        return f": its arrows end at {ARROWS[room] or 'nothing'}"
    return ""


def _is_in(file: str, places: str) -> bool:
    return bool(_the_one_with(file, places))


def _the_one_with(file: str, places: str) -> str:
    return next((p for p in places.split() if file == p or file.startswith(f"{p}.")), "")


def between_rooms(imports: Imports) -> Imports:
    """What the folders of the package, and the files of its root, import of one another."""
    rooms: Imports = {}
    for file, all_imported in imports.items():
        room = file.split(".")[0]
        others = {name.split(".")[0] for name in all_imported if name in imports} - {room}
        rooms.setdefault(room, set()).update(others)
    return rooms


def circle(imports: Imports) -> list[str]:
    """The files, or rooms, of a circle of imports, if there is one."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.fixture(scope="module")
def imports() -> Imports:
    return read_imports(SRC)


def test_no_import_breaks_a_wall(imports: Imports) -> None:
    assert breaches(imports) == []


def test_no_files_import_one_another(imports: Imports) -> None:
    assert circle(imports) == []


def test_no_rooms_import_one_another(imports: Imports) -> None:
    assert circle(between_rooms(imports)) == []


def test_every_room_has_its_arrows(imports: Imports) -> None:
    rooms = {file.split(".")[0] for file in imports} - {"dqn"}
    assert rooms == set(ARROWS)


def test_the_root_of_the_package_is_small() -> None:
    files = [path.name for path in (SRC / "dqn").glob("*.py")]
    assert len(files) <= MOST_FILES_IN_THE_ROOT, files


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("learner", "from dqn.results.statistics import Statistics"),
        ("agent", "def save():\n    import dqn.checkpoints.folder"),
        ("errors", "from dqn import agent"),
        ("actors.actor", "from dqn.environments.atari import AleEnvironment"),
        ("agent", "from dqn.actors import processes"),
        ("networks.deepqnetwork", "import torch.nn"),
        ("networks.layers", "from dqn.networks.torch_engine.affine import affine"),
        ("player.pace", "from ale_py import Action"),
    ],
)
def test_a_breach_is_found(file: str, line: str, imports: Imports) -> None:
    imported = imports_in(line, imports)
    assert len(breaches({**imports, file: imported})) > len(breaches({**imports, file: set()}))


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})

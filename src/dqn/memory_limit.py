"""How much memory this process may still take, containers' limits included."""

from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")


def available_memory(own_cgroup: Path = Path("/proc/self/cgroup"), root: Path = CGROUPS) -> int:
    """Bytes that can be taken without swapping or being killed.

    The least of what the machine has free and of what each enclosing control group, of version 1
    or 2, leaves. `own_cgroup` and `root` are where Linux tells of them.
    """
    return min([psutil.virtual_memory().available, *_cgroup_rooms(own_cgroup, root)])


def _cgroup_rooms(own_cgroup: Path, root: Path) -> list[int]:
    try:
        lines = own_cgroup.read_text().splitlines()
    except OSError:
        return []  # not Linux
    rooms = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2
            files = (root, "memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            files = (root / "memory", *names)
        else:
            continue
        # A limit of any enclosing group counts. Inside a container the path may be that of the
        # host, and only the root is there.
        group = Path(path.lstrip("/"))
        for folder in (group, *group.parents):
            room = _room(files[0] / folder, *files[1:])
            if room is not None:
                rooms.append(room)
    return rooms


def _room(group: Path, limit_name: str, usage_name: str, reclaimable_key: str) -> int | None:
    """Bytes left in one control group; None if it has no limit."""
    try:
        limit = int((group / limit_name).read_text())  # "max" is no number
        usage = int((group / usage_name).read_text())
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    return max(0, limit - usage + int(statistics.get(reclaimable_key, 0)))

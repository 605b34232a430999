"""How much memory this process may still take, containers' and the shell's limits included."""

import resource
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")


def available_memory(own_cgroup: Path = Path("/proc/self/cgroup"), root: Path = CGROUPS) -> int:
    """Bytes that can be taken without swapping or being killed.

    The least of what the machine has free, of what each enclosing control group, of version 1 or 2,
    leaves, and of what `ulimit` does. `own_cgroup` and `root` are where Linux shows the groups.
    """
    rooms = [*_cgroup_rooms(own_cgroup, root), *_process_rooms()]
    return min([psutil.virtual_memory().available, *rooms])


def is_out_of_memory(error: Exception) -> bool:
    """Whether NumPy or PyTorch, on a CPU or a GPU, raised `error` because it got no memory."""
    words = ("can't allocate memory", "out of memory")
    return isinstance(error, MemoryError) or any(w in str(error) for w in words)


def _process_rooms() -> list[int]:
    """What the limits of this process leave of its address space, and of its data."""
    used = psutil.Process().memory_info()
    limits = [(resource.RLIMIT_AS, used.vms)]
    if hasattr(used, "data"):  # on Linux
        limits.append((resource.RLIMIT_DATA, used.data))
    rooms = []
    for number, taken in limits:
        limit, _ = resource.getrlimit(number)
        if limit != resource.RLIM_INFINITY:
            # What is in memory already is counted again where the need of the process is estimated
            rooms.append(max(0, limit - taken + min(taken, used.rss)))
    return rooms


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

"""The limits that a shell or a cluster sets for a process: `ulimit -v` and `ulimit -d`.

It imports the standard library alone, because what it guards is the import of everything else.
"""

import importlib.util
import resource
from pathlib import Path

from dqn.errors import UserError

# What training a small network took beside the libraries of PyTorch, on two cores
ADDRESS_SPACE = int(0.7 * 2**30)
DATA = int(0.65 * 2**30)


def check_process_limits() -> None:
    """Raises UserError if there is too little memory to start in.

    The import of PyTorch would end in a traceback then, or in a crash.
    """
    for letter, number in (("v", resource.RLIMIT_AS), ("d", resource.RLIMIT_DATA)):
        limit, _ = resource.getrlimit(number)
        if limit == resource.RLIM_INFINITY:
            continue
        needed = ADDRESS_SPACE + _bytes_of_libraries() if letter == "v" else DATA
        if limit < needed:
            raise UserError(
                f"ulimit -{letter} allows this process {limit / 2**30:.2f} GiB of memory, but it "
                f"takes at least {needed / 2**30:.2f} GiB: raise that limit"
            )


def _bytes_of_libraries() -> int:
    """The size of PyTorch's libraries, CUDA's included, which its import maps into memory."""
    torch = importlib.util.find_spec("torch")
    if torch is None or torch.origin is None:
        return 0
    packages = Path(torch.origin).parent.parent
    folders = [packages / "torch" / "lib", *packages.glob("nvidia/*/lib")]
    return sum(file.stat().st_size for folder in folders for file in folder.glob("*.so*"))

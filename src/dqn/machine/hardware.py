"""What this machine is."""

import platform
from pathlib import Path


def cpu_model() -> str:
    """The processor's name; family and model tell apart those that a cloud gives one name."""
    try:
        first_core = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return platform.processor() or platform.machine()
    pairs = [line.partition(":") for line in first_core.splitlines()]
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    if "model name" not in fields:
        return platform.machine()
    return "{model name} (family {cpu family}, model {model})".format(**fields)

"""Files of named arrays with a text beside them, in Hugging Face's format safetensors: no pickles.

The library checks that the arrays lie in the file without gaps or overlaps.
"""

import json
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

SUFFIX = ".safetensors"
MAX_HEADER = 2**20  # bytes; 64 arrays need less than 10 KiB
MAX_ARRAYS = 1000
FLOATS = ("F16", "F32", "F64")
# One key, because the library keeps several in no certain order.
KEY = "simple_dqn"


class DamagedFile(Exception):
    """The file was refused; the text says why, as the end of a sentence that names the file."""


def write(file: BinaryIO, arrays: dict[str, np.ndarray], values: dict[str, Any]) -> None:
    """Write C-contiguous arrays and plain `values` beside them; equal ones make equal bytes."""
    file.write(save(arrays, metadata={KEY: json.dumps(values)}))


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read float arrays, which are writable and own their memory, and the values beside them.

    Raises DamagedFile; OSError passes through.
    """
    with open(path, "rb") as file:
        if int.from_bytes(file.read(8), "little") > MAX_HEADER:
            raise DamagedFile("is damaged or not a safetensors file (its header is too long)")
    try:
        with safe_open(path, framework="np") as content:
            names = list(content.keys())
            if len(names) > MAX_ARRAYS:
                raise DamagedFile(f"is too large (more than {MAX_ARRAYS} arrays)")
            if any(content.get_slice(name).get_dtype() not in FLOATS for name in names):
                raise DamagedFile("holds an array of something else than decimal numbers")
            arrays = {name: np.array(content.get_tensor(name)) for name in names}
            values = json.loads((content.metadata() or {}).get(KEY, "{}"))
    except (SafetensorError, ValueError, RecursionError) as error:
        raise DamagedFile(
            "is truncated, damaged or not a safetensors file: copy or download it again"
        ) from error
    if not isinstance(values, dict):
        raise DamagedFile("is damaged: what stands beside its arrays is not a dictionary")
    return arrays, values

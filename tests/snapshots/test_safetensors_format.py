"""Files in the format safetensors: what is written comes back, and no file can do any harm."""

import json
import struct
import tracemalloc

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from dqn.snapshots.safetensors_format import read_arrays, write_arrays
from dqn.snapshots.snapshot import Unusable

ONE_NUMBER = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


def write_raw(path, header, contents=bytes(4)):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + contents)
    return path


def test_arrays_and_values_come_back_and_other_programs_can_read_them(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.ones((1, 1), np.float16)}
    values = {"game": "pac\udcff–man", "numbers": [1, 2]}
    path = tmp_path / "file.safetensors"
    with open(path, "wb") as file:
        write_arrays(file, arrays, values)
    loaded, loaded_values = read_arrays(path)
    assert loaded_values == values
    for content in (loaded, load_file(path)):
        for name in arrays:
            np.testing.assert_array_equal(content[name], arrays[name])
    assert all(array.flags.writeable and array.flags.owndata for array in loaded.values())


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"a": {**ONE_NUMBER, "dtype": "I32"}}, "decimal numbers"),
        ({"a": {**ONE_NUMBER, "dtype": "BF16", "shape": [2]}}, "decimal numbers"),
        ({"a": {**ONE_NUMBER, "shape": [2**40]}}, "damaged"),
        ({"a": {**ONE_NUMBER, "data_offsets": [0, 2**40]}}, "damaged"),
        ({"a": ONE_NUMBER, "b": ONE_NUMBER}, "damaged"),
        ({"a": ONE_NUMBER, "__metadata__": {"simple_dqn": "{"}}, "damaged"),
        ({"a": ONE_NUMBER, "__metadata__": {"simple_dqn": "[" * 100_000}}, "damaged"),
        ({"a": ONE_NUMBER, "__metadata__": {"simple_dqn": "9" * 10_000}}, "damaged"),
        ({"a": ONE_NUMBER, "__metadata__": {"simple_dqn": "[1]"}}, "not a dictionary"),
        (b"[" * 100_000, "damaged"),
        (b"", "damaged"),
        (b" " * (2**20 + 1), "header is too long"),
    ],
)
def test_a_damaged_or_hostile_file_is_refused_without_taking_memory(tmp_path, header, reason):
    path = write_raw(tmp_path / "bad.safetensors", header)
    tracemalloc.start()
    try:
        with pytest.raises(Unusable, match=reason):
            read_arrays(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_file_of_too_many_arrays_is_refused(tmp_path):
    path = tmp_path / "many.safetensors"
    save_file({str(i): np.zeros(1, np.float32) for i in range(1001)}, path)
    with pytest.raises(Unusable, match="more than 1000"):
        read_arrays(path)

"""Neon's own files are read, and what is saved is what Neon itself would write."""

import os
import pickle
import pickletools
from typing import Any

import numpy as np
import pytest

from dqn.snapshots.file import load_snapshot, save_snapshot
from dqn.snapshots.snapshot import Snapshot
from helpers.snapshots import (
    PYTHON_27,
    PYTHON_27_BATCH_NORM,
    PYTHON_311,
    all_arrays,
    assert_equal,
    assert_usable,
    make_snapshot,
    neon_content,
    old_content,
    refusal,
    write,
)


def test_old_and_new_numpy_can_read_the_file(tmp_path):
    save_snapshot(make_snapshot(), tmp_path / "breakout_7.prm")
    operations = list(pickletools.genops((tmp_path / "breakout_7.prm").read_bytes()))
    names = {argument for opcode, argument, _ in operations if opcode.name == "GLOBAL"}
    assert names == {
        "numpy.core.multiarray _reconstruct",
        "numpy ndarray",
        "numpy dtype",
        "_codecs encode",
    }
    assert max(opcode.proto for opcode, _, _ in operations) == 2  # Python 2.7 knows no more
    content = pickle.loads((tmp_path / "breakout_7.prm").read_bytes())
    assert content["simple_dqn"]["game"] == "breakout"


def without_chance(content: dict[str, Any]) -> Any:
    """What Neon wrote, but the seed, its generator's state, and the revision of its version."""
    content["backend"] = {k: v for k, v in content["backend"].items() if "rng" not in k}
    content["neon_version"] = content["neon_version"].partition("+")[0]
    return content


def described(content: Any) -> Any:
    """The same, with each array replaced by what describes it."""
    if isinstance(content, np.ndarray):
        return content.dtype, content.shape, content.sum()
    if isinstance(content, dict):
        return {key: described(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return type(content)(described(value) for value in content)
    return content


@pytest.mark.parametrize("golden", [PYTHON_27, PYTHON_311, PYTHON_27_BATCH_NORM])
def test_the_file_is_what_neon_itself_would_write(golden, tmp_path):
    content = neon_content(load_snapshot(golden), tmp_path)
    expected = pickle.loads(golden.read_bytes(), encoding="latin1")
    assert described(without_chance(content)) == described(without_chance(expected))


@pytest.mark.parametrize(
    ("golden", "states", "has_batch_norm"),
    [(PYTHON_27, 1, False), (PYTHON_311, 2, False), (PYTHON_27_BATCH_NORM, 1, True)],
)
def test_a_file_of_neon_is_read(golden, states, has_batch_norm):
    snapshot = load_snapshot(golden)
    assert_usable(snapshot)
    assert snapshot.input_shape == (4, 52, 40)
    assert snapshot.metadata is None
    shapes = [layer.weights.shape for layer in snapshot.layers]
    assert shapes == [(256, 32), (512, 64), (576, 64), (512, 192), (4, 512)]
    assert {array.dtype for array in all_arrays(snapshot)} == {np.dtype("float32")}
    assert [len(layer.states) for layer in snapshot.layers] == [states] * 5
    norms = [bool(layer.batch_norm) for layer in snapshot.layers]
    assert norms == ([True] * 4 + [False] if has_batch_norm else [False] * 5)

    expected = pickle.loads(golden.read_bytes(), encoding="latin1")["model"]["config"]["layers"]
    entries = [entry for entry in expected if "params" in entry]
    for layer in snapshot.layers:
        entry = entries.pop(0)
        np.testing.assert_array_equal(layer.weights, entry["params"]["W"])
        np.testing.assert_array_equal(layer.states, entry["states"])
        if layer.batch_norm:
            entry = entries.pop(0)
            for name, array in entry["params"].items():
                np.testing.assert_array_equal(getattr(layer.batch_norm, name), array)
            np.testing.assert_array_equal(layer.batch_norm.states, entry["states"])


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_file_of_neon_before_1_1_is_read(batch_norm, named, flat, tmp_path):
    snapshot = make_snapshot(batch_norm=batch_norm)
    path = write(tmp_path / "breakout_77.pkl", old_content(snapshot, named, flat))
    loaded = load_snapshot(path)
    assert_usable(loaded)
    assert_equal(loaded, Snapshot(snapshot.layers, None, None))


def test_weights_without_the_optimizer_s_states_are_read(tmp_path):
    for batch_norm in (False, True):
        snapshot = make_snapshot(batch_norm=batch_norm)
        content = old_content(snapshot, named=True)
        for entry in content["layer_params_states"]:
            del entry["states"]
        loaded = load_snapshot(write(tmp_path / "breakout_77.pkl", content))
        np.testing.assert_array_equal(loaded.layers[3].weights, snapshot.layers[3].weights)
        assert [layer.states for layer in loaded.layers] == [[]] * 5
        norms = [layer.batch_norm for layer in loaded.layers if layer.batch_norm]
        assert [norm.states for norm in norms] == [[[], []]] * (4 if batch_norm else 0)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_a_file_that_was_pickled_again_is_read(protocol, tmp_path):
    content = pickle.loads(PYTHON_27.read_bytes(), encoding="latin1")
    path = write(tmp_path / "again.pkl", content, protocol)
    assert_equal(load_snapshot(path), load_snapshot(PYTHON_27))


class Attack:
    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.folder,)


def test_a_snapshot_that_would_run_code_is_refused(tmp_path):
    content = pickle.loads(PYTHON_27.read_bytes(), encoding="latin1")
    content["model"]["config"]["layers"][-1]["states"].append(Attack(str(tmp_path / "victim")))
    path = write(tmp_path / "attack.prm", content)
    assert f"would run code ({os.mkdir.__module__}.mkdir)" in refusal(path)
    assert not (tmp_path / "victim").exists()

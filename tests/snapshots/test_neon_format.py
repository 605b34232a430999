"""Neon's own files are read, and what is saved is what Neon itself would write."""

import os
import pickle
import pickletools
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from dqn.networks.architecture import Architecture, Convolution
from dqn.snapshots.file import load_snapshot, save_snapshot
from dqn.snapshots.snapshot import Snapshot
from helpers.networks import make_network
from helpers.paths import DATA
from helpers.snapshots import (
    PYTHON_27,
    PYTHON_27_BATCH_NORM,
    PYTHON_311,
    PYTHON_311_BIASES,
    all_arrays,
    assert_equal,
    assert_usable,
    make_snapshot,
    make_snapshot_of,
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


GOLDEN = [PYTHON_27, PYTHON_311, PYTHON_27_BATCH_NORM, PYTHON_311_BIASES]


@pytest.mark.parametrize("golden", GOLDEN)
def test_the_file_is_what_neon_itself_would_write(golden, tmp_path):
    content = neon_content(load_snapshot(golden), tmp_path)
    content.pop("simple_dqn", None)  # which Neon ignores
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


def test_a_file_of_neon_with_biases_is_read_and_computes_what_neon_did():
    snapshot = load_snapshot(PYTHON_311_BIASES)
    assert snapshot.architecture == Architecture(
        num_actions=4,
        state_shape=(2, 20, 18),
        convolutions=(Convolution(8, 4, 4, 2), Convolution(4, 3, 2, 1)),
        dense_units=(16,),
        activation="elu",
        biases=True,
    )
    assert [len(layer.biases.states) for layer in snapshot.layers] == [1] * 4
    settings = {f.name: getattr(snapshot.architecture, f.name) for f in fields(Architecture)}
    network = make_network(**settings)
    network.set_layers(snapshot.layers)
    with np.load(DATA / "snapshot_python311_biases_expected.npz") as neon:
        q_values = network.predict(neon["states"])
        np.testing.assert_allclose(q_values, neon["q_values"], rtol=1e-5, atol=1e-5)


def test_biases_in_layers_of_their_own_are_read_as_older_versions_of_neon_wrote_them(tmp_path):
    content = pickle.loads(PYTHON_311_BIASES.read_bytes())
    layers = content["model"]["config"]["layers"]
    for number in (2, 0):
        values, states = layers[number]["params"].pop("weight_bias"), layers[number]["states"]
        layers[number]["type"] = "neon.layers.layer.Convolution"
        layers[number]["states"] = states[0]
        bias = {"type": "neon.layers.layer.Bias", "params": {"W": values}, "states": states[1]}
        layers.insert(number + 1, bias)
    separate = load_snapshot(write(tmp_path / "breakout_7.prm", content))
    assert_equal(separate, load_snapshot(PYTHON_311_BIASES))


@pytest.mark.parametrize(
    ("config", "stride"),
    [
        ({"strides": {"str_h": 2, "str_w": 2}}, 2),
        ({"padding": 0, "dilation": {}}, 2),
        ({"strides": {"str_h": 2, "str_w": 1}}, None),
        ({"padding": 1}, None),
        ({"padding": {"pad_h": 1}}, None),
        ({"padding": np.zeros(3)}, None),
        ({"dilation": 2}, None),
        ({"fshape": (4, 4)}, None),
        ({"fshape": (4, 4, -8)}, None),
        ({"fshape": (4, 4, 10**6)}, None),
        ({"strides": 0}, None),
        ({"strides": np.array([2, 2])}, None),
    ],
)
def test_neon_s_convolutions_are_read_if_this_program_has_them(config, stride, tmp_path):
    content = pickle.loads(PYTHON_311_BIASES.read_bytes())
    content["model"]["config"]["layers"][0]["config"] |= config
    path = write(tmp_path / "breakout_7.prm", content)
    if stride is None:
        assert "another network" in refusal(path)
    else:
        assert load_snapshot(path).architecture.convolutions[0].stride == stride


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"biases": True, "activation": "elu", "dense_units": (3, 4)}, None),
        ({"dueling": "max"}, "a value and advantages"),
        ({"shared_convolutions": True}, "each screen by itself"),
        ({"state_shape": (2, 3, 36, 36)}, "(history, height, width)"),
        ({"state_shape": (2, 7), "convolutions": ()}, "(history, height, width)"),
    ],
)
def test_a_file_says_whether_neon_has_such_a_network(settings, reason, tmp_path):
    settings = {"state_shape": (2, 36, 36), "dense_units": (4,), **settings}
    for has_metadata in (True, False):
        snapshot = make_snapshot_of(Architecture(3, **settings))
        snapshot.metadata = snapshot.metadata if has_metadata else None
        text = neon_content(snapshot, tmp_path)["simple_dqn"].get("unfit_for_neon")
        assert reason in text if reason else text is None
        assert_equal(load_snapshot(tmp_path / "content.prm"), snapshot)


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

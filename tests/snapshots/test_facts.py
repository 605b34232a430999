"""A snapshot carries its architecture, whatever it is; the default's file is as it always was."""

import dataclasses
import hashlib
import json
import re
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest
import safetensors
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import convert
from dqn.networks.architecture import STATE_DTYPES, Architecture, Convolution
from dqn.snapshots.file import load_snapshot, save_snapshot
from dqn.snapshots.snapshot import without_states
from helpers.networks import make_network
from helpers.snapshots import (
    SMALLEST,
    VARIANT,
    all_arrays,
    assert_equal,
    assert_usable,
    make_snapshot,
    make_snapshot_of,
    neon_content,
    refusal,
    write,
)

FILES = ("breakout_7.prm", "breakout_7.safetensors")


# The default


@pytest.mark.parametrize(
    ("states", "batch_norm", "input_shape", "sha256"),
    [
        (
            *(1, False, SMALLEST),
            "992af0a1594e1f0e575cf82a924a444a6fe6b8744e3cf02c2119f90d7395d760",
        ),
        (
            *(2, True, (2, 52, 40)),
            "0bc4616bd6fcabc1f9d61aa5891ff5a4002f2f6da81488927c59748ffefb1e77",
        ),
    ],
)
def test_the_default_network_s_file_is_what_earlier_versions_wrote(
    states, batch_norm, input_shape, sha256, tmp_path
):
    snapshot = make_snapshot(states, batch_norm, input_shape=input_shape)
    if states == 1:
        flags = {"network": "nature", "dense_units": None, "learning_rate": 0.00025}
        snapshot.metadata.flags = {**flags, "batch_norm": False}
    save_snapshot(snapshot, tmp_path / "a.pkl")
    assert hashlib.sha256((tmp_path / "a.pkl").read_bytes()).hexdigest() == sha256


def test_the_default_network_s_safetensors_say_what_they_always_did(tmp_path):
    save_snapshot(make_snapshot(input_shape=SMALLEST), tmp_path / "a.safetensors")
    with safetensors.safe_open(tmp_path / "a.safetensors", framework="np") as file:
        text = file.metadata()["simple_dqn"]
    assert text == (
        '{"train_input_shape": [1, 36, 36], "simple_dqn": {"game": "breakout", "actions": '
        '[0, 1, 3, 4], "screen_height": 36, "screen_width": 36, "history_length": 1, "epoch": 7, '
        '"train_steps": 250000, "weight_updates": 62500, "flags": {}}}'
    )


# Any other


@st.composite
def architectures(draw) -> Architecture:
    """Small ones, whose convolutions leave something of screens of 20×21 and more."""
    kind = draw(st.sampled_from(["screen", "rgb", "vector"]))
    history = draw(st.integers(1, 3))
    screen = draw(st.integers(20, 24)), draw(st.integers(20, 24))
    state_shape = {
        "screen": (history, *screen),
        "rgb": (history, 3, *screen),
        "vector": (history, draw(st.integers(1, 9))),
    }[kind]
    size = st.integers(1, 3)
    convolution = st.builds(Convolution, st.integers(1, 4), size, size, st.integers(1, 2))
    convolutions = [] if kind == "vector" else draw(st.lists(convolution, max_size=3))
    return Architecture(
        draw(st.integers(1, 5)),
        state_shape,
        tuple(convolutions),
        tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))),
        activation=draw(st.sampled_from(["relu", "elu"])),
        biases=draw(st.booleans()),
        batch_norm=draw(st.booleans()),
        shared_convolutions=draw(st.booleans()),
        dueling=(dueling := draw(st.sampled_from(["false", "avg", "max", "naive"]))),
        dueling_streams=dueling == "false" or draw(st.booleans()),
        state_dtype=draw(st.sampled_from(STATE_DTYPES)) if kind == "vector" else "uint8",
    )


@settings(max_examples=100, deadline=None)
@given(
    architecture=architectures(),
    states=st.integers(0, 3),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
    has_metadata=st.booleans(),
)
def test_every_architecture_comes_back(architecture, states, dtype, has_metadata, tmp_path_factory):
    folder = tmp_path_factory.mktemp("snapshots")
    snapshot = make_snapshot_of(architecture, states, dtype)
    if not has_metadata:
        snapshot.metadata = None
    for name in FILES:
        save_snapshot(snapshot, folder / name)
        loaded = load_snapshot(folder / name)
        assert_equal(loaded, snapshot)
        assert_usable(loaded)
        save_snapshot(loaded, folder / f"again_{name}")
        assert (folder / f"again_{name}").read_bytes() == (folder / name).read_bytes()
    assert convert.main([str(folder / FILES[1]), str(folder / "converted.pkl")]) == 0
    assert (folder / "converted.pkl").read_bytes() == (folder / FILES[0]).read_bytes()


def test_the_arrays_of_a_variant_have_the_shapes_that_its_layers_need(tmp_path):
    save_snapshot(make_snapshot_of(VARIANT, states=1), tmp_path / "a.safetensors")
    shapes = {
        name: array.shape
        for name, array in load_file(tmp_path / "a.safetensors").items()
        if "states" not in name
    }
    # Two screens of 3×4×3 numbers each; the last hidden layer has 6 units for each stream
    assert shapes == {
        "0.weights": (3 * 4 * 3, 4),
        "0.biases": (4, 1),
        "1.weights": (4 * 2 * 2, 3),
        "1.biases": (3, 1),
        "2.weights": (5, 2 * 3 * 4 * 3),
        "2.biases": (5, 1),
        "3.weights": (12, 5),
        "3.biases": (12, 1),
        "4.weights": (1 + 3, 6),
        "4.biases": (4, 1),
    }


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("changes", [{}, {"batch_norm": True, "dueling_streams": False}])
def test_a_network_computes_the_same_from_its_file(changes, name, tmp_path):
    architecture = dataclasses.replace(VARIANT, **changes)
    values = {of.name: getattr(architecture, of.name) for of in dataclasses.fields(architecture)}
    network, other = (make_network(seed=seed, **values) for seed in (1, 2))
    snapshot = make_snapshot_of(architecture)
    snapshot.layers = network.get_layers()
    save_snapshot(snapshot, tmp_path / name)
    other.set_layers(load_snapshot(tmp_path / name).layers)
    states = np.random.default_rng(0).integers(0, 256, (5, 2, 3, 12, 10), np.uint8)
    np.testing.assert_array_equal(other.predict(states), network.predict(states))


def test_without_the_optimizer_s_states_all_else_stays():
    snapshot = make_snapshot_of(dataclasses.replace(VARIANT, batch_norm=True), states=2)
    fresh = make_snapshot_of(dataclasses.replace(VARIANT, batch_norm=True), states=0)
    fresh.layers = without_states(snapshot.layers)
    assert len(all_arrays(fresh)) == 2 * 5 + 4 * 4
    np.testing.assert_array_equal(fresh.layers[1].weights, snapshot.layers[1].weights)
    np.testing.assert_array_equal(fresh.layers[1].biases.values, snapshot.layers[1].biases.values)
    np.testing.assert_array_equal(
        fresh.layers[1].batch_norm.gvar, snapshot.layers[1].batch_norm.gvar
    )
    assert len(snapshot.layers[1].states) == 2


# Hostile files


def put(*keys: Any, to: Any) -> Any:
    """A change of the values beside the arrays: values[keys[0]][keys[1]]… = to."""

    def change(values: Any) -> None:
        for key in keys[:-1]:
            values = values[key]
        values[keys[-1]] = to

    return change


ARCHITECTURE = ("simple_dqn", "architecture")
CHANGES = {
    "an architecture that is a list": (put(*ARCHITECTURE, to=[1]), "not a dictionary"),
    "something of a later version": (put(*ARCHITECTURE, "noisy", to=True), "'noisy', which this"),
    "a name that would change the terminal": (put(*ARCHITECTURE, "\x1b[2J", to=1), r"\\x1b\[2J"),
    "a layer too many": (put(*ARCHITECTURE, "dense_units", to=[5, 6, 7]), "another network"),
    "a layer too few": (put(*ARCHITECTURE, "dense_units", to=[5]), "another network"),
    "no dense layer": (put(*ARCHITECTURE, "dense_units", to=[]), "its dense_units are none"),
    "units that are text": (put(*ARCHITECTURE, "dense_units", to="56"), "its dense_units"),
    "units without end": (put(*ARCHITECTURE, "dense_units", to=[5, 10**9]), "its dense_units"),
    "other units": (
        put(*ARCHITECTURE, "dense_units", to=[100_000, 100_000]),
        r"affine 1 has the shape \(5, 72\), not \(100000, 72\)",
    ),
    "layers without end": (put(*ARCHITECTURE, "dense_units", to=[5] * 10_000), "its dense_units"),
    "21 layers": (put(*ARCHITECTURE, "dense_units", to=[5] * 19), "more than 20 layers"),
    "a convolution of three numbers": (
        put(*ARCHITECTURE, "convolutions", 0, to=[4, 4, 3]),
        "its convolutions are none",
    ),
    "a convolution of truth values": (
        put(*ARCHITECTURE, "convolutions", 0, to=[4, 4, 3, True]),
        "its convolutions are none",
    ),
    "a stride of nothing": (put(*ARCHITECTURE, "convolutions", 0, 3, to=0), "its convolutions"),
    "a huge convolution": (put(*ARCHITECTURE, "convolutions", 0, 0, to=10**12), "convolutions"),
    "a convolution larger than the screen": (
        put(*ARCHITECTURE, "convolutions", 0, 1, to=13),
        "its input of 2×3×12×10 is too small",
    ),
    "another convolution": (
        put(*ARCHITECTURE, "convolutions", 0, 0, to=5),
        r"convolution 1 has the shape \(36, 4\), not \(36, 5\)",
    ),
    "another activation": (put(*ARCHITECTURE, "activation", to="tanh"), "its activation are none"),
    "an activation that is a list": (put(*ARCHITECTURE, "activation", to=["elu"]), "activation"),
    "another dueling": (put(*ARCHITECTURE, "dueling", to="true"), "its dueling are none"),
    "no dueling": (put(*ARCHITECTURE, "dueling", to="false"), r"\(12, 5\), not \(6, 5\)"),
    "convolutions that are shared perhaps": (
        put(*ARCHITECTURE, "shared_convolutions", to=1),
        "its shared_convolutions are none",
    ),
    "convolutions that are not shared": (
        put(*ARCHITECTURE, "shared_convolutions", to=False),
        r"convolution 1 has the shape \(36, 4\), not \(72, 4\)",
    ),
    "streams that are not there": (
        put(*ARCHITECTURE, "dueling_streams", to=False),
        r"\(12, 5\), not \(6, 5\)",
    ),
    "an input without end": (put("train_input_shape", to=[2**62] * 4), "another network"),
    "an input of five lengths": (put("train_input_shape", to=[1] * 5), "input is not"),
    "an input of vectors": (put("train_input_shape", to=[2, 360]), "too small"),
    "no input": (lambda values: values.pop("train_input_shape"), "cannot be loaded"),
    "no architecture": (lambda values: values["simple_dqn"].pop("architecture"), "another network"),
    "an action too many": (put("simple_dqn", "actions", to=[0, 1, 2, 3]), "actions"),
}


@pytest.mark.parametrize("change", list(CHANGES))
@pytest.mark.parametrize("ending", ["prm", "safetensors"])
def test_an_architecture_that_is_not_the_arrays_is_refused_and_takes_no_memory(
    change, ending, tmp_path
):
    snapshot = make_snapshot_of(VARIANT)
    path = tmp_path / f"changed.{ending}"
    if ending == "prm":
        content = neon_content(snapshot, tmp_path)
        CHANGES[change][0](content)
        write(path, content)
    else:
        save_snapshot(snapshot, path)
        with safetensors.safe_open(path, framework="np") as file:
            values = json.loads(file.metadata()["simple_dqn"])
        CHANGES[change][0](values)
        save_file(load_file(path), path, {"simple_dqn": json.dumps(values)})
    tracemalloc.start()
    start = time.process_time()
    try:
        text = refusal(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert time.process_time() - start < 2
    assert len(text) < 500
    assert re.search(CHANGES[change][1], text), text

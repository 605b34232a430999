"""Snapshots: what is saved comes back, Neon's own files are read, and no file can do any harm."""

import dataclasses
import errno
import os
import pickle
import pickletools
import random
import resource
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy

from dqn.errors import UserError
from dqn.snapshots import snapshot as snapshot_module
from dqn.snapshots import unpickler
from dqn.snapshots.snapshot import (
    BatchNorm,
    Layer,
    Metadata,
    NonFiniteWeights,
    Snapshot,
    SnapshotError,
    load_snapshot,
    save_snapshot,
)
from helpers.paths import DATA

PYTHON_27 = DATA / "snapshot_python27_rmsprop.prm"
PYTHON_311 = DATA / "snapshot_python311_adam.prm"
PYTHON_27_BATCH_NORM = DATA / "snapshot_python27_batch_norm.prm"
STATES = {"fresh": 0, "rmsprop": 1, "adam": 2, "adadelta": 3}
SMALLEST = (1, 36, 36)  # the smallest screens that the three convolutions leave anything of


def make_snapshot(states=1, batch_norm=False, dtype=np.float32, input_shape=(2, 52, 40)):
    """A network for four actions, all of whose numbers are random."""
    chance = np.random.default_rng(7)

    def draw(*shape: int) -> np.ndarray:
        return chance.standard_normal(shape).astype(dtype)

    def draw_batch_norm(units: int) -> BatchNorm:
        arrays = [draw(units, 1) for _ in range(4)]
        return BatchNorm(*arrays, [[draw(units, 1) for _ in range(states)] for _ in range(2)])

    history, height, width = input_shape
    pixels = {(52, 40): 3, (36, 36): 1, (84, 84): 49}[height, width]
    layers = []
    for rows, columns, units in [
        (64 * history, 32, 32),
        (512, 64, 64),
        (576, 64, 64),
        (512, 64 * pixels, 512),
        (4, 512, None),
    ]:
        states_of_layer = [draw(rows, columns) for _ in range(states)]
        norm = draw_batch_norm(units) if batch_norm and units else None
        layers.append(Layer(draw(rows, columns), states_of_layer, norm))
    metadata = Metadata("breakout", [0, 1, 3, 4], height, width, history, 7, 250_000, 62_500)
    return Snapshot(layers, input_shape, metadata)


def all_arrays(snapshot: Snapshot) -> list[np.ndarray]:
    arrays = []
    for layer in snapshot.layers:
        arrays += [layer.weights, *layer.states]
        if norm := layer.batch_norm:
            arrays += [norm.beta, norm.gamma, norm.gmean, norm.gvar, *norm.states[0]]
            arrays += norm.states[1]
    return arrays


def assert_equal(left: Snapshot, right: Snapshot) -> None:
    assert left.input_shape == right.input_shape
    assert left.metadata == right.metadata
    arrays = list(zip(all_arrays(left), all_arrays(right), strict=True))
    for one, other in arrays:
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def assert_usable(snapshot: Snapshot) -> None:
    """What load_snapshot promises of every snapshot that it accepts."""
    arrays = all_arrays(snapshot)
    assert len(snapshot.layers) == 5
    for array in arrays:
        assert array.ndim == 2
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert array.dtype in (np.float16, np.float32, np.float64)
        assert array.dtype.isnative
        assert np.isfinite(array).all()
    for number, array in enumerate(arrays):
        assert not any(np.shares_memory(array, other) for other in arrays[:number])


def refusal(path: Path) -> str:
    with pytest.raises(SnapshotError) as caught:
        load_snapshot(path)
    assert isinstance(caught.value, UserError)
    text = str(caught.value)
    assert text.isprintable()  # so that it is one line
    assert str(path) in text
    return text


def write(path: Path, content: Any, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def neon_content(snapshot: Snapshot, folder: Path) -> dict[str, Any]:
    """The dictionary that stands in the snapshot's file."""
    path = folder / "content.prm"
    save_snapshot(snapshot, path)
    return pickle.loads(path.read_bytes())


# What is saved comes back


NAMES = ["breakout_7.prm", "breakout_7.safetensors"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("optimizer", list(STATES))
def test_what_is_saved_comes_back(optimizer, batch_norm, dtype, name, tmp_path):
    snapshot = make_snapshot(STATES[optimizer], batch_norm, dtype)
    save_snapshot(snapshot, tmp_path / name)
    loaded = load_snapshot(tmp_path / name)
    assert_equal(loaded, snapshot)
    assert_usable(loaded)


def test_a_network_of_the_paper_comes_back(tmp_path):
    snapshot = make_snapshot(states=1, input_shape=(4, 84, 84))
    save_snapshot(snapshot, tmp_path / "breakout_7.prm")
    assert_equal(load_snapshot(tmp_path / "breakout_7.prm"), snapshot)


@pytest.mark.parametrize("name", NAMES)
def test_a_snapshot_without_metadata_comes_back(name, tmp_path):
    snapshot = make_snapshot()
    snapshot.metadata = None
    save_snapshot(snapshot, tmp_path / name)
    assert_equal(load_snapshot(tmp_path / name), snapshot)


def test_numpy_s_integers_in_the_metadata_come_back_as_plain_ones(tmp_path):
    snapshot = make_snapshot()
    expected = dataclasses.replace(snapshot.metadata)
    snapshot.metadata.actions = list(np.array(expected.actions))
    snapshot.metadata.train_steps = np.int64(expected.train_steps)
    snapshot.input_shape = tuple(np.array(snapshot.input_shape))
    save_snapshot(snapshot, tmp_path / "breakout_7.prm")
    loaded = load_snapshot(tmp_path / "breakout_7.prm").metadata
    assert loaded == expected
    assert type(loaded.train_steps) is int


@pytest.mark.parametrize("name", NAMES)
def test_a_rom_s_strange_name_comes_back(name, tmp_path):
    snapshot = make_snapshot(input_shape=SMALLEST)
    for game in ("", "Pac-Man – «é»", "not utf-8: \udcff", "\U0001f47e" * 255):
        snapshot.metadata.game = game
        save_snapshot(snapshot, tmp_path / name)
        assert load_snapshot(tmp_path / name).metadata.game == game


@pytest.mark.parametrize("ending", ["prm", "safetensors"])
def test_the_same_snapshot_makes_the_same_bytes(ending, tmp_path):
    a, b, c = (tmp_path / f"{name}.{ending}" for name in "abc")
    snapshot = make_snapshot(states=2, batch_norm=True)
    save_snapshot(snapshot, a)
    for layer in snapshot.layers:  # the same numbers, otherwise arranged in memory
        layer.weights = np.asfortranarray(layer.weights)
        layer.states = [state.astype(">f4") for state in layer.states]
    snapshot.metadata.game = "".join(["break", "out"])
    save_snapshot(snapshot, b)
    save_snapshot(load_snapshot(a), c)
    assert a.read_bytes() == b.read_bytes() == c.read_bytes()


def test_one_array_in_two_places_makes_the_same_bytes_as_two_equal_ones(tmp_path):
    snapshot = make_snapshot(states=2)
    for layer in snapshot.layers:
        layer.states = [layer.states[0], layer.states[0].copy()]
    save_snapshot(snapshot, tmp_path / "a.prm")
    for layer in snapshot.layers:
        layer.states = [layer.states[0], layer.states[0]]
    save_snapshot(snapshot, tmp_path / "b.prm")
    assert (tmp_path / "b.prm").read_bytes() == (tmp_path / "a.prm").read_bytes()
    assert_usable(load_snapshot(tmp_path / "b.prm"))


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


# What Neon saved


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


def old_content(snapshot: Snapshot, named: bool, flat: bool = False) -> dict[str, Any]:
    """The dictionary of Neon before 1.1."""
    entries: list[dict[str, Any]] = []
    for layer in snapshot.layers:
        weights = {"W": layer.weights} if named else layer.weights
        entries.append({"params": weights, "states": layer.states})
        if norm := layer.batch_norm:
            params = [norm.beta, norm.gamma, norm.gmean, norm.gvar]
            params = [array.ravel() for array in params] if flat else params
            entries.append({"params": params, "states": norm.states})
    return {"layer_params_states": entries, "epoch_index": 77}


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


# What is not saved


def every_place(snapshot: Snapshot) -> list[np.ndarray]:
    weights = [layer.weights for layer in snapshot.layers]
    states = [layer.states[-1] for layer in snapshot.layers]
    norms = [layer.batch_norm for layer in snapshot.layers[:4]]
    return [*weights, *states, norms[0].beta, norms[1].gmean, norms[3].gvar, norms[2].states[1][0]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", range(14))
def test_a_network_that_diverged_is_neither_saved_nor_loaded(place, value, tmp_path):
    path = tmp_path / "breakout_7.prm"
    path.write_bytes(b"older")
    snapshot = make_snapshot(batch_norm=True, input_shape=SMALLEST)
    every_place(snapshot)[place][-1, 0] = value
    with pytest.raises(NonFiniteWeights, match="diverged") as caught:
        save_snapshot(snapshot, path)
    assert isinstance(caught.value, UserError)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"older"
    assert os.listdir(tmp_path) == ["breakout_7.prm"]
    other = write(tmp_path / "diverged.pkl", old_content(snapshot, named=True))
    assert "diverged" in refusal(other)


def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    def drop_a_layer(snapshot):
        del snapshot.layers[2]

    def drop_a_norm(snapshot):
        snapshot.layers[1].batch_norm = None

    def drop_a_state(snapshot):
        snapshot.layers[4].states = []

    def add_states(snapshot):
        for layer in snapshot.layers:
            layer.states *= 4
            if layer.batch_norm:
                layer.batch_norm.states = [states * 4 for states in layer.batch_norm.states]

    def use_integers(snapshot):
        snapshot.layers[4].weights = np.zeros((4, 512), np.int64)

    def change_the_actions(snapshot):
        snapshot.metadata.actions = [0, 1, 3]

    def change_the_screens(snapshot):
        snapshot.metadata.screen_height = 84

    for break_something in (
        drop_a_layer,
        drop_a_norm,
        drop_a_state,
        add_states,
        use_integers,
        change_the_actions,
        change_the_screens,
    ):
        snapshot = make_snapshot(batch_norm=True, input_shape=SMALLEST)
        save_snapshot(snapshot, tmp_path / "whole.prm")
        break_something(snapshot)
        with pytest.raises(SnapshotError, match="not saved"):
            save_snapshot(snapshot, tmp_path / "breakout_7.prm")
        assert os.listdir(tmp_path) == ["whole.prm"]


def test_a_network_too_large_to_be_loaded_is_not_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot_module, "MAX_FILE_SIZE", 500_000)
    with pytest.raises(SnapshotError, match="too large"):
        save_snapshot(make_snapshot(), tmp_path / "breakout_7.prm")
    assert os.listdir(tmp_path) == []


def test_the_older_snapshot_stays_whole_when_the_disk_is_full(tmp_path):
    path = tmp_path / "breakout_7.prm"
    save_snapshot(make_snapshot(input_shape=SMALLEST), path)
    older = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            save_snapshot(make_snapshot(), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == older
    assert os.listdir(tmp_path) == ["breakout_7.prm"]


def test_the_older_snapshot_stays_whole_when_the_disk_is_full_at_the_end(tmp_path, monkeypatch):
    path = tmp_path / "breakout_7.prm"
    save_snapshot(make_snapshot(input_shape=SMALLEST), path)
    older = path.read_bytes()

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_snapshot(make_snapshot(), path)
    assert path.read_bytes() == older
    assert os.listdir(tmp_path) == ["breakout_7.prm"]


# What is not loaded, and why


def test_a_missing_file_is_named(tmp_path):
    assert "does not exist" in refusal(tmp_path / "none.prm")


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_a_missing_file(name):
    with pytest.raises(SnapshotError, match="does not exist"):
        load_snapshot(Path(name))


def test_a_name_that_the_system_refuses_is_named(tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be read" in refusal(tmp_path / "file" / "breakout_7.prm")
    assert "cannot be read" in refusal(tmp_path / ("x" * 300))


def test_a_folder_is_no_snapshot(tmp_path):
    assert "is a folder" in refusal(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe")
    assert "not a regular file" in refusal(Path("/dev/zero"))


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    def forbidden(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(snapshot_module, "open", forbidden, raising=False)
    (tmp_path / "breakout_7.prm").write_bytes(b"x")
    assert "permissions" in refusal(tmp_path / "breakout_7.prm")


def test_an_empty_file_is_no_snapshot(tmp_path):
    (tmp_path / "empty.prm").touch()
    assert "is empty" in refusal(tmp_path / "empty.prm")


def test_another_kind_of_file_is_no_snapshot(tmp_path):
    np.savez(tmp_path / "weights.npz", np.zeros(3))
    assert "not a pickle" in refusal(tmp_path / "weights.npz")
    (tmp_path / "page.prm").write_text("<!DOCTYPE html>")
    assert "not a pickle" in refusal(tmp_path / "page.prm")
    path = write(tmp_path / "other.pkl", {"weights": [1, 2, 3]})
    assert "not one that Neon or this program wrote" in refusal(path)


def test_a_huge_file_is_refused_at_once(tmp_path):
    for size, reason in ((2**40, "too large"), (2**28, "damaged")):
        with open(tmp_path / "huge.prm", "wb") as file:
            file.write(b"\x80\x02")
            file.truncate(size)  # a sparse file: it takes no place on the disk
        tracemalloc.start()
        start = time.process_time()
        try:
            assert reason in refusal(tmp_path / "huge.prm")
            assert time.process_time() - start < 2
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()


def test_too_little_memory_is_said(monkeypatch):
    def exhausted(_file):
        raise MemoryError

    monkeypatch.setattr(unpickler, "load", exhausted)
    assert "memory" in refusal(PYTHON_27)


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


def layers_of(content: dict[str, Any]) -> list[Any]:
    return content["model"]["config"]["layers"]


def put(*keys: Any, to: Any) -> Any:
    """A change of a file's dictionary: content[keys[0]][keys[1]]… = to."""

    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = to

    return change


LAYERS = ("model", "config", "layers")
TRANSFORM = ("config", "transform", "type")
CHANGES = {
    "no layers": (put(*LAYERS, to=[]), "another network"),
    "layers that are a number": (put(*LAYERS, to=1), "not one that Neon"),
    "a layer too many": (lambda c: layers_of(c).append(layers_of(c)[2]), "another network"),
    "a layer too few": (lambda c: layers_of(c).pop(), "another network"),
    "a layer of another type": (
        put(*LAYERS, 0, "type", to="neon.layers.layer.Pooling"),
        "Pooling, BatchNorm, Rectlin",
    ),
    "a type that would change the terminal": (
        put(*LAYERS, 0, "type", to="\x1b[2J\n" * 99),
        r"\\x1b\[2J\\n",
    ),
    "a type that is a number": (put(*LAYERS, 0, "type", to=7), "unknown, BatchNorm"),
    "a layer that is a number": (put(*LAYERS, 0, to=7), "unknown, BatchNorm"),
    "another activation": (put(*LAYERS, 2, *TRANSFORM, to="x.Tanh"), "BatchNorm, Tanh"),
    "no params": (lambda c: layers_of(c)[0].pop("params"), "where Neon puts them"),
    "no W": (put(*LAYERS, 0, "params", to={}), "where Neon puts them"),
    "weights that are a list": (put(*LAYERS, 0, "params", "W", to=[1.0]), "where Neon puts them"),
    "weights of one dimension": (
        put(*LAYERS, 0, "params", "W", to=np.zeros(64, np.float32)),
        "where Neon puts them",
    ),
    "weights of another size": (
        put(*LAYERS, 0, "params", "W", to=np.zeros((65, 32), np.float32)),
        r"convolution 1 has the shape \(65, 32\), not \(64, 32\)",
    ),
    "weights of another order": (
        lambda c: put(*LAYERS, 9, "params", "W", to=np.zeros((64, 512), np.float32))(c),
        "affine 1 has the shape",
    ),
    "no weights at all": (
        put(*LAYERS, 12, "params", "W", to=np.zeros((0, 512), np.float32)),
        "affine 2 has the shape",
    ),
    "integers": (put(*LAYERS, 0, "params", "W", to=np.zeros((64, 32), int)), "decimal numbers"),
    "states that are a number": (put(*LAYERS, 0, "states", to=1), "states are not a list"),
    "a state too many": (
        lambda c: layers_of(c)[0]["states"].append(np.zeros((64, 32))),
        "too few or too many",
    ),
    "a state of another shape": (
        put(*LAYERS, 0, "states", 0, to=np.zeros((32, 64))),
        "another network",
    ),
    "a state that is None": (put(*LAYERS, 0, "states", 0, to=None), "decimal numbers"),
    "a norm without gamma": (
        lambda c: layers_of(c)[1]["params"].pop("gamma"),
        "where Neon puts them",
    ),
    "a norm of another size": (
        put(*LAYERS, 1, "params", "gvar", to=np.ones((33, 1))),
        "the batch normalisation after convolution 1 has the shape",
    ),
    "a norm of three dimensions": (
        put(*LAYERS, 1, "params", "gvar", to=np.ones((32, 1, 1))),
        "the batch normalisation after convolution 1 has the shape",
    ),
    "a norm of text": (put(*LAYERS, 1, "params", "gvar", to="x" * 32), "decimal numbers"),
    "a norm with one list of states": (put(*LAYERS, 1, "states", to=[[]]), "two lists"),
    "a norm with states that are numbers": (put(*LAYERS, 1, "states", to=[1, 2]), "not a list"),
    "a norm with states that are arrays": (
        put(*LAYERS, 1, "states", to=[np.zeros(32), np.zeros(32)]),
        "not a list",
    ),
    "an input of another size": (
        put("train_input_shape", to=(1, 84, 84)),
        r"affine 1 has the shape \(512, 64\), not \(512, 3136\)",
    ),
    "an input of other frames": (put("train_input_shape", to=(4, 36, 36)), "convolution 1 has"),
    "an input that is too small": (put("train_input_shape", to=(1, 30, 36)), "too small"),
    "an input of nothing": (put("train_input_shape", to=(0, 36, 36)), "input is not"),
    "an input of truth values": (put("train_input_shape", to=(True, 36, 36)), "input is not"),
    "an input of one number": (put("train_input_shape", to=1296), "input is not"),
    "metadata that are a list": (put("simple_dqn", to=[1]), "not complete"),
    "metadata without a game": (lambda c: c["simple_dqn"].pop("game"), "not complete"),
    "a game that is a number": (put("simple_dqn", "game", to=1), "not a name"),
    "a game with a long name": (put("simple_dqn", "game", to="x" * 256), "not a name"),
    "actions that are a number": (put("simple_dqn", "actions", to=4), "actions"),
    "actions of text": (put("simple_dqn", "actions", to=["left"] * 4), "actions"),
    "an action less": (put("simple_dqn", "actions", to=[0, 1, 3]), "actions"),
    "an action twice": (put("simple_dqn", "actions", to=[0, 1, 1, 3]), "actions"),
    "a negative action": (put("simple_dqn", "actions", to=[0, 1, 3, -1]), "actions"),
    "other screens": (put("simple_dqn", "screen_width", to=84), "screens"),
    "another history": (put("simple_dqn", "history_length", to=2), "screens"),
    "a negative epoch": (put("simple_dqn", "epoch", to=-1), "its epoch is not"),
    "an infinite epoch": (put("simple_dqn", "epoch", to=float("inf")), "its epoch is not"),
    "steps beyond counting": (put("simple_dqn", "train_steps", to=2**70), "train_steps is not"),
    "updates that are no number": (put("simple_dqn", "weight_updates", to="1"), "updates is not"),
}


@pytest.mark.parametrize("name", list(CHANGES))
def test_another_network_or_damaged_metadata_are_told(name, tmp_path):
    change, reason = CHANGES[name]
    content = neon_content(make_snapshot(batch_norm=True, input_shape=SMALLEST), tmp_path)
    path = write(tmp_path / "changed.prm", content)
    assert_usable(load_snapshot(path))
    change(content)
    write(path, content, protocol=4)
    with pytest.raises(SnapshotError, match=reason):
        load_snapshot(path)
    assert len(refusal(path)) < 500


@pytest.mark.parametrize(
    "entries", [[], [1], [{}], [{"params": np.zeros((3, 3))}], [{"params": [1, 2, 3, 4]}], "text"]
)
def test_an_old_file_of_something_else_is_no_snapshot(entries, tmp_path):
    path = write(tmp_path / "old.pkl", {"layer_params_states": entries})
    assert "Neon" in (text := refusal(path)) or "another network" in text


def test_a_network_for_too_many_actions_is_no_snapshot(tmp_path):
    snapshot = make_snapshot(input_shape=SMALLEST)
    for actions, is_known in ((1, True), (256, True), (257, False)):
        last = np.zeros((actions, 512), np.float32)
        snapshot.layers[-1] = Layer(last, [last.copy()])
        path = write(tmp_path / "old.pkl", old_content(snapshot, named=True))
        if is_known:
            assert_usable(load_snapshot(path))
        else:
            assert "affine 2 has the shape (257, 512), not (256, 512)" in refusal(path)


def test_a_norm_that_follows_another_norm_is_no_snapshot(tmp_path):
    content = old_content(make_snapshot(batch_norm=True, input_shape=SMALLEST), named=True)
    content["layer_params_states"].insert(1, content["layer_params_states"][1])
    assert "another network" in refusal(write(tmp_path / "old.pkl", content))


def test_a_norm_that_is_missing_is_no_snapshot(tmp_path):
    content = old_content(make_snapshot(batch_norm=True, input_shape=SMALLEST), named=True)
    del content["layer_params_states"][3]
    assert "batch normalisation" in refusal(write(tmp_path / "old.pkl", content))


# Damage of every kind


@pytest.fixture(scope="module")
def small_files(tmp_path_factory) -> dict[str, bytes]:
    """Small files in each of the forms that are read."""
    folder = tmp_path_factory.mktemp("small")
    snapshot = make_snapshot(batch_norm=True, dtype=np.float16, input_shape=SMALLEST)
    save_snapshot(snapshot, folder / "ours.prm")
    save_snapshot(snapshot, folder / "ours.safetensors")
    return {
        "safetensors": (folder / "ours.safetensors").read_bytes(),
        "ours": (folder / "ours.prm").read_bytes(),
        "old": pickle.dumps(old_content(snapshot, named=False), protocol=2),
        "again": pickle.dumps(pickle.loads((folder / "ours.prm").read_bytes()), protocol=4),
        "python 2": PYTHON_27.read_bytes(),
    }


def test_a_truncated_file_is_refused(small_files, tmp_path):
    for form, data in small_files.items():
        path = tmp_path / file_name("cut", form)
        step = 997 if form in ("ours", "safetensors") else 9973
        path.write_bytes(data)
        for size in [len(data) - 1, *range(len(data) // step * step, 0, -step), 2, 1]:
            os.truncate(path, size)
            assert "truncated" in refusal(path)


ARRAYS = [f"{number}.{name}" for number in range(5) for name in ("weights", "states.0")]
ARRAYS += [f"0.batch_norm.{name}" for name in ("beta", "gamma", "gmean", "gvar")]


@pytest.fixture(scope="module")
def with_norms(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("safetensors") / "a.safetensors"
    save_snapshot(make_snapshot(batch_norm=True, input_shape=SMALLEST), path)
    return path


@settings(max_examples=150, deadline=None)
@given(
    changes=st.dictionaries(
        st.sampled_from(ARRAYS),
        st.tuples(
            hypothesis_numpy.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
            st.sampled_from([np.float16, np.float32, np.float64, np.uint8]),
        ),
        min_size=1,
        max_size=3,
    ),
    has_metadata=st.booleans(),
)
def test_arrays_of_any_other_shape_or_type_are_refused(changes, has_metadata, with_norms):
    with safetensors.safe_open(with_norms, framework="np") as file:
        metadata = file.metadata() if has_metadata else None
    arrays = safetensors.numpy.load_file(with_norms)
    for name, (shape, dtype) in changes.items():
        arrays[name] = np.ones(shape, dtype)
    path = with_norms.with_name("changed.safetensors")
    safetensors.numpy.save_file(arrays, path, metadata)
    refusal(path)


def file_name(stem: str, form: str) -> str:
    return f"{stem}.safetensors" if form == "safetensors" else f"{stem}.prm"


def structure(data: bytes, form: str) -> list[int]:
    """The places in a file that are not the contents of its arrays."""
    if form == "safetensors":
        return list(range(8 + int.from_bytes(data[:8], "little")))
    starts = [position for _, _, position in pickletools.genops(data)]
    return [p for start in starts for p in range(start, start + 9) if p < len(data)]


def mutated(data: bytes, places: list[int], chance: random.Random) -> bytes:
    data = bytearray(data)
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        place = chance.choice(places) if chance.random() < 0.9 else chance.randrange(len(data))
        other, length = chance.choice(places), chance.randint(1, 40)
        kind = chance.randrange(5)
        if kind == 0:
            data[place % len(data)] = chance.randrange(256)
        elif kind == 1:
            data[place % len(data)] ^= 1 << chance.randrange(8)
        elif kind == 2:
            del data[place : place + length]
        elif kind == 3:
            data[place:place] = data[other : other + length]
        else:
            data[place : place + length] = data[other : other + length]
    return bytes(data)


def peak_memory() -> int:
    """The most memory, in bytes, that this process has had so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def check_mutations(data: bytes, form: str, count: int, seed: int, folder: Path) -> None:
    places, chance = structure(data, form), random.Random(seed)
    path = folder / file_name("damaged", form)
    accepted = 0
    peak = peak_memory()
    for _ in range(count):
        path.write_bytes(mutated(data, places, chance))
        start = time.process_time()
        try:
            snapshot = load_snapshot(path)
        except SnapshotError:
            snapshot = None
        assert time.process_time() - start < 2
        if snapshot is not None:
            assert_usable(snapshot)
            accepted += 1
    assert peak_memory() - peak < 2**30
    assert 0 < accepted < count  # some damage is harmless, and some is not


FORMS = ["ours", "old", "again", "python 2", "safetensors"]


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_file_is_refused_or_harmless(form, small_files, tmp_path):
    check_mutations(small_files[form], form, 500, seed=1, folder=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_thousandfold_damaged_file_is_refused_or_harmless(form, small_files, tmp_path):
    check_mutations(small_files[form], form, 10_000, seed=2, folder=tmp_path)

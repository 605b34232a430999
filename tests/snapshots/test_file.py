"""Snapshots on disk: what is saved comes back, and no file can do any harm."""

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

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy

from dqn.errors import NonFiniteWeights, UserError
from dqn.snapshots import file as snapshot_file
from dqn.snapshots import neon_format, unpickler
from dqn.snapshots.file import load_snapshot, save_snapshot
from dqn.snapshots.snapshot import Snapshot, SnapshotError
from helpers.snapshots import (
    PYTHON_27,
    PYTHON_311_BIASES,
    SMALLEST,
    VARIANT,
    assert_equal,
    assert_usable,
    make_snapshot,
    make_snapshot_of,
    old_content,
    refusal,
    write,
)

STATES = {"fresh": 0, "rmsprop": 1, "adam": 2, "adadelta": 3}
NAMES = ["breakout_7.prm", "breakout_7.safetensors"]
# A small network that is all but the default
OTHER = dataclasses.replace(VARIANT, batch_norm=True, dueling_streams=False)


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
    shape = tuple(np.array(snapshot.input_shape))
    snapshot.architecture = dataclasses.replace(snapshot.architecture, state_shape=shape)
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
        snapshot.metadata.input_shape = (1, 84, 36)

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
    monkeypatch.setattr(snapshot_file, "MAX_FILE_SIZE", 500_000)
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

    monkeypatch.setattr(neon_format, "open", forbidden, raising=False)
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


# Damage of every kind


@pytest.fixture(scope="module")
def small_files(tmp_path_factory) -> dict[str, bytes]:
    """Small files in each of the forms that are read."""
    folder = tmp_path_factory.mktemp("small")
    snapshot = make_snapshot(batch_norm=True, dtype=np.float16, input_shape=SMALLEST)
    save_snapshot(snapshot, folder / "ours.prm")
    save_snapshot(snapshot, folder / "ours.safetensors")
    variant = make_snapshot_of(OTHER)
    save_snapshot(variant, folder / "variant.prm")
    save_snapshot(variant, folder / "variant.safetensors")
    return {
        "variant": (folder / "variant.prm").read_bytes(),
        "variant in safetensors": (folder / "variant.safetensors").read_bytes(),
        "safetensors": (folder / "ours.safetensors").read_bytes(),
        "ours": (folder / "ours.prm").read_bytes(),
        "old": pickle.dumps(old_content(snapshot, named=False), protocol=2),
        "again": pickle.dumps(pickle.loads((folder / "ours.prm").read_bytes()), protocol=4),
        "python 2": PYTHON_27.read_bytes(),
        "biases of neon": PYTHON_311_BIASES.read_bytes(),
    }


def test_a_truncated_file_is_refused(small_files, tmp_path):
    for form, data in small_files.items():
        path = tmp_path / file_name("cut", form)
        step = 9973 if form in ("old", "again", "python 2") else 997
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
    return f"{stem}.safetensors" if form.endswith("safetensors") else f"{stem}.prm"


def structure(data: bytes, form: str) -> list[int]:
    """The places in a file that are not the contents of its arrays."""
    if form.endswith("safetensors"):
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
FORMS += ["variant", "variant in safetensors", "biases of neon"]


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_file_is_refused_or_harmless(form, small_files, tmp_path):
    check_mutations(small_files[form], form, 500, seed=1, folder=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_thousandfold_damaged_file_is_refused_or_harmless(form, small_files, tmp_path):
    check_mutations(small_files[form], form, 10_000, seed=2, folder=tmp_path)

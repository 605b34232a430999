"""Weights by PyTorch's names, as share.sh writes them, are a snapshot as well."""

import numpy as np
import pytest

from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.create import export_network
from dqn.snapshots.facts import facts
from dqn.snapshots.file import load_snapshot
from dqn.snapshots.pytorch_layout import KEY, NAME
from dqn.snapshots.safetensors_format import write_arrays
from dqn.snapshots.snapshot import SnapshotError
from helpers.snapshots import VARIANT, assert_equal, assert_usable, make_snapshot_of

SMALL = (Convolution(4, 4, 3, 2), Convolution(3, 2, 2, 1))
NORMALISED = Architecture(3, (2, 12, 10), SMALL, (6,), biases=True, batch_norm=True)
ONE_STREAM = Architecture(5, (4, 8), (), (7, 8), dueling="max", dueling_streams=False)
ARCHITECTURES = [Architecture(4, (2, 44, 40)), VARIANT, NORMALISED, ONE_STREAM]


def write(path, snapshot, arrays, **more):
    with open(path, "wb") as file:
        write_arrays(file, arrays, facts(snapshot) | {KEY: NAME} | more)
    return path


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_weights_come_back_to_the_last_bit(tmp_path, architecture):
    snapshot = make_snapshot_of(architecture, states=0)
    for layer in snapshot.layers:
        if layer.batch_norm:
            layer.batch_norm.gvar = np.abs(layer.batch_norm.gvar)
    exported = export_network(architecture, snapshot.layers)
    path = write(tmp_path / "a.safetensors", snapshot, exported.arrays)
    read = load_snapshot(path)
    assert_equal(read, snapshot)
    assert_usable(read)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda arrays: arrays.pop("0.weight"), "layers with weights, not 3"),
        (lambda arrays: arrays.update({"9.weight": arrays["0.weight"]}), "not 3"),
        (lambda arrays: arrays.update({"x.weight": arrays["0.weight"]}), "'x.weight'"),
        (lambda arrays: arrays.update({"0.scale": arrays["0.weight"]}), "module 1 has|module 0"),
        (lambda arrays: arrays.update({"0.weight": np.zeros(3, "f4")}), "shape"),
        (lambda arrays: arrays.update({"0.weight": np.zeros((1, 2, 3), "f4")}), "shape"),
        (lambda arrays: arrays.update({"4.weight": np.ones((4, 12), "f4")}), "see one another"),
        (lambda arrays: arrays.update({"4.weight": np.ones(4, "f4")}), "not affine"),
    ],
)
def test_what_is_no_such_network_takes_one_line(tmp_path, change, words):
    architecture = Architecture(3, (2, 3), (), (5, 6), dueling="avg")
    snapshot = make_snapshot_of(architecture, states=0)
    arrays = dict(export_network(architecture, snapshot.layers).arrays)
    assert sorted(arrays) == ["1.weight", "3.weight", "5.weight"]
    arrays = {f"{int(name[0]) - 1}.weight": array for name, array in arrays.items()}
    change(arrays)
    path = write(tmp_path / "a.safetensors", snapshot, arrays)
    with pytest.raises(SnapshotError, match=words):
        load_snapshot(path)

"""A file with another network, or with damaged metadata, is refused with the reason."""

from typing import Any

import numpy as np
import pytest

from dqn.networks.layers import Layer
from dqn.snapshots.file import load_snapshot
from dqn.snapshots.snapshot import SnapshotError
from helpers.snapshots import (
    SMALLEST,
    assert_usable,
    make_snapshot,
    neon_content,
    old_content,
    refusal,
    write,
)


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

"""Converting snapshots between pickles and safetensors."""

import pytest

import convert
from dqn.snapshots.file import load_snapshot
from helpers.paths import DATA

NEONS = DATA / "snapshot_python27_batch_norm.prm"


def run(*arguments):
    return convert.main([str(argument) for argument in arguments])


def assert_error(capsys, *words):
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert all(word in line for word in words)


def test_a_snapshot_goes_to_safetensors_and_back_unchanged(tmp_path):
    first, between, last = (tmp_path / name for name in ("a.pkl", "b.safetensors", "c.prm"))
    assert run(NEONS, first) == run(first, between) == run(between, last) == 0
    assert last.read_bytes() == first.read_bytes()
    assert b"numpy" not in between.read_bytes()


def test_weights_only_leaves_out_the_optimizers_state_and_changes_no_weight(tmp_path):
    assert run(NEONS, tmp_path / "a.pkl", "--weights_only", "true") == 0
    before, after = load_snapshot(NEONS), load_snapshot(tmp_path / "a.pkl")
    assert all(layer.states for layer in before.layers)
    for old, new in zip(before.layers, after.layers, strict=True):
        assert new.states == []
        assert (new.weights == old.weights).all()
    pairs = [(a.batch_norm, b.batch_norm) for a, b in zip(before.layers, after.layers, strict=True)]
    for old, new in pairs[:-1]:
        assert new.states == [[], []]
        assert (new.gamma == old.gamma).all()
        assert (new.gmean == old.gmean).all()


def test_an_older_output_is_moved_aside(tmp_path):
    output = tmp_path / "a.safetensors"
    output.write_text("older")
    assert run(NEONS, output) == 0
    assert (tmp_path / "a.safetensors.1").read_text() == "older"


def test_a_snapshot_is_never_written_over(tmp_path, capsys):
    assert run(NEONS, NEONS) == 2
    assert_error(capsys, "itself")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["snapshot", "--help"]),
        ([NEONS], ["output", "--help"]),
        ([NEONS, "a.h5"], ["a.h5", ".safetensors"]),
        (["missing.pkl", "a.pkl"], ["missing.pkl", "does not exist"]),
        ([NEONS, "no/such/folder/a.pkl"], ["no/such/folder/a.pkl"]),
    ],
)
def test_what_cannot_be_converted_takes_one_line(arguments, words, capsys):
    assert run(*arguments) == 2
    assert_error(capsys, *words)


def test_a_pickle_named_safetensors_is_refused(tmp_path, capsys):
    fake = tmp_path / "fake.safetensors"
    fake.write_bytes(NEONS.read_bytes())
    assert run(fake, tmp_path / "a.pkl") == 2
    assert_error(capsys, "not a safetensors file")

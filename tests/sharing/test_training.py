"""What is known of how a network was trained."""

import hashlib
import json

import pytest

from dqn.errors import UserError
from dqn.sharing.training import check_csv, find_csv, hours_until, read_note, run_of
from helpers.runs import write_run


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("pong_77.pkl", "pong"),
        ("pong_fast_best.pkl", "pong_fast"),
        ("pong_78.25000.pkl", "pong"),
        ("pong.safetensors", "pong"),
        ("my_net.pkl", "my_net"),
        ("_7.pkl", "_7"),
    ],
)
def test_the_run_of_a_snapshot_is_its_name_without_the_end(tmp_path, name, run):
    assert run_of(tmp_path / name) == run


def test_the_csv_file_of_the_run_is_found_if_it_reaches_the_snapshot(tmp_path):
    results = tmp_path / "results"
    run = write_run(results / "pong.csv", [1.0, 2.0], steps=1000)
    snapshot = tmp_path / "snapshots" / "pong_2.pkl"
    assert find_csv(snapshot, results, 2000) == run
    assert find_csv(snapshot, results, 2001) is None
    beside = write_run(tmp_path / "snapshots" / "pong_2.csv", [1.0, 2.0], steps=1000)
    assert find_csv(snapshot, results, 2000) == beside


def test_hours_are_those_until_the_snapshot(tmp_path):
    run = write_run(tmp_path / "pong.csv", [1.0, 2.0], steps=1000)
    run.write_text(run.read_text().replace("1000,1,1,1,1,1,", "1000,1,1,1,1,5400,", 1))
    assert hours_until(run, 1000) == 1.5
    assert hours_until(run, 1500) is None


def test_the_csv_file_of_another_run_is_refused(tmp_path):
    run = write_run(tmp_path / "pong.csv", [1.0], steps=1000)
    check_csv(run, 1000)
    with pytest.raises(
        UserError, match=r"ends after 1,000 training steps, and the network .* 5,000"
    ):
        check_csv(run, 5000)
    with pytest.raises(UserError, match="cannot read"):
        check_csv(tmp_path / "none.csv", 0)


def test_a_note_beside_a_snapshot_counts_if_it_is_about_those_bytes(tmp_path):
    snapshot, note = tmp_path / "pong.safetensors", tmp_path / "pong.json"
    snapshot.write_bytes(b"weights")
    assert read_note(snapshot) == {}
    sha256 = hashlib.sha256(b"weights").hexdigest()
    values = {"command": "./train.sh", "hours": 2, "commit": 7, "sha256": sha256, "tests": {}}
    note.write_text(json.dumps(values))
    assert read_note(snapshot) == {"command": "./train.sh", "hours": 2.0}
    note.write_text(json.dumps(values | {"sha256": "0" * 64}))
    assert read_note(snapshot) == {}

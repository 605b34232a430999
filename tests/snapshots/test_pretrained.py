"""The networks that come with the program are what their page says."""

import csv
import hashlib
import json

import pytest

from dqn.snapshots.file import load_snapshot
from helpers.paths import PROJECT
from helpers.scores import row_of_test

FOLDER = PROJECT / "snapshots" / "pretrained"
NETWORKS = sorted(path.stem for path in FOLDER.glob("*.json"))
# What 30 games of the Nature protocol must reach. Random and human are −20.7 and 9.3 in Pong, 1.7
# and 31.8 in Breakout (Mnih et al. 2015), 0.1 and 12.1 in Boxing (Wang et al. 2016; half of it).
FLOORS = {"pong": 15, "breakout": 40, "breakout_gpu": 100, "boxing": 6.1}


def facts_of(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


@pytest.mark.parametrize("name", NETWORKS)
def test_each_network_is_the_one_that_was_tested(name):
    file = FOLDER / f"{name}.safetensors"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == facts_of(name)["sha256"]
    assert file.stat().st_size <= 8_000_000


@pytest.mark.parametrize("name", NETWORKS)
def test_each_network_holds_weights_alone_and_what_it_was_trained_on(name):
    snapshot, facts = load_snapshot(FOLDER / f"{name}.safetensors"), facts_of(name)
    for layer in snapshot.layers:
        assert layer.states == []
        assert layer.biases is None or layer.biases.states == []
    assert snapshot.metadata.game == facts["game"]
    assert snapshot.metadata.train_steps == facts["training_steps"]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_curve_of_each_network_has_its_test(name):
    with open(FOLDER / f"{name}.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["phase"] == "test"]
    steps = str(facts_of(name)["training_steps"])
    assert [row["phase"] for row in rows if row["total_train_steps"] == steps] == ["test"]


def test_the_page_shows_what_was_measured():
    page = (FOLDER / "README.md").read_text()
    for name in NETWORKS:
        facts = facts_of(name)
        assert facts["sha256"] in page
        assert f"`{facts['command']}`" in page
        for test in facts["tests"].values():
            assert f"{test['mean']:.1f} ± {test['standard_deviation']:.1f}" in page


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_each_network_scores_what_its_page_says(name, tmp_path):
    """On the same processor to the point; elsewhere rounding may change a game."""
    test = facts_of(name)["tests"]["Nature"]
    _, network, *flags = test["command"].split()
    row = row_of_test(PROJECT / network, flags, tmp_path / "test.csv")
    assert int(row["nr_games"]) == test["games"]
    assert float(row["average_reward"]) >= FLOORS[name]

"""A run that is killed anywhere goes on as if it had not been."""

import random

import pytest
import torch

from helpers.crashes import Training, kill_until_done

WAYS = {
    "one actor": (),
    "two actors": ("--actors", "2"),
    "three actors, overlapping": ("--actors", "3", "--overlap", "true"),
}


@pytest.fixture(scope="module", params=WAYS)
def way(request):
    return WAYS[request.param]


@pytest.fixture(scope="module")
def undisturbed(way, tmp_path_factory):
    training = Training(tmp_path_factory.mktemp("undisturbed"), *way)
    training.run()
    return training.results()


def check_kills(folder, way, undisturbed, kills, seed):
    chance = random.Random(seed)
    runs = 0
    while kills > 0:
        flags = chance.choice([(), ("--checkpoint_steps", "80")])
        training = Training(folder / str(runs), *way, *flags)
        kills -= kill_until_done(training, min(kills, chance.randint(3, 8)), chance)
        assert training.results() == undisturbed
        runs += 1


def test_kills_at_random_moments_change_nothing(way, undisturbed, tmp_path):
    check_kills(tmp_path, way, undisturbed, 4, seed=1)


@pytest.mark.slow
def test_a_hundred_kills_at_random_moments_change_nothing(way, undisturbed, tmp_path):
    check_kills(tmp_path, way, undisturbed, 100, seed=2)


# What a run counts does not depend on the last bits of its numbers, which a GPU does not repeat.
COUNTS = ("epoch", "phase", "steps", "total_train_steps", "replay_memory_count", "weight_updates")


def counts_of_training(training):
    rows = training.rows("breakout.csv")
    return [[row[column] for column in COUNTS] for row in rows if row["phase"] == "train"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")
@pytest.mark.parametrize("way", [("1",), ("4",), ("4", "--overlap", "true")])
def test_a_run_on_a_gpu_counts_the_same_after_kills(way, tmp_path):
    flags = ("--backend", "gpu", "--actors", *way)
    undisturbed = Training(tmp_path / "undisturbed", *flags)
    killed = Training(tmp_path / "killed", *flags, "--checkpoint_steps", "80")
    for training in (undisturbed, killed):
        training.folder.mkdir()
    undisturbed.run()
    kill_until_done(killed, 3, random.Random(3), seconds=12)  # it takes some to start
    assert counts_of_training(killed) == counts_of_training(undisturbed)

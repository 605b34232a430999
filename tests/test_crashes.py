"""A run that is killed anywhere goes on as if it had not been."""

import random

import pytest

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

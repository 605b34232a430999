"""A run that is killed anywhere goes on as if it had not been."""

import random

import pytest
from crashes import Training, kill_until_done


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    training = Training(tmp_path_factory.mktemp("undisturbed"))
    training.run()
    return training.results()


def check_kills(folder, undisturbed, kills, seed):
    chance = random.Random(seed)
    runs = 0
    while kills > 0:
        flags = chance.choice([(), ("--checkpoint_steps", "170")])
        training = Training(folder / str(runs), *flags)
        kills -= kill_until_done(training, min(kills, chance.randint(3, 8)), chance)
        assert training.results() == undisturbed
        runs += 1


def test_ten_kills_at_random_moments_change_nothing(undisturbed, tmp_path):
    check_kills(tmp_path, undisturbed, 10, seed=1)


@pytest.mark.slow
def test_a_hundred_kills_at_random_moments_change_nothing(undisturbed, tmp_path):
    check_kills(tmp_path, undisturbed, 100, seed=2)

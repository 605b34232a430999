"""Human and random scores, and Atari-5, against the table that Atari-5 was fitted to."""

import csv
import math

import ale_py.roms
import numpy as np
import pytest

from dqn.environments import benchmark
from helpers.paths import DATA

# Published scores of 44 algorithms, in percent of a person's: the data of Aitchison et al. 2023
ATARI_5 = DATA / "atari5_scores.csv"
BASELINES = DATA / "atari5_baselines.csv"  # random and human scores of the same data


def test_the_benchmark_has_57_games_that_ale_knows():
    assert len(benchmark.ATARI_57) == 57
    assert set(benchmark.ATARI_57) <= set(ale_py.roms.get_all_rom_ids())


def test_random_and_human_scores_agree_with_a_second_source():
    differing = {}
    with open(BASELINES, newline="") as file:
        rows = {row["game"]: row for row in csv.DictReader(file)}
    assert len(rows) == 57
    for game, scores in benchmark.SCORES.items():
        row = rows[game.replace("_", "")]
        for number, name in zip(scores, ("random", "human"), strict=True):
            if abs(number - float(row[name])) > 0.051:
                differing[game, name] = float(row[name])
    assert differing == {("space_invaders", "random"): 148.3, ("video_pinball", "random"): 0.0}


def test_chance_scores_0_and_a_person_1():
    for game, (chance, person) in benchmark.SCORES.items():
        assert benchmark.normalised(game, chance) == 0
        assert benchmark.normalised(game, person) == 1
    assert benchmark.normalised("breakout", 401.2) == pytest.approx((401.2 - 1.7) / 28.8)
    assert math.isnan(benchmark.normalised("adventure", 1))


def test_the_weights_of_atari_5_are_the_least_squares_fit_to_its_data():
    with open(ATARI_5, newline="") as file:
        rows = [[float(x) for x in row] for row in list(csv.reader(file))[1:]]
    logarithms = np.log10(1 + np.clip(np.array(rows), 0, None))
    fitted, *_ = np.linalg.lstsq(logarithms[:, :-1], logarithms[:, -1], rcond=None)
    np.testing.assert_allclose(list(benchmark.ATARI_5.values()), fitted, atol=5e-6)


def test_atari_5_predicts_the_median_by_its_equation():
    scores = {"battle_zone": 0.5, "double_dunk": 2, "name_this_game": 1.5, "phoenix": -0.1}
    scores |= {"qbert": 0.8, "pong": 9}
    exponent = 0.38198 * math.log10(51) + 0.06791 * math.log10(201) + 0.31080 * math.log10(151)
    exponent += 0.12413 * math.log10(1) + 0.08049 * math.log10(81)
    assert benchmark.median_of_57(scores) == pytest.approx((10**exponent - 1) / 100)
    with pytest.raises(KeyError):
        benchmark.median_of_57({"pong": 1})

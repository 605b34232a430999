"""Training still learns as it did."""

import pytest

import main
from helpers.paths import PROJECT
from helpers.scores import row_of_test

NATURE = "--test_games 30 --exploration_rate_test 0.05 --max_game_frames 18000 --random_seed 1"
# Seeds 1 to 5 scored 13.1, 11.9, 14.4, 17.3 and 18.8; random moves score 1.7 (Mnih et al. 2015).
FLOOR = 10.0


@pytest.mark.slow
def test_the_laptop_preset_learns_breakout_in_100_000_steps(tmp_path):
    """Ten minutes or more of one core; five earlier seeds passed its floor."""
    preset = f"@{PROJECT}/presets/laptop.args"
    run = tmp_path / "breakout"
    files = ["--save_weights_prefix", str(run), "--csv_file", f"{run}.csv"]
    flags = "--epochs 2 --random_seed 1 --backend cpu --checkpoint false".split()
    assert main.main(["breakout", preset, *flags, *files]) == 0
    row = row_of_test(tmp_path / "breakout_2.pkl", NATURE.split(), tmp_path / "test.csv")
    assert int(row["nr_games"]) == 30
    assert float(row["average_reward"]) >= FLOOR

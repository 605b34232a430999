"""CSV files of runs, and sweeps of them, without training."""

from pathlib import Path

from dqn.results.statistics import PHASE_COLUMNS
from dqn.sweeps import manifest, plan
from dqn.sweeps.plan import Game
from dqn.sweeps.sweep import Sweep

FLAGS = """\
# The flags of a run; another one with the same: ./train.sh GAME LABEL @FILE
--frame_skip 4
--repeat_action_probability 0
--life_loss_terminal true
--max_game_frames 108000
--random_starts 30
--minimal_action_set true
--test_steps 125000
"""


def write_run(path: Path, scores: list[float], flags: str | None = FLAGS, steps: int = 1000):
    """A run with a test of each score, after so many training steps each."""
    rows = []
    for epoch, score in enumerate(scores, 1):
        values = dict.fromkeys(PHASE_COLUMNS, "1") | {"epoch": str(epoch), "phase": "test"}
        values |= {"average_reward": str(score), "total_train_steps": str(epoch * steps)}
        values |= {"last_exploration_rate": "0.05", "steps": "125000"}
        rows += [",".join((values | {"phase": "train"}).values()), ",".join(values.values())]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\r\n".join([",".join(PHASE_COLUMNS), *rows]) + "\r\n")
    if flags is not None:
        path.with_suffix(".args").write_text(flags)
    return path


def make_sweep(project: Path, name: str, games: list[str], seeds: list[int], **options) -> Sweep:
    """A sweep with its manifest on disk; nothing of it has begun."""
    flags = options.pop("flags", ["--epochs", "3"])
    grid = options.pop("grid", {})
    runs = plan.plan(name, [Game(game, game) for game in games], seeds, flags, grid, "abc")
    values = {"threads": 1, "gpus": 0.0, "memory": 2**20} | options
    whole = manifest.Manifest(name, flags, grid, runs=runs, **values)
    folder = project / "results" / "sweeps" / name
    manifest.save(whole, folder)
    return Sweep(project, folder, whole)

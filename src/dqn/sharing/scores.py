"""The scores of a network's games, as a test leaves them in episodes.json."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dqn.errors import UserError, explain
from dqn.results.statistics import Scores

FILE = "episodes.json"
MAX_BYTES = 2**26
MAX_SEED = 2**64


@dataclass(frozen=True)
class Evaluation:
    """The games of one test: of each its score, steps and frames, in this order.

    `snapshot` is the name of the file that was tested, `date` when the test ended, in ISO 8601.
    """

    game: str
    snapshot: str
    seed: int
    exploration_rate: float
    date: str
    scores: list[float]
    steps: list[int]
    frames: list[int]

    @property
    def summary(self) -> Scores:
        """Mean, standard deviation and range of the scores."""
        return Scores.of(self.scores)

    def __str__(self) -> str:
        return f"{self.summary.mean:.2f} +/- {self.summary.standard_deviation:.2f}"


def read_evaluation(folder: Path) -> Evaluation:
    """What test_gym.sh, or test.sh with --episodes_path, left in a folder; raises UserError."""
    path = folder / FILE
    try:
        with open(path, "rb") as file:
            values = json.loads(file.read(MAX_BYTES))
    except OSError as error:
        raise UserError(f"cannot read {path} {explain(error)}") from error
    except (ValueError, RecursionError):
        values = None
    found = _read(values)
    if found is None:
        raise UserError(f"{path} is not what ./test_gym.sh writes: name a folder of its results")
    if not found.scores:
        raise UserError(f"{path} has no whole game: test for longer")
    return found


def _read(values: Any) -> Evaluation | None:
    match values:
        case {
            "game": str(game),
            "snapshot": str(snapshot),
            "seed": str(seed),
            "exploration_rate": int() | float() as rate,
            "eval_datetime": str(date),
            "episode_rewards": [*scores],
            "episode_lengths": [*steps],
            "episode_frames": [*frames],
        } if len(scores) == len(steps) == len(frames):
            is_good = (
                all(map(_is_number, scores))
                and all(map(_is_count, (*steps, *frames)))
                and seed.isascii()
                and seed.isdigit()
                and len(seed) <= len(str(MAX_SEED))
                and 0 <= rate <= 1
                and len(date) < 100
            )
            if is_good:
                scores = list(map(float, scores))
                return Evaluation(
                    game, snapshot, int(seed), float(rate), date, scores, steps, frames
                )
    return None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53

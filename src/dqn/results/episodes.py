"""The statistics of a test's episodes in files of their own, as Gym's monitor left them."""

import json
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from dqn.actors.events import FinishedGame, Step
from dqn.errors import UserError, explain
from dqn.machine.files import atomic_write, move_aside
from dqn.results.csv_file import CsvFile
from dqn.results.statistics import Scores

COLUMNS = ("episode", "reward", "steps", "frames", "seconds")


class EpisodeStatistics:
    """Writes `folder`/episodes.csv, a row an episode, and, at its end, `folder`/episodes.json.

    `facts` are values that stand in the JSON file, too. Older files are moved aside. A context
    manager; raises UserError if a file cannot be written.
    """

    def __init__(self, folder: Path, facts: dict[str, Any]):
        self._folder = folder
        self._facts = facts
        self._games: list[FinishedGame] = []
        self._start = time.perf_counter()

    def __enter__(self) -> "EpisodeStatistics":
        self._file = CsvFile(self._folder / "episodes.csv", COLUMNS)
        self._path = self._folder / "episodes.json"
        try:
            move_aside(self._path)
        except OSError as error:
            raise UserError(f"cannot write {self._path} {explain(error)}") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        try:
            with atomic_write(self._path) as file:
                file.write(json.dumps(self._summary(), indent=2).encode() + b"\n")
        except OSError as error:
            raise UserError(f"cannot write {self._path} {explain(error)}") from error

    def on_step(self, step: Step) -> None:
        """Write the rows of the episodes that ended in a step."""
        for game in step.games:
            self._games.append(game)
            seconds = f"{time.perf_counter() - self._start:.3f}"
            row = (len(self._games), f"{game.score:g}", game.steps, game.frames, seconds)
            self._file.write(row)

    def _summary(self) -> dict[str, Any]:
        scores = Scores.of(game.score for game in self._games)
        has_games = scores.games > 0
        return {
            **self._facts,
            "eval_datetime": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "n_eval_episodes": scores.games,
            "mean_reward": float(scores.mean) if has_games else None,
            "std_reward": float(scores.standard_deviation) if has_games else None,
            "min_reward": float(scores.minimum) if has_games else None,
            "max_reward": float(scores.maximum) if has_games else None,
            "episode_rewards": [game.score for game in self._games],
            "episode_lengths": [game.steps for game in self._games],
            "episode_frames": [game.frames for game in self._games],
        }

"""What runs have achieved in their tests: read from their CSV files, ours or the original's."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dqn.environments.roms import game_called, game_of_file_name
from dqn.errors import UserError
from dqn.report.protocol import Flags, Protocol, frames_per_step, protocol, read_flags, to_integer
from dqn.report.runs import read_run, run_name
from dqn.sweeps import manifest

logger = logging.getLogger(__name__)

FIELDS = ["average_reward", "total_train_steps", "last_exploration_rate", "steps"]
OF_GAMES = ".games.csv"
SEED = re.compile(r"_?seed_?(\d{1,20})$")


@dataclass(frozen=True, eq=False)
class Result:
    """The tests of one run that finished a game, in their order.

    `epochs`, `scores` (means of a test's games) and `train_steps` (agent steps so far) are arrays
    of (tests).
    """

    name: str
    game: str
    variant: str
    seed: int | None
    epochs: np.ndarray
    scores: np.ndarray
    train_steps: np.ndarray
    frame_skip: int
    protocol: Protocol

    @property
    def final(self) -> float:
        """The score of the last test."""
        return float(self.scores[-1])

    @property
    def best(self) -> float:
        """The score of the best test: the best of many is luck, too."""
        return float(self.scores.max())

    @property
    def best_epoch(self) -> int:
        """The epoch of the best test."""
        return int(self.epochs[self.scores.argmax()])

    @property
    def frames(self) -> float:
        """The frames that were trained on up to the last test."""
        return float(self.train_steps[-1]) * self.frame_skip

    def last_tests(self, epochs: np.ndarray) -> np.ndarray:
        """The index of the last test up to each epoch; −1 if there is none."""
        return np.searchsorted(self.epochs, epochs, "right") - 1


@dataclass(frozen=True)
class Collection:
    """All results of one report; `missing` are the runs without a score: name → why."""

    title: str
    results: list[Result]
    missing: dict[str, str]

    @property
    def variants(self) -> list[str]:
        """Their names, in the order of their first run; the one without a name comes first."""
        return sorted(dict.fromkeys(result.variant for result in self.results), key=bool)

    @property
    def games(self) -> list[str]:
        """Their names, sorted."""
        return sorted({result.game for result in self.results})

    def of(self, variant: str, game: str | None = None) -> list[Result]:
        """The results of a variant, in one game or in all."""
        return [r for r in self.results if r.variant == variant and game in (None, r.game)]


def collect(paths: Iterable[Path]) -> Collection:
    """The results of sweeps, of folders of CSV files, and of single CSV files.

    Raises UserError if there are none, or a file that was named is no run's.
    """
    results: list[Result] = []
    missing: dict[str, str] = {}
    titles = []
    for path in paths:
        titles.append(title_of(path))
        if manifest.is_sweep(path):
            _add_sweep(path, results, missing)
        elif path.is_dir():
            _add_folder(path, results, missing)
        else:
            _add(_read(path), path.name, results, missing)
    if not results:
        why = next(iter(missing.items()), None)
        raise UserError(
            f"there is no test score in {', '.join(titles)}"
            + (f" ({why[0]}: {why[1]})" if why else "")
            + ": name CSV files of runs that have finished a test, a folder of them, or a sweep"
        )
    return Collection(", ".join(titles), results, missing)


def title_of(path: Path) -> str:
    """What a sweep, a folder or a file is called."""
    return run_name(path) if path.is_file() else path.resolve().name


def _add_sweep(folder: Path, results: list[Result], missing: dict[str, str]) -> None:
    """A run's CSV file is where train.sh writes it: in results/, two folders above the sweep's."""
    results_folder = folder.resolve().parent.parent
    for run in manifest.load(folder).runs:
        path = results_folder / f"{run.name}.csv"
        if not path.exists():
            missing[run.name] = "it has not begun"
            continue
        result = _read(path, run.game, run.variant, run.seed)
        _add(result, run.name, results, missing)


def _add_folder(folder: Path, results: list[Result], missing: dict[str, str]) -> None:
    for path in sorted(folder.glob("*.csv")):
        if path.name.endswith(OF_GAMES):
            continue
        try:
            result = _read(path)
        except UserError as error:
            logger.info("Skipping %s", error)
            continue
        _add(result, path.name, results, missing)


def _add(result: Result | None, name: str, results: list[Result], missing: dict[str, str]) -> None:
    if result is None:
        missing[name] = "no test has finished a game"
    else:
        results.append(result)


def _read(
    path: Path, game: str | None = None, variant: str = "", seed: int | None = None
) -> Result | None:
    """The result of a CSV file, whose name tells what is not given; None without a test score.

    Raises UserError.
    """
    if path.name.endswith(OF_GAMES):
        raise UserError(f"{path} is of games: name the run's own CSV file, without .games")
    run = read_run(path, FIELDS, only=("test",))
    flags = read_flags(path)
    if game is None:
        game, variant, seed = _from_name(run.name, flags)
    curves = {name: np.array(curve) for name, curve in run.phases.get("test", {}).items()}
    if not curves:
        return None
    is_there = ~np.isnan(curves["average_reward"]) & ~np.isnan(curves["total_train_steps"])
    if not is_there.any():
        return None
    return Result(
        run.name,
        game,
        variant,
        seed,
        curves["epoch"][is_there],
        curves["average_reward"][is_there],
        curves["total_train_steps"][is_there],
        frames_per_step(flags),
        protocol(flags, curves["last_exploration_rate"][-1], curves["steps"][-1]),
    )


def _from_name(name: str, flags: Flags) -> tuple[str, str, int | None]:
    """Game, variant and seed of a run by its name, such as breakout_laptop_seed1."""
    game = game_of_file_name(Path(name)) or game_called(name) or name
    label = name[len(game) :].strip("_")
    seed = SEED.search(label)
    number = seed[1] if seed else flags.get("random_seed", "")
    return game, SEED.sub("", label), to_integer(number)

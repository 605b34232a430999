"""A report's scores as CSV: a row for each run, for whoever computes further."""

import csv
import io

from dqn.environments import benchmark
from dqn.report.results import Collection

COLUMNS = (
    "run",
    "game",
    "variant",
    "seed",
    "train_steps",
    "train_frames",
    "final_epoch",
    "final_score",
    "final_human_normalised",
    "best_epoch",
    "best_score",
    "best_human_normalised",
    "random_score",
    "human_score",
)


def scores_csv(collection: Collection) -> str:
    """The text of the file."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for result in collection.results:
        writer.writerow(
            (
                result.name,
                result.game,
                result.variant,
                "" if result.seed is None else result.seed,
                f"{result.train_steps[-1]:.0f}",
                f"{result.frames:.0f}",
                f"{result.epochs[-1]:.0f}",
                result.final,
                benchmark.normalised(result.game, result.final),
                result.best_epoch,
                result.best,
                benchmark.normalised(result.game, result.best),
                *benchmark.SCORES.get(result.game, ("", "")),
            )
        )
    return text.getvalue()

"""The snapshot that is shared, with what lies beside it: scores, a CSV file, a note."""

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dqn.errors import UserError
from dqn.sharing.scores import Evaluation, read_evaluation
from dqn.sharing.training import check_csv, find_csv, read_note
from dqn.snapshots.file import load_snapshot
from dqn.snapshots.snapshot import Snapshot

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """A snapshot to share; its scores if they are `given`, the CSV file of its run, and a note.

    The note is what stands beside the snapshot.
    """

    path: Path
    snapshot: Snapshot
    given: Evaluation | None
    csv_file: Path | None
    note: dict[str, Any]

    def copied_to(self, folder: Path) -> "Source":
        """The same of a copy: a training may replace <run>_best meanwhile."""
        path = folder / self.path.name
        shutil.copyfile(self.path, path)
        return replace(self, path=path, snapshot=load_snapshot(path))


def find_source(
    path: Path, folder_of_scores: Path | None, csv_file: Path | None, project: Path
) -> Source:
    """What `path` is about: a snapshot, or a folder of scores, whose snapshot is the project's.

    `folder_of_scores` and `csv_file` belong to a snapshot that is named. Raises UserError.
    """
    given = None
    if path.is_dir():
        folder_of_scores, given = path, read_evaluation(path)
        path = project / "snapshots" / Path(given.snapshot).name
        if not path.is_file():
            raise UserError(
                f"the scores in {folder_of_scores} are of {given.snapshot!r}, which is not in "
                f"{path.parent}: name it, ./share.sh SNAPSHOT --scores {folder_of_scores}"
            )
    elif folder_of_scores:
        given = read_evaluation(folder_of_scores)
        if given.snapshot != path.name:
            raise UserError(
                f"the scores in {folder_of_scores} are of {given.snapshot!r} and not of "
                f"{path.name}: name that snapshot, or test this one"
            )
    snapshot = load_snapshot(path)
    steps = snapshot.metadata.train_steps if snapshot.metadata else 0
    if csv_file:
        check_csv(csv_file, steps)
    csv_file = csv_file or find_csv(path, project / "results", steps)
    if csv_file is None:
        logger.info("Found no CSV file of the run: the folder gets no learning curve")
    return Source(path, snapshot, given, csv_file, read_note(path))

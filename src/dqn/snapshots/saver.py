"""Which snapshots a run saves, and which of them it keeps."""

import dataclasses
import filecmp
import hashlib
import logging
import math
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from dqn.errors import NonFiniteWeights, UserError, explain
from dqn.machine.files import (
    CannotMoveAside,
    atomic_write,
    make_writable_folder,
    move_aside,
    naming,
    rename_aside,
)
from dqn.machine.state_values import take, take_integer, take_list, take_number, take_text
from dqn.networks.architecture import Architecture
from dqn.networks.deepqnetwork import DeepQNetwork
from dqn.snapshots.file import save_snapshot
from dqn.snapshots.moment import Moment, parse_moment
from dqn.snapshots.snapshot import Metadata, Snapshot

logger = logging.getLogger(__name__)


class Diverged(UserError):
    """Training has diverged: `what` says how it showed; `last_good` is a snapshot from before."""

    def __init__(self, what: str, last_good: Path | None):
        good = (
            f"the last good snapshot is {last_good}" if last_good else "there is no good snapshot"
        )
        super().__init__(f"{what}: lower --learning_rate; {good}")


class SnapshotSaver:
    """Saves the network as `<prefix>_<epoch>.pkl`, in the prefix's folder, which it makes.

    `architecture` is the network's; `metadata` says what it was trained on: epoch and steps are
    filled in. A snapshot within an epoch is `<prefix>_<epoch>.<step>.pkl`, which records the epochs
    before. `last_good` is the last snapshot with finite weights: at first the one that was loaded,
    if any. A save that fails, because the disk is full, say, is logged, and training continues. The
    snapshot with the best test is also `<prefix>_best.pkl`. `prune` deletes this run's snapshots,
    those from within epochs included, except the `num_newest` newest (None: all stay) and the best.
    Raises UserError if the folder cannot be written.
    """

    def __init__(
        self,
        prefix: Path,
        network: DeepQNetwork,
        architecture: Architecture,
        metadata: Metadata,
        last_good: Path | None,
        num_newest: int | None = None,
    ):
        make_writable_folder(prefix.parent)
        with naming(prefix.parent):
            os.listdir(prefix.parent)  # `move_older_aside` will
        self._prefix = prefix
        self._network = network
        self._architecture = architecture
        self._metadata = metadata
        self._num_newest = num_newest
        self._failure: str | None = None  # of the last epoch's save
        self.failed_epoch: int | None = None  # the last one, if it was not saved
        self.last_good = last_good
        self._saved: dict[Moment, str] = {}  # digests of the files that this run saved
        self._best: tuple[int, float] | None = None  # its epoch and its mean score

    def save(self, epoch: int, train_steps: int) -> None:
        """Save the snapshot of `epoch`, after `train_steps` in all.

        Raises Diverged if a weight is not a finite number.
        """
        self._failure = self._save(Moment(epoch), train_steps)
        self.failed_epoch = epoch if self._failure else None
        if self._failure:
            logger.error("%s; the next epoch will be saved anew", self._failure)

    def save_within(self, epoch: int, step: int, train_steps: int) -> None:
        """Save a snapshot after `step` training steps of `epoch`, and `train_steps` in all.

        Raises Diverged if a weight is not a finite number.
        """
        failure = self._save(Moment(epoch - 1, step), train_steps)
        if failure:
            logger.error("%s; training continues", failure)

    def _save(self, moment: Moment, train_steps: int) -> str | None:
        """Why it was not saved, if so."""
        path = self._path(moment)
        logger.info("Saving weights to %s", path)
        metadata = dataclasses.replace(
            self._metadata,
            epoch=moment.epochs,
            train_steps=train_steps,
            weight_updates=self._network.train_iterations,
        )
        new = path.with_name(f".{path.name}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)  # it may have been moved away
            layers = self._network.get_layers()
            save_snapshot(Snapshot(layers, self._architecture, metadata), new)
            # A run that was resumed may have saved the same snapshot before.
            if not _are_equal(path, new):
                move_aside(path)
            digest = _digest(new)
            new.replace(path)
        except NonFiniteWeights as error:
            what = f"the weights diverged in epoch {moment.epochs + (moment.steps > 0)}"
            raise Diverged(what, self.last_good) from error
        except (OSError, CannotMoveAside) as error:
            reason = explain(error) if isinstance(error, OSError) else f"because {error}"
            return f"cannot save {path} {reason}"
        self.last_good = path
        self._saved[moment] = digest
        return None

    def on_test(self, epoch: int, mean_score: float) -> None:
        """Note how the snapshot of `epoch` did in its test; NaN if no game ended in it."""
        best_score = self._best[1] if self._best else -math.inf
        if Moment(epoch) in self._saved and mean_score > best_score:  # NaN is not
            self._best = epoch, mean_score
        if self._best:
            try:
                self._mark_best(*self._best)
            except OSError as error:
                logger.error("Cannot write %s %s", self._path("best"), explain(error))

    def prune(self) -> None:
        """Delete those snapshots of this run that are neither among the newest nor the best."""
        if self._num_newest is None:
            return
        newest = sorted(self._saved)[-self._num_newest :]
        best = {Moment(self._best[0])} if self._best else set()
        for moment in sorted(self._saved.keys() - {*newest, *best}):
            path = self._path(moment)
            try:
                if self._is_own(path, moment):
                    path.unlink()
                    logger.info("Deleted %s, which --keep_snapshots does not keep", path)
            except OSError as error:
                logger.error("Cannot delete %s %s", path, explain(error))
            else:
                del self._saved[moment]

    def num_kept(self, epochs: int, an_epoch: int = 1) -> int:
        """How many snapshots there are at most in so many epochs, if `an_epoch` are saved in each.

        They are pruned after an epoch.
        """
        number = epochs * an_epoch
        return number if self._num_newest is None else min(number, self._num_newest + an_epoch)

    def snapshot_bytes(self) -> int:
        """About the size of a snapshot as it would be saved now."""
        layers = self._network.get_layers()
        arrays = [array for layer in layers for array in layer.arrays()]
        data = b"".join(array.tobytes() for array in arrays)
        # Pickles of Neon's protocol take two bytes for each one above 127.
        return len(data) + int(np.count_nonzero(np.frombuffer(data, np.uint8) > 127))

    def move_older_aside(self, epoch: int, loaded: Path | None) -> None:
        """Move an older run's snapshots from after `epoch` aside, except the one `loaded`.

        The older run's best may be from before; only a run from the beginning moves it at once.
        """
        older = re.compile(re.escape(self._prefix.name) + r"_(\d+(\.\d+)?|best)\.pkl", re.ASCII)
        for path in sorted(self._prefix.parent.iterdir()):
            match = older.fullmatch(path.name)
            if not match or not path.is_file():
                continue
            if epoch > 0 if match[1] == "best" else parse_moment(match[1]) <= Moment(epoch):
                continue
            if loaded is None or not path.samefile(loaded):
                move_aside(path)

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {
            "last_good": self.last_good and str(self.last_good),
            "failed_epoch": self.failed_epoch,
            "saved": {str(moment): digest for moment, digest in self._saved.items()},
            "best": self._best,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned."""
        self.last_good = self.failed_epoch = self._best = None
        if take(state, "last_good") is not None:
            self.last_good = Path(take_text(state, "last_good"))
        if take(state, "failed_epoch") is not None:
            self.failed_epoch = take_integer(state, "failed_epoch")
        # Checkpoints of earlier versions have neither.
        saved = state.get("saved", {}).items()
        self._saved = {parse_moment(moment): digest for moment, digest in saved}
        if state.get("best") is not None:
            best = take_list(state, "best", 2)
            self._best = take_integer(best, 0), take_number(best, 1)
            if Moment(self._best[0]) not in self._saved:
                raise ValueError(f"the best snapshot, {self._best[0]}, was not saved")

    def close(self) -> None:
        """Raises UserError if the last save failed."""
        if self._failure:
            raise UserError(self._failure)

    def _path(self, which: Moment | str) -> Path:
        return self._prefix.with_name(f"{self._prefix.name}_{which}.pkl")

    def _is_own(self, path: Path, *moments: Moment) -> bool:
        """Whether a file is what this run saved at one of the `moments`."""
        if path.is_symlink() or not path.is_file():
            return False
        return _digest(path) in [self._saved[moment] for moment in moments]

    def _mark_best(self, epoch: int, mean_score: float) -> None:
        """Give the best snapshot its second name, unless it has it already.

        A hard link: like a symbolic one it takes no room, but it survives whatever is moved, copied
        or deleted. Raises OSError.
        """
        moment = Moment(epoch)
        path, best = self._path(moment), self._path("best")
        if self._is_own(best, moment) or not self._is_own(path, moment):
            return
        if best.is_symlink() or (best.exists() and not self._is_own(best, *self._saved)):
            rename_aside(best)
        new = best.with_name(f".{best.name}.new")
        new.unlink(missing_ok=True)
        try:
            os.link(path, new)
            new.replace(best)
        except OSError:  # this file system has no hard links
            with open(path, "rb") as file, atomic_write(best) as copy:
                shutil.copyfileobj(file, copy)
        logger.info("The best so far: %s, mean score %g, also as %s", path, mean_score, best.name)


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _are_equal(path: Path, other: Path) -> bool:
    """Whether two files exist, can be read and have the same content."""
    try:
        return path.is_file() and filecmp.cmp(path, other, shallow=False)
    except OSError:
        return False

"""What a checkpoint is made of, when it is made, and how a run resumes from it."""

import logging
import shutil
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from dqn.checkpoints.folder import CheckpointFolder, size_on_disk
from dqn.checkpoints.replay_log import SEGMENT_BYTES, ReplayLog, log_folders
from dqn.errors import NonFiniteWeights, UserError, explain
from dqn.machine.files import naming
from dqn.machine.state_values import MISFITS
from dqn.replay.memory import ReplayMemory

logger = logging.getLogger(__name__)


class UnfittingCheckpoint(UserError):
    """This program cannot have made the checkpoint in `folder` from such a run."""

    def __init__(self, folder: CheckpointFolder, reason: str):
        super().__init__(
            f"the checkpoint {folder.path} does not fit this run ({reason[:200]!a}): --restart "
            "begins anew and keeps it aside"
        )


class Part(Protocol):
    """A part of the program that has a state; between two steps, it can be taken and set."""

    def get_state(self) -> Any: ...

    def set_state(self, state: Any, /) -> None: ...


class Checkpointer:
    """Saves the state of all `parts` and `generators`, and of the replay memory by its logs.

    `values` are plain ones that tell what run it is. A checkpoint is made after every
    `every_steps` steps (0: never) and when `save` is called. `check` raises NonFiniteWeights for a
    network that is not worth one.
    """

    def __init__(
        self,
        folder: CheckpointFolder,
        memory: ReplayMemory,
        parts: dict[str, Part],
        generators: dict[str, np.random.Generator],
        *,
        values: dict[str, Any],
        every_steps: int,
        check: Callable[[], None] = lambda: None,
    ):
        self._folder = folder
        self._memory = memory
        self._logs: list[ReplayLog]  # from `begin` or `restore` on
        self._parts = parts
        self._generators = generators
        self._values = values
        self._every_steps = every_steps
        self._check = check
        self._steps = 0
        self._newest_logs: list[dict[str, Any]] | None = None
        self._failure: str | None = None
        self.most_bytes: int | None = None  # of disk that a new run's checkpoint takes

    def check_room(
        self, steps_between: int, steps_left: int, state: dict[str, Any] | None = None
    ) -> None:
        """Raises UserError if the disk has no room for what is to come; writes nothing.

        At most `steps_between` steps of the `steps_left` will lie between two checkpoints. `state`
        is that of the checkpoint that the run goes on with, if any, whose files are there already.
        """
        # The log holds what two generations need, and what is in the same segment. Three
        # generations are there while one is being written.
        entry_bytes = self._memory.streams[0].entry_dtype.itemsize
        log_bytes = (self._memory.size + steps_between) * entry_bytes + SEGMENT_BYTES
        generation_bytes = 3 * size_on_disk(state or self._get_state())
        if state:
            log_bytes -= self._folder.size_of("*.steps")
            generation_bytes = max(0, generation_bytes - self._folder.size_of("generation-*/*"))
        needed = max(0, min(log_bytes, steps_left * entry_bytes)) + generation_bytes
        self.most_bytes = None if state else needed
        free = shutil.disk_usage(self._folder.path).free
        if needed <= free:
            return
        advice = "free some"
        if not state:
            fitting = self._memory.size - (log_bytes + generation_bytes - free) // entry_bytes - 1
            if fitting > self._memory.batch_size + 2 * self._memory.state_shape[0]:
                advice += f", lower --replay_size to {fitting}"
            advice += ", or do without it: --checkpoint false"
        raise UserError(
            f"the checkpoint {self._folder.path} takes up to {-(-needed // 2**20)} MiB"
            f"{' more' if state else ''} of disk, but {free // 2**20} MiB are free: {advice}"
        )

    def begin(self) -> None:
        """Make the first checkpoint of a run, and move an older run's aside.

        Raises UserError if that fails.
        """
        self._folder.move_aside()
        self._logs = self._open_logs()
        self.save()  # a run that is killed before it makes another one begins again with it
        self.close()

    def restore(self, state: dict[str, Any]) -> None:
        """Restore what `save` wrote and the folder loaded.

        Raises UserError if the state does not fit.
        """
        self._logs = self._open_logs()
        try:
            # First: they may be damaged, and change no file.
            for log, log_state in zip(self._logs, state["logs"], strict=True):
                with naming(self._folder.path):
                    log.set_state(log_state)
            # The learner comes first in `_get_state`, where it ends an update, and here last.
            for name, part in reversed(self._parts.items()):
                part.set_state(state["parts"][name])
            for name, generator in self._generators.items():
                generator.bit_generator.state = state["generators"][name]
        except MISFITS as error:
            raise UnfittingCheckpoint(self._folder, str(error).partition("\n")[0]) from error
        self._newest_logs = state["logs"]

    def on_step(self, num_steps: int = 1) -> None:
        """Append the newest steps to the logs; make a checkpoint when it is time to."""
        try:
            if any(log.is_due for log in self._logs):
                self._folder.keep_lock()
                for log in self._logs:
                    log.on_step()
        except OSError as error:
            self._report(error)
        self._steps += num_steps
        if self._every_steps and self._steps >= self._every_steps:
            self._steps %= self._every_steps
            self.save()

    def save(self) -> bool:
        """Make a checkpoint; where the disk does not allow it, the one before stays: False.

        It stays, too, and NonFiniteWeights is raised, if the network has diverged.
        """
        start = time.perf_counter()
        self._check()
        state = self._get_state()
        if not _is_finite(state["parts"]):
            raise NonFiniteWeights("the network diverged to infinity or NaN")
        try:
            self._folder.keep_lock()
            for log in self._logs:
                log.flush()
            logs = [log.get_state() for log in self._logs]
            self._folder.save({**state, "logs": logs})
            # Both of the two generations that are kept now need what the older one needs.
            for log, newest in zip(self._logs, self._newest_logs or [], strict=False):
                log.prune(newest)
        except OSError as error:
            self._report(error)
            return False
        self._newest_logs = logs
        self._failure = None
        logger.debug("Made a checkpoint in %.2f s", time.perf_counter() - start)
        return True

    def close(self) -> None:
        """Raises UserError if the last checkpoint could not be made."""
        if self._failure:
            raise UserError(self._failure)

    def _get_state(self) -> dict[str, Any]:
        """All but the logs."""
        generators = self._generators.items()
        return {
            **self._values,
            "parts": {name: part.get_state() for name, part in self._parts.items()},
            "generators": {name: g.bit_generator.state for name, g in generators},
        }

    def _open_logs(self) -> list[ReplayLog]:
        """One for each stream, in folders of their own if there are several."""
        streams = self._memory.streams
        folder = self._folder.path / "steps"
        folders = log_folders(folder, len(streams))
        with naming(folder):
            return [
                ReplayLog(folder, stream, len(streams))
                for folder, stream in zip(folders, streams, strict=True)
            ]

    def _report(self, error: OSError) -> None:
        failure = f"cannot write the checkpoint {self._folder.path} {explain(error)}"
        if failure != self._failure:
            logger.error("%s; the run goes on, and tries again later", failure)
        self._failure = failure


def _is_finite(state: Any) -> bool:
    """Whether no array in a state holds infinity or NaN."""
    if isinstance(state, np.ndarray):
        return state.dtype.kind != "f" or bool(np.isfinite(state).all())
    if isinstance(state, dict):
        return all(map(_is_finite, state.values()))
    return not isinstance(state, list | tuple) or all(map(_is_finite, state))

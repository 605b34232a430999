"""Scores, ε, Q-values, costs and speed for TensorBoard: an event file, written between phases.

Everything in it follows from the rows of the CSV files, so that a run that resumes from an older
checkpoint appends to what belongs to the rows it still has, and drops what followed.
"""

import csv
import io
import logging
import math
import os
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dqn.errors import UserError, explain
from dqn.machine.files import make_writable_folder, naming, no_link, rename_aside

logger = logging.getLogger(__name__)

Row = dict[str, str]

NAME = "events.out.tfevents"
# What the first record of every event file says
VERSION = "brain.Event:2"
SHOWN = ("train", "test")  # the random phase would be single points, before all others
# Columns of the phases, and what TensorBoard calls them under the name of the phase
PHASE_TAGS = {
    "average_reward": "mean_score",
    "min_game_reward": "lowest_score",
    "max_game_reward": "highest_score",
    "nr_games": "games",
    "last_exploration_rate": "epsilon",
    "meanq": "mean_q",
    "meancost": "mean_cost",
    "steps_per_second": "steps_per_second",
}
TRAIN_ONLY = ("meancost",)  # 0 in other phases
GAME_TAGS = {"score": "score", "steps": "steps"}


class TensorBoard:
    """An event file in `folder`, continued after the rows that a run has already.

    Phases stand at the training steps so far; games at the steps of all games of their kind of
    phase. Raises UserError if tensorboardX is missing, or the folder cannot be written.
    """

    def __init__(self, folder: Path):
        self._records = _Records()
        make_writable_folder(folder)
        self._folder = folder
        self._played: dict[str, int] = {}  # phase → steps of its games so far
        self._pending = b""
        self._path: Path | None = None
        self._failure: str | None = None

    def open(self, phases: bytes, games: bytes, is_resumed: bool) -> None:
        """Begin a file, or continue that of the resumed run that has these rows, as CSV.

        The folder of an older run is moved aside. Raises UserError.
        """
        self._played.clear()
        older = sorted(self._folder.glob(f"{NAME}.*"))
        if older and not is_resumed:
            with naming(self._folder):
                rename_aside(self._folder)
            make_writable_folder(self._folder)
        path = older[-1] if older and is_resumed else self._new_path()
        start = _start_of(path)
        content = self._records.version(start)
        for phase, of_phase in _by_phase(phases, games):
            content += self._events(phase, of_phase, start)
        try:
            self._bring_to(path, content)
        except OSError as error:
            raise UserError(f"cannot write {path} {explain(error)}") from error
        self._path = path

    def write(self, phases: bytes, games: bytes) -> None:
        """Append the last phase of these rows, and its games. A failure is logged."""
        assert self._path, "it was not opened"
        *_, (phase, of_phase) = _by_phase(phases, games)
        self._pending += self._events(phase, of_phase, _start_of(self._path))
        try:
            with open(self._path, "ab", opener=no_link) as file:
                length = file.tell()
                try:
                    file.write(self._pending)
                    file.flush()
                except OSError:
                    os.truncate(self._path, length)
                    raise
        except OSError as error:
            failure = f"cannot write {self._path} {explain(error)}"
            if failure != self._failure:
                logger.error("%s; it is tried again after the next phase", failure)
            self._failure = failure
        else:
            self._pending = b""
            self._failure = None

    def _bring_to(self, path: Path, content: bytes) -> None:
        """Have the file hold `content`, and what equals it already stay as it is."""
        with open(path, "a+b", opener=no_link) as file:
            file.seek(0)
            found = file.read()
            if found.startswith(content):
                if len(found) > len(content):
                    file.truncate(len(content))
            elif content.startswith(found):
                file.write(content[len(found) :])
            else:  # it was changed, or is of other rows: the whole of it is written anew
                file.truncate(0)
                file.write(content)

    def _events(self, phase: Row, games: list[Row], start: float) -> bytes:
        """The records of a phase and its games."""
        if phase["phase"] not in SHOWN:
            return b""
        name, step = phase["phase"], int(float(phase["total_train_steps"]))
        when = start + float(phase["total_time"])
        scalars = [
            (f"{name}/{tag}", float(phase[column]))
            for column, tag in PHASE_TAGS.items()
            if name == "train" or column not in TRAIN_ONLY
        ]
        records = self._records.scalars(scalars, step, when)
        played = self._played.get(name, 0)
        for game in games:
            played += int(float(game["steps"]))
            values = [(f"{name}_games/{tag}", float(game[c])) for c, tag in GAME_TAGS.items()]
            records += self._records.scalars(values, played, when)
        self._played[name] = played
        return records

    def _new_path(self) -> Path:
        return self._folder / f"{NAME}.{int(time.time())}.{self._folder.name}"


class _Records:
    """Encodes events as TensorBoard reads them; raises UserError without tensorboardX."""

    def __init__(self) -> None:
        try:
            from tensorboardX.proto import event_pb2, summary_pb2
            from tensorboardX.record_writer import masked_crc32c
        except ImportError as error:
            raise UserError(
                "this Python has no tensorboardX: install it (pip install -r "
                "requirements-tensorboard.txt), or leave --tensorboard out"
            ) from error
        self._event: Any = event_pb2.Event
        self._summary: Any = summary_pb2.Summary
        self._checksum = masked_crc32c

    def version(self, when: float) -> bytes:
        """The record that a file begins with."""
        return self._record(self._event(wall_time=when, file_version=VERSION))

    def scalars(self, values: Iterable[tuple[str, float]], step: int, when: float) -> bytes:
        """A record of some numbers at a step; those that are not finite are left out."""
        numbers = [
            self._summary.Value(tag=tag, simple_value=value)
            for tag, value in values
            if math.isfinite(value)
        ]
        if not numbers:
            return b""
        summary = self._summary(value=numbers)
        return self._record(self._event(wall_time=when, step=step, summary=summary))

    def _record(self, event: Any) -> bytes:
        """Length, its checksum, data, and their checksum, as in a TFRecord."""
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        checksums = (struct.pack("<I", self._checksum(part)) for part in (length, data))
        return length + next(checksums) + data + next(checksums)


def _by_phase(phases: bytes, games: bytes) -> Iterator[tuple[Row, list[Row]]]:
    """Each phase with its games; rows are in the order in which they were written."""
    left = list(csv.DictReader(io.StringIO(games.decode())))
    place = 0
    for phase in csv.DictReader(io.StringIO(phases.decode())):
        key = phase["epoch"], phase["phase"]
        first = place
        while place < len(left) and (left[place]["epoch"], left[place]["phase"]) == key:
            place += 1
        yield phase, left[first:place]


def _start_of(path: Path) -> float:
    """When the file was begun, by its name."""
    number = path.name.removeprefix(f"{NAME}.").partition(".")[0]
    return float(number) if number.isdigit() else 0.0

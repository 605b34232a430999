"""The replay memory on disk: every step is appended once, so that a checkpoint has little to write.

The steps lie in segments, files named after the number of their first step. Nothing that an earlier
checkpoint needs is ever written over: a ring on disk would lose it.
"""

import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dqn.errors import UserError
from dqn.machine.files import make_writable_folder, no_link, sync
from dqn.machine.state_values import take_integer, take_integers, take_list
from dqn.replay.stream import ReplayStream

SEGMENT_BYTES = 64 * 2**20
CHUNK_BYTES = 4 * 2**20  # appended at a time: what a checkpoint may still have to write


@dataclass
class Segment:
    """`count` steps from step number `first` on, and the CRC-32 of their bytes."""

    first: int
    count: int
    crc: int

    @property
    def stop(self) -> int:
        return self.first + self.count


def log_folders(folder: Path, num_logs: int) -> list[Path]:
    """The folders of a memory's logs: one of their own for each if there are several."""
    return [folder] if num_logs == 1 else [folder / str(i) for i in range(num_logs)]


def has_steps(folder: Path, states: Any) -> bool:
    """Whether all segments are whole that logs need which are to go on with `states`.

    What is no state of a log is not looked at; OSError passes through.
    """
    if not isinstance(states, list):
        return True
    return all(
        _is_whole(_segment_path(log_folder, first), entry_bytes * count, crc)
        for log_folder, state in zip(log_folders(folder, len(states)), states, strict=True)
        for first, count, crc, entry_bytes in _needed_segments(state)
    )


def _needed_segments(state: Any) -> Iterator[tuple[int, int, int, int]]:
    match state:
        case {"entry_bytes": int(entry_bytes), "segments": [*segments]}:
            for segment in segments:
                match segment:
                    case {"first": int(first), "count": int(count), "crc": int(crc)}:
                        yield first, count, crc, entry_bytes


def _is_whole(path: Path, size: int, crc: int) -> bool:
    """Whether the first `size` bytes of a file are there and have this CRC-32."""
    if not path.is_file() or path.stat().st_size < size:
        return False
    found = 0
    with open(path, "rb") as file:
        for start in range(0, size, CHUNK_BYTES):
            found = zlib.crc32(file.read(min(CHUNK_BYTES, size - start)), found)
    return found == crc


def _segment_path(folder: Path, first: int) -> Path:
    return folder / f"{int(first):012d}.steps"


class ReplayLog:
    """Appends what is added to `stream` to the segments in `folder`, which it makes.

    It is one of `num_logs`: all together append as much at a time as one alone. `on_step` is to be
    called after every step, or at least once in `stream.size` of them. OSError (a full disk, say)
    passes through every method; nothing is lost by it, and the next call tries again.
    """

    def __init__(self, folder: Path, stream: ReplayStream, num_logs: int = 1):
        make_writable_folder(folder)
        sync(folder)  # `flush` will: better to fail now
        self._folder = folder
        self._stream = stream
        self.entry_bytes = stream.entry_dtype.itemsize
        self.segment_steps = max(1, SEGMENT_BYTES // num_logs // self.entry_bytes)
        chunk_steps = CHUNK_BYTES // num_logs // self.entry_bytes
        self._chunk_steps = max(1, min(chunk_steps, stream.size))
        self._segments: list[Segment] = []
        self._written = 0  # the number of the next step to append
        self._syncs: list[tuple[int, Future[None]]] = []  # with the number of the segment
        self._sync_thread = ThreadPoolExecutor(1, "replay log")

    @property
    def is_due(self) -> bool:
        """Whether there are enough steps to append."""
        return self._stream.added - self._written >= self._chunk_steps

    def on_step(self) -> None:
        """Append the newest steps once there are enough of them."""
        if self.is_due:
            self._append()

    def flush(self) -> None:
        """Append what is missing; when this returns, all of it is on the disk."""
        for segment in self._segments:
            if not self._is_there(segment):
                self._forget(segment.first)
                break
        self._append()
        self._wait()
        sync(self._folder)

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps of the segments, after `flush`."""
        oldest = self._stream.added - len(self._stream)
        segments = [asdict(segment) for segment in self._segments if segment.stop > oldest]
        return {
            "added": self._stream.added,
            "segments": segments,
            "entry_bytes": self.entry_bytes,
            # A step may be on disk, and in an earlier checkpoint, before the stream is cut there.
            "cuts": [number for number in self._stream.cuts if number >= oldest],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Fill the stream as it was, from the disk; raises UserError if a segment is damaged."""
        try:
            added = take_integer(state, "added")
            self._segments = [
                Segment(*(take_integer(segment, name) for name in ("first", "count", "crc")))
                for segment in take_list(state, "segments")
            ]
            cuts = take_integers(state, "cuts") if "cuts" in state else []
        except (LookupError, ValueError) as error:
            raise self._damaged() from error
        start = max(0, added - self._stream.size)
        self._written = added
        for segment in self._segments:
            entries = self._read(segment)
            first = max(start, segment.first)
            if first > start and first != self._stream.added:
                break
            self._stream.restore(first, entries[first - segment.first :], cuts)
        if self._stream.added != added:
            raise self._damaged()

    def prune(self, state: dict[str, Any]) -> None:
        """Delete the segments that are older than those in `state`, an older `get_state`."""
        oldest = min((segment["first"] for segment in state["segments"]), default=0)
        for path in self._folder.glob("*.steps"):
            if path.stem.isdecimal() and int(path.stem) < oldest and path.is_file():
                path.unlink()
        self._segments = [segment for segment in self._segments if segment.first >= oldest]

    def _append(self) -> None:
        if self._segments and not self._is_there(self._segments[-1]):
            self._forget(self._segments[-1].first)
        # What left the stream before it could be written is lost, and needed by no checkpoint.
        self._written = max(self._written, self._stream.added - self._stream.size)
        while self._written < self._stream.added:
            segment = self._open_segment()
            room = self.segment_steps - segment.count
            count = min(self._stream.added - self._written, self._chunk_steps, room)
            data = self._stream.read(self._written, self._written + count).tobytes()
            path = _segment_path(self._folder, segment.first)
            # A failed write, or a run that was killed, may have left something after `count`.
            self._folder.mkdir(parents=True, exist_ok=True)
            mode = "r+b" if path.exists() else "wb"
            with open(path, mode, opener=no_link) as file:
                file.seek(segment.count * self.entry_bytes)
                file.write(data)
            # In another thread, little by little, so that a checkpoint need not wait for it
            self._syncs.append((segment.first, self._sync_thread.submit(sync, path)))
            segment.crc = zlib.crc32(data, segment.crc)
            segment.count += count
            self._written += count

    def _open_segment(self) -> Segment:
        """The segment that the next step belongs into."""
        last = self._segments[-1] if self._segments else None
        if last is None or last.stop != self._written or last.count == self.segment_steps:
            self._segments.append(Segment(self._written, 0, 0))
        return self._segments[-1]

    def _wait(self) -> None:
        syncs, self._syncs = self._syncs, []
        for number, result in syncs:
            try:
                result.result()
            except OSError:
                self._forget(number)  # nobody knows what reached the disk
                raise

    def _is_there(self, segment: Segment) -> bool:
        """Whether nobody deleted or cut a segment."""
        path = _segment_path(self._folder, segment.first)
        return path.is_file() and path.stat().st_size >= segment.count * self.entry_bytes

    def _forget(self, first: int) -> None:
        """Write the steps again from the segment that begins with number `first` on."""
        self._segments = [segment for segment in self._segments if segment.first < first]
        self._written = min(self._written, first)

    def _read(self, segment: Segment) -> np.ndarray:
        path = _segment_path(self._folder, segment.first)
        size = segment.count * self.entry_bytes
        if not path.is_file() or path.stat().st_size < size:
            raise self._damaged()
        with open(path, "rb") as file:
            data = file.read(size)
        if zlib.crc32(data) != segment.crc:
            raise self._damaged()
        return np.frombuffer(data, self._stream.entry_dtype)

    def _damaged(self) -> UserError:
        return UserError(
            f"the steps in {self._folder} are damaged or of another run: --restart begins anew"
        )

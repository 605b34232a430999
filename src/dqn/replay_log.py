"""The replay memory on disk: every step is appended once, so that a checkpoint has little to write.

The steps lie in segments, files named after the number of their first step. Nothing that an earlier
checkpoint needs is ever written over: a ring on disk would lose it.
"""

import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dqn.errors import UserError
from dqn.files import make_writable_folder, no_link, sync
from dqn.replay_memory import ReplayStream
from dqn.state_values import take_integer, take_list

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
        self._syncs: list[tuple[int, Future]] = []  # with the number of the segment
        self._sync_thread = ThreadPoolExecutor(1, "replay log")

    def on_step(self) -> None:
        """Append the newest steps once there are enough of them."""
        if self._stream.added - self._written >= self._chunk_steps:
            self._append()

    def flush(self) -> None:
        """Append what is missing; when this returns, all of it is on the disk."""
        self._append()
        self._wait()
        sync(self._folder)

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps of the segments, after `flush`."""
        oldest = self._stream.added - len(self._stream)
        segments = [asdict(segment) for segment in self._segments if segment.stop > oldest]
        return {"added": self._stream.added, "segments": segments}

    def set_state(self, state: dict[str, Any]) -> None:
        """Fill the stream as it was, from the disk; raises UserError if a segment is damaged."""
        try:
            added = take_integer(state, "added")
            self._segments = [
                Segment(*(take_integer(segment, name) for name in ("first", "count", "crc")))
                for segment in take_list(state, "segments")
            ]
        except (LookupError, ValueError) as error:
            raise self._damaged() from error
        start = max(0, added - self._stream.size)
        self._written = added
        for segment in self._segments:
            entries = self._read(segment)
            first = max(start, segment.first)
            if first > start and first != self._stream.added:
                break
            self._stream.restore(first, entries[first - segment.first :])
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
        # What left the stream before it could be written is lost, and needed by no checkpoint.
        self._written = max(self._written, self._stream.added - self._stream.size)
        while self._written < self._stream.added:
            segment = self._open_segment()
            room = self.segment_steps - segment.count
            count = min(self._stream.added - self._written, self._chunk_steps, room)
            data = self._stream.read(self._written, self._written + count).tobytes()
            path = self._path(segment)
            # A failed write, or a run that was killed, may have left something after `count`.
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
                # Nobody knows what reached the disk: write it again from this segment on.
                self._segments = [s for s in self._segments if s.first < number]
                self._written = min(self._written, number)
                raise

    def _path(self, segment: Segment) -> Path:
        return self._folder / f"{int(segment.first):012d}.steps"

    def _read(self, segment: Segment) -> np.ndarray:
        path = self._path(segment)
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

"""The pace of the frames: true speed, slower and faster."""

import time
from collections.abc import Callable

SPEEDS = (0.125, 0.25, 0.5, 1, 2, 4, 8)
# What a game that is later than this has missed is not made up for.
MAX_DELAY = 0.1  # seconds


class Pace:
    """When each frame is due: `frame_rate` a second at speed 1."""

    def __init__(self, frame_rate: int, clock: Callable[[], float] = time.perf_counter):
        self._frame_rate = frame_rate
        self._clock = clock
        self._index = SPEEDS.index(1)
        self._frames = 0
        self._due = clock()
        self._shown = -MAX_DELAY

    @property
    def speed(self) -> float:
        """The speed, 1 for that of the machine of old."""
        return SPEEDS[self._index]

    def slower(self) -> None:
        """Halve the speed, unless it is the lowest."""
        self._index = max(self._index - 1, 0)

    def faster(self) -> None:
        """Double the speed, unless it is the highest."""
        self._index = min(self._index + 1, len(SPEEDS) - 1)

    def restart(self) -> None:
        """Go on after a pause."""
        self._due = self._clock()

    def next_frame(self) -> None:
        """Turn to the next frame."""
        self._frames += 1
        self._due += 1 / (self._frame_rate * self.speed)
        if self._due < self._clock() - MAX_DELAY:
            self._due = self._clock()

    @property
    def seconds_left(self) -> float:
        """Seconds until the frame is due; negative if it is late."""
        return self._due - self._clock()

    def shows_frame(self) -> bool:
        """Whether the frame is to be shown, asked once for each.

        At most `frame_rate` a second are. Late ones are left out, to catch up, but a few.
        """
        now = self._clock()
        if now - self._shown < MAX_DELAY and (
            self._frames % max(1, self.speed) or now - self._due > 1 / self._frame_rate
        ):
            return False
        self._shown = now
        return True

"""How long a run will take, by the speed of its phases so far."""

import time
from collections import Counter, defaultdict

from dqn.actors.events import Step


class Forecast:
    """Listens to the steps that this process makes, and measures each kind of phase.

    The work of a phase is counted in steps, or in games if that is its `unit`.
    """

    def __init__(self) -> None:
        self._work: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def begin(self, phase: str, unit: str) -> None:
        """Measure the steps of a phase from now on."""
        self._phase = phase
        self._counts_games = unit == "game"
        self._last = time.perf_counter()

    def on_step(self, step: Step) -> None:
        """Count one step of each actor that took part."""
        now = time.perf_counter()
        self._seconds[self._phase] += now - self._last
        self._last = now
        self._work[self._phase] += len(step.games if self._counts_games else step.actions)

    def seconds_of(self, phase: str) -> float:
        """How long phases of this kind have been measured."""
        return self._seconds[phase]

    def seconds_left(self, work: dict[str, int]) -> float | None:
        """How long so much `work` in each kind of phase takes; None if one was not measured."""
        total = 0.0
        for phase, amount in work.items():
            if amount and not self._work[phase]:
                return None
            if amount:
                total += amount * self._seconds[phase] / self._work[phase]
        return total

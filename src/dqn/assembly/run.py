"""The parts of a run, ready to be opened, started and closed."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass

from dqn.actors.create import ActorProcesses
from dqn.checkpoints.checkpointer import Checkpointer
from dqn.experiment import Experiment
from dqn.machine.interruption import Interruption
from dqn.player.player import Player
from dqn.player.spectator import Spectator
from dqn.recording.episodes import EpisodeRecording
from dqn.recording.games import GameRecording
from dqn.results.episodes import EpisodeStatistics
from dqn.results.statistics import Statistics
from dqn.snapshots.saver import SnapshotSaver


@dataclass
class Run:
    """The parts of a run that somebody has to open, start or close."""

    actors: ActorProcesses
    statistics: Statistics
    experiment: Experiment
    saver: SnapshotSaver | None = None
    checkpointer: Checkpointer | None = None
    recording: GameRecording | None = None
    episodes: Sequence[EpisodeRecording | EpisodeStatistics] | None = None
    player: Player | None = None
    spectator: Spectator | None = None

    @property
    def watchers(self) -> list[AbstractContextManager[object]]:
        """What looks on while the run is under way."""
        parts = [self.recording, self.player or self.spectator, *(self.episodes or ())]
        return [part for part in parts if part]

    @contextmanager
    def in_use(self, interruption: Interruption) -> Iterator[None]:
        """Let its parts work, and signals interrupt it; in the end all of them are closed."""
        with ExitStack() as stack:
            stack.enter_context(closing(self.actors))
            stack.enter_context(closing(self.statistics))
            stack.enter_context(interruption)
            for watcher in self.watchers:
                stack.enter_context(watcher)
            yield

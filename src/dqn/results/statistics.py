"""Statistics of each phase: what the CSV files, the log and a test's result say."""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dqn.actors.events import FinishedGame, Step
from dqn.agent import Agent, Tester
from dqn.machine.files import make_writable_folder
from dqn.machine.state_values import (
    take,
    take_array,
    take_integer,
    take_list,
    take_number,
    take_numbers,
    take_text,
)
from dqn.networks.deepqnetwork import DeepQNetwork
from dqn.replay.memory import ReplayMemory
from dqn.results.csv_file import CsvFile, check_state
from dqn.results.tensorboard import TensorBoard

logger = logging.getLogger(__name__)

PHASE_COLUMNS = (
    "epoch",
    "phase",
    "steps",
    "nr_games",
    "average_reward",
    "min_game_reward",
    "max_game_reward",
    "last_exploration_rate",
    "total_train_steps",
    "replay_memory_count",
    "meanq",
    "meancost",
    "weight_updates",
    "total_time",
    "epoch_time",
    "steps_per_second",
)
GAME_COLUMNS = ("epoch", "phase", "score", "steps", "frames", "seconds")


@dataclass(frozen=True)
class Scores:
    """The unclipped scores of the games that ended in a phase; NaN where there was none."""

    games: int
    mean: float
    standard_deviation: float  # of these games, not of their mean
    minimum: float
    maximum: float

    def __str__(self) -> str:
        return (
            f"games: {self.games}, mean: {self.mean:.2f} ± {self.standard_deviation:.2f}, "
            f"minimum: {self.minimum:g}, maximum: {self.maximum:g}"
        )

    @classmethod
    def of(cls, scores: Iterable[float]) -> "Scores":
        array = np.array(list(scores))
        if len(array) == 0:
            return cls(0, np.nan, np.nan, np.nan, np.nan)
        return cls(len(array), array.mean(), array.std(), array.min(), array.max())


class Statistics:
    """Listens to the steps of each phase, and writes a row when the phase ends.

    `csv_file` (None: no files) gets a row for each phase, with the columns of the original
    simple_dqn, and `<csv_file without .csv>.games.csv` one for each finished game, from
    `open_files` on. After a `set_state`, times go on where they were: they count what was computed,
    and so do the files, once they are opened.
    What `tensorboard`, if any, shows is written whenever a phase ends.
    In training (`is_training`), a mean of nothing is 0, as in the original; otherwise it is NaN.
    Raises UserError if the folder of the files cannot be written.
    """

    def __init__(
        self,
        agent: Agent | Tester,
        network: DeepQNetwork | None,
        memory: ReplayMemory | None,
        csv_file: Path | None,
        num_actors: int = 1,
        is_training: bool = True,
        tensorboard: TensorBoard | None = None,
    ):
        self._agent = agent
        self._network = network
        self._memory = memory
        self._csv_file = csv_file
        if csv_file:
            make_writable_folder(csv_file.parent)
        self._is_training = is_training
        self._tensorboard = tensorboard
        self._phases: CsvFile | None = None
        self._games: CsvFile | None = None
        self._scores: list[float] = []
        self._file_states: Sequence[dict[str, Any] | None] = [None, None]
        self._validation_states: np.ndarray | None = None
        self._start_time = time.perf_counter()
        # Seconds that the training games had been played when their phase ended
        self._unfinished_seconds = [0.0] * num_actors
        self.start_phase(0, "random")

    def open_files(self) -> None:
        """Begin the CSV files, or continue those of the restored state; raises UserError."""
        if self._csv_file:
            games_file = self._csv_file.with_suffix(".games.csv")
            self._phases = CsvFile(self._csv_file, PHASE_COLUMNS, self._file_states[0])
            self._games = CsvFile(games_file, GAME_COLUMNS, self._file_states[1])
            if self._tensorboard:
                is_resumed = self._file_states[0] is not None
                self._tensorboard.open(self._phases.content, self._games.content, is_resumed)

    def finish(self) -> None:
        """See that no row is missing in the files; raises UserError if one cannot be written."""
        for file in (self._phases, self._games):
            if file:
                file.finish()

    def close(self) -> None:
        """Let others write the files."""
        for file in (self._phases, self._games):
            if file:
                file.close()

    @property
    def epoch(self) -> int:
        """The epoch of the phase."""
        return self._epoch

    @property
    def phase(self) -> str:
        """The phase: random, train, test or play."""
        return self._phase

    @property
    def exploration_rate(self) -> float:
        """ε of the last step; 1 before the first of the phase."""
        return self._exploration_rate

    @property
    def num_steps(self) -> int:
        """Steps of the phase so far."""
        return self._num_steps

    @property
    def num_games(self) -> int:
        """Games that ended in the phase so far."""
        return len(self._scores)

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        now = time.perf_counter()
        files = None
        if self._phases and self._games:
            files = [self._phases.get_state(), self._games.get_state()]
        return {
            "files": files,
            "validation_states": self._validation_states,
            "epoch": self._epoch,
            "phase": self._phase,
            "num_steps": self._num_steps,
            "scores": self._scores,
            "exploration_rate": self._exploration_rate,
            "costs": self._costs,
            "num_costs": self._num_costs,
            "unfinished_seconds": self._unfinished_seconds,
            "seconds": now - self._start_time,
            "phase_seconds": now - self._phase_start,
            "game_seconds": [now - start for start in self._game_starts],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned; the files are opened by `open_files`."""
        num_actors = len(self._unfinished_seconds)
        now = time.perf_counter()
        if take(state, "files") is not None:
            self._file_states = take_list(state, "files", 2)
            for file_state, columns in zip(
                self._file_states, (PHASE_COLUMNS, GAME_COLUMNS), strict=True
            ):
                check_state(file_state, columns)
        if take(state, "validation_states") is not None and self._memory:
            dtype, shape = self._memory.state_dtype, (None, *self._memory.state_shape)
            self._validation_states = take_array(state, "validation_states", dtype, shape)
        self._epoch = take_integer(state, "epoch")
        self._phase = take_text(state, "phase", ("random", "train", "test"))
        self._num_steps = take_integer(state, "num_steps")
        self._scores = take_numbers(state, "scores")
        self._exploration_rate = take_number(state, "exploration_rate")
        self._costs = take_number(state, "costs")
        self._num_costs = take_integer(state, "num_costs")
        self._unfinished_seconds = take_numbers(state, "unfinished_seconds", num_actors, 0)
        self._start_time = now - take_number(state, "seconds", 0)
        self._phase_start = now - take_number(state, "phase_seconds", 0)
        game_seconds = take_numbers(state, "game_seconds", num_actors, 0)
        self._game_starts = [now - seconds for seconds in game_seconds]

    def start_phase(self, epoch: int, phase: str) -> None:
        """Begin to count anew."""
        self._epoch = epoch
        self._phase = phase
        self._num_steps = 0
        self._scores = []
        self._exploration_rate = 1.0
        self._costs = 0.0
        self._num_costs = 0
        self._phase_start = time.perf_counter()
        self._game_starts = [self._phase_start] * len(self._unfinished_seconds)
        if phase != "test":  # a test begins with new games, other phases continue theirs
            self._game_starts = [self._phase_start - s for s in self._unfinished_seconds]

    def on_step(self, step: Step) -> None:
        """Count one step of each actor that took part."""
        self._num_steps += len(step.actions)
        self._exploration_rate = step.exploration_rate
        self._costs += sum(step.costs)
        self._num_costs += len(step.costs)
        for game in step.games:
            self._on_game(game)

    def _on_game(self, game: FinishedGame) -> None:
        now = time.perf_counter()
        self._scores.append(game.score)
        if self._games:
            seconds = f"{now - self._game_starts[game.actor]:.3f}"
            self._games.write(
                (self._epoch, self._phase, game.score, game.steps, game.frames, seconds)
            )
        self._game_starts[game.actor] = now

    def end_phase(self) -> Scores:
        """Write the phase's row and the original's summary lines, and return the scores."""
        now = time.perf_counter()
        if self._phase != "test":
            self._unfinished_seconds = [now - start for start in self._game_starts]
        seconds = now - self._phase_start
        steps_per_second = self._num_steps / seconds
        scores = Scores.of(self._scores)
        mean_cost = self._mean_cost()
        measured = {}
        if self._phases:
            mean_q = self._mean_q()
            if self._validation_states is not None:
                measured["meanq"] = mean_q
            self._phases.write(
                (
                    self._epoch,
                    self._phase,
                    self._num_steps,
                    scores.games,
                    scores.mean,
                    scores.minimum,
                    scores.maximum,
                    self._exploration_rate,
                    self._agent.total_train_steps,
                    len(self._memory) if self._memory else 0,
                    mean_q,
                    mean_cost,
                    self._network.train_iterations if self._network else 0,
                    now - self._start_time,
                    seconds,
                    steps_per_second,
                )
            )
            if self._tensorboard and self._games:
                self._tensorboard.write(self._phases.content, self._games.content)
        logger.info(
            "  num_games: %d, average_reward: %f, min_game_reward: %g, max_game_reward: %g",
            scores.games,
            scores.mean,
            scores.minimum,
            scores.maximum,
        )
        logger.info(
            "  last_exploration_rate: %f, epoch_time: %ds, steps_per_second: %d",
            self._exploration_rate,
            seconds,
            steps_per_second,
        )
        if self._num_costs:
            measured["meancost"] = mean_cost
        if measured:
            logger.info("  %s", ", ".join(f"{name}: {x:f}" for name, x in measured.items()))
        return scores

    def _mean_cost(self) -> float:
        if self._num_costs:
            return self._costs / self._num_costs
        return 0 if self._is_training else np.nan

    def _mean_q(self) -> float:
        """Mean over the validation states of the highest Q-value.

        They are one minibatch of states, kept from the end of the first phase on (Mnih et al.
        2015, figure 2).
        """
        if self._validation_states is None and self._memory and self._memory.can_sample:
            self._validation_states = self._memory.sample().states_on_host()
        if self._validation_states is None or not self._network:
            return 0.0 if self._is_training else np.nan
        return float(self._network.predict(self._validation_states).max(axis=1).mean())

"""The order of the phases: random → (train → test) × epochs → play."""

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NoReturn

from dqn.actors.events import Step
from dqn.actors.group import ActorLost
from dqn.agent import Agent, Tester
from dqn.checkpoints.checkpointer import Checkpointer
from dqn.errors import NonFiniteWeights
from dqn.machine.interruption import Interruption, Stopped
from dqn.machine.state_values import (
    take_flag,
    take_integer,
    take_number,
    take_text,
)
from dqn.machine.wording import counted, duration, size
from dqn.results.forecast import Forecast
from dqn.results.progress import Progress
from dqn.results.statistics import Scores, Statistics
from dqn.snapshots.saver import Diverged, SnapshotSaver

logger = logging.getLogger(__name__)

FORECAST_SECONDS = 60.0  # of training, by which the whole run's time is estimated
LONG_SECONDS = 3600.0  # of a run: shorter ones need no such estimate


@dataclass(frozen=True)
class Phases:
    """What a run does: random → (train → test) × epochs → play.

    A phase of 0 steps is left out. `test_games`, if not None, takes the place of `test_steps`.
    Epochs up to `start_epoch` are done. `play_games` may be infinity. Snapshots are saved after
    every epoch and, unless 0, after every `snapshot_steps` training steps within it.
    """

    random_steps: int = 50000
    train_steps: int = 250000
    test_steps: int = 125000
    test_games: int | None = None
    start_epoch: int = 0
    epochs: int = 200
    play_games: float = 0
    snapshot_steps: int = 0


class Experiment:
    """Runs the phases one after the other, each with its progress and its statistics.

    Without training, the tests are of `tested_epoch`, if not None.
    `random_exploration_rate` is the ε of the phase that fills the replay memory. The `listeners`
    are told each step; playing ends before its last game when `has_quit` says so.
    """

    def __init__(
        self,
        agent: Tester,
        statistics: Statistics,
        saver: SnapshotSaver | None,
        phases: Phases,
        *,
        random_exploration_rate: float = 1,
        tested_epoch: int | None = None,
        listeners: Sequence[Callable[[Step], None]] = (),
        has_quit: Callable[[], bool] = lambda: False,
    ):
        self._agent = agent
        self._statistics = statistics
        self._saver = saver
        self._random_steps = phases.random_steps
        self._random_exploration_rate = random_exploration_rate
        self._train_steps = phases.train_steps
        self._test_steps = phases.test_steps
        self._test_games = phases.test_games
        self._start_epoch = phases.start_epoch
        self._epochs = phases.epochs
        self._tested_epoch = tested_epoch
        self._play_games = phases.play_games
        self._snapshot_steps = phases.snapshot_steps
        self._listeners = listeners
        self._has_quit = has_quit
        self._forecast = Forecast()
        self._is_forecast_due = True
        # The phase that is under way, or comes next
        self._position = (phases.start_epoch, "random")
        self._is_begun = False

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps: where in the order of the phases the run is."""
        epoch, phase = self._position
        return {
            "start_epoch": self._start_epoch,
            "epoch": epoch,
            "phase": phase,
            "is_begun": self._is_begun,
            "random_exploration_rate": self._random_exploration_rate,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned."""
        phase = take_text(state, "phase", ("random", "train", "test"))
        self._start_epoch = take_integer(state, "start_epoch")
        self._position = (take_integer(state, "epoch"), phase)
        self._is_begun = take_flag(state, "is_begun")
        self._random_exploration_rate = take_number(state, "random_exploration_rate")

    def run(self, interruption: Interruption, checkpointer: Checkpointer | None) -> list[Scores]:
        """Run all phases that are left, and return the scores of each test and of playing.

        Raises Stopped if `interruption` asks for it, and UserError if the network diverged, or the
        last snapshot, checkpoint or row was not saved.
        """
        try:
            return self._run(interruption, checkpointer)
        except NonFiniteWeights as error:
            what = f"{error} by step {self._agent.total_train_steps}"
            raise Diverged(what, self._saver.last_good if self._saver else None) from error

    def _run(self, interruption: Interruption, checkpointer: Checkpointer | None) -> list[Scores]:
        self._interruption = interruption
        self._checkpointer = checkpointer
        is_training = self._is_begun and self._position[1] == "train"
        if self._saver and self._saver.failed_epoch is not None and not is_training:
            # The network is still that of this epoch.
            self._save(self._saver.failed_epoch)
        tests = []
        for epoch, phase in self._phases_left():
            if phase == "random":
                self._fill_memory()
            elif phase == "train":
                self._train(epoch)
                self._trainee.check()
                self._save(epoch)
            else:
                tests.append(self._test(epoch))
                if self._saver:
                    self._saver.on_test(epoch, tests[-1].mean)
            self._is_begun = False
            self._position = (epoch, "test") if phase == "train" else (epoch + 1, "train")
            if phase == self._last_phase:
                is_saved = checkpointer.save() if checkpointer else True
                # Only then: an older checkpoint goes on from an older snapshot.
                if self._saver and is_saved:
                    self._saver.prune()
                self._log_time_left(epoch)
        if self._play_games:
            tests.append(self._play())
        for part in (self._saver, checkpointer):
            if part:
                part.close()
        self._statistics.finish()
        logger.info("All done")
        return tests

    @property
    def _trainee(self) -> Agent:
        """The agent, in a phase in which it learns or remembers."""
        assert isinstance(self._agent, Agent), "only an Agent can be trained"
        return self._agent

    def _save(self, epoch: int) -> None:
        if self._saver:
            self._saver.save(epoch, self._agent.total_train_steps)

    @property
    def _tests(self) -> bool:
        return bool(self._test_games or (self._test_steps and self._test_games is None))

    @property
    def _last_phase(self) -> str:
        """The one that ends an epoch."""
        return "test" if self._tests else "train"

    def _phases_left(self) -> Iterator[tuple[int, str]]:
        """Epoch and phase from `_position` on."""
        first = self._position
        if first[1] == "random":
            if self._random_steps:
                yield first
            first = (self._start_epoch + 1, "train")
        for number in range(first[0], self._epochs + 1):
            epoch = number
            if not self._train_steps and self._tested_epoch is not None:
                epoch = self._tested_epoch
            logger.info("Epoch #%d", epoch)
            if self._train_steps and (epoch, "test") != first:
                yield epoch, "train"
            if self._tests:
                yield epoch, "test"

    def _work_left(self, epoch: int) -> dict[str, int]:
        """What is left to do in each kind of phase when `epoch` is done."""
        epochs = self._epochs - epoch
        tests = self._test_steps if self._test_games is None else self._test_games
        return {"train": epochs * self._train_steps, "test": epochs * tests}

    def _log_time_left(self, epoch: int) -> None:
        if not self._train_steps:  # the epoch of a test is that of its snapshot
            return
        seconds = self._forecast.seconds_left(self._work_left(epoch))
        if seconds:
            left = counted(self._epochs - epoch, "epoch")
            logger.info("  time left: about %s for %s", duration(seconds), left)

    def _log_forecast(self, epoch: int) -> None:
        """After a minute of training, say how long a long run takes, and how much disk."""
        if self._forecast.seconds_of("train") < FORECAST_SECONDS:
            return
        self._is_forecast_due = False
        work = self._work_left(epoch - 1)
        work["train"] -= self._statistics.num_steps
        seconds = self._forecast.seconds_left(work)
        but = ""
        if seconds is None and self._test_games is None:  # a step of a test takes about as long
            seconds = self._forecast.seconds_left({"train": sum(work.values())})
        elif seconds is None:
            seconds = self._forecast.seconds_left({"train": work["train"]})
            but = " without their tests"
        if seconds is None or seconds < LONG_SECONDS:
            return
        epochs = self._epochs - epoch + 1
        line = f"At this speed, {counted(epochs, 'epoch')} will take about {duration(seconds)}{but}"
        disk = []
        if self._checkpointer and self._checkpointer.most_bytes:
            disk.append(f"the checkpoint takes up to {size(self._checkpointer.most_bytes)}")
        if self._saver:
            one = self._saver.snapshot_bytes()
            number = self._saver.num_kept(epochs, self._snapshots_an_epoch)
            disk.append(f"the snapshots {number} × {size(one)} = {size(number * one)}")
        logger.info("%s", "; ".join([line, ", ".join(disk)] if disk else [line]))

    @property
    def _snapshots_an_epoch(self) -> int:
        """One after it, and those at all multiples of `snapshot_steps` before its end."""
        return -(-self._train_steps // self._snapshot_steps) if self._snapshot_steps else 1

    def _fill_memory(self) -> None:
        logger.info(
            "Populating replay memory with %s at exploration rate %g",
            counted(self._random_steps, "move"),
            self._random_exploration_rate,
        )
        self._begin(self._start_epoch, "random")
        done = self._statistics.num_steps
        steps = self._trainee.explore(self._random_steps, self._random_exploration_rate, done)
        self._run_phase(steps, self._random_steps, "step", done)

    def _train(self, epoch: int) -> None:
        logger.info(" Training for %s", counted(self._train_steps, "step"))
        self._begin(epoch, "train")
        done = self._statistics.num_steps
        steps = self._watch_loss(self._trainee.train(self._train_steps, done))
        if self._saver and self._snapshot_steps:
            steps = self._save_within(steps, epoch, done, self._saver)
        self._run_phase(steps, self._train_steps, "step", done)

    def _test(self, epoch: int) -> Scores:
        self._begin(epoch, "test")
        done, finished = self._statistics.num_steps, self._statistics.num_games
        if self._test_games is not None:
            logger.info(" Testing for %s", counted(self._test_games, "game"))
            steps = self._agent.test_games(self._test_games, done, finished)
            return self._run_phase(steps, self._test_games, "game", finished)
        logger.info(" Testing for %s", counted(self._test_steps, "step"))
        steps = self._agent.test(self._test_steps, done)
        return self._run_phase(steps, self._test_steps, "step", done)

    def _play(self) -> Scores:
        games = None if self._play_games == math.inf else int(self._play_games)
        how_long = "until you quit" if games is None else f"for {counted(games, 'game')}"
        logger.info("Playing %s", how_long)
        self._begin(0, "play")
        steps = self._until_quit(self._agent.test_games(self._play_games))
        return self._run_phase(steps, games, "game", 0)

    def _until_quit(self, steps: Iterable[Step]) -> Iterator[Step]:
        for step in steps:
            yield step
            if self._has_quit():
                return

    def _begin(self, epoch: int, phase: str) -> None:
        """Begin a phase, unless a checkpoint was made in it."""
        # With other options, the phase in which it was made may be left out now.
        if not self._is_begun or self._position != (epoch, phase):
            self._statistics.start_phase(epoch, phase)
        self._is_begun = True
        self._position = (epoch, phase)

    def _run_phase(self, steps: Iterable[Step], total: int | None, unit: str, done: int) -> Scores:
        """The scores of a phase; one without a `total` goes on for ever, and shows no progress."""
        epoch, phase = self._position
        description = f"epoch {epoch} {phase}"
        self._forecast.begin(phase, unit)
        with Progress(description, total, unit, done) if total else nullcontext() as progress:
            try:
                for step in steps:
                    self._statistics.on_step(step)
                    if progress:
                        progress.on_step(step)
                    self._forecast.on_step(step)
                    if phase == "train" and self._is_forecast_due:
                        self._log_forecast(epoch)
                    for listen in self._listeners:
                        listen(step)
                    if self._checkpointer:
                        self._checkpointer.on_step(len(step.actions))
                    if self._interruption.status is not None:
                        self._stop(self._interruption.status)
            except ActorLost:
                if self._checkpointer:
                    self._checkpointer.save()
                raise
        return self._statistics.end_phase()

    def _stop(self, status: int) -> NoReturn:
        if self._checkpointer:
            logger.info("Stopping: making a checkpoint")
            self._checkpointer.save()
            self._checkpointer.close()
            logger.info("The same command resumes from it")
        self._agent.check_actors()
        raise Stopped(status)

    def _watch_loss(self, steps: Iterable[Step]) -> Iterator[Step]:
        """The same steps, until the loss is not finite: what was learned is lost then."""
        for step in steps:
            if not all(map(math.isfinite, step.costs)):
                what = f"the loss became {step.costs[-1]} at step {self._agent.total_train_steps}"
                raise Diverged(what, self._saver.last_good if self._saver else None)
            yield step

    def _save_within(
        self, steps: Iterable[Step], epoch: int, done: int, saver: SnapshotSaver
    ) -> Iterator[Step]:
        """The same steps, with a snapshot at each multiple of `snapshot_steps`, or right after it.

        It is saved before anything else hears of the step, so that a checkpoint knows of it.
        """
        for step in steps:
            before, done = done, done + len(step.actions)
            is_due = done // self._snapshot_steps > before // self._snapshot_steps
            if is_due and done < self._train_steps:  # the last one is that of the epoch
                self._trainee.check()
                saver.save_within(epoch, done, self._agent.total_train_steps)
            yield step

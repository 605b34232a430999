"""The order of the phases: random → (train → test) × epochs."""

import dataclasses
import logging
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from dqn.agent import Agent, Step
from dqn.errors import UserError
from dqn.files import make_writable_folder, move_aside
from dqn.networks.deepqnetwork import DeepQNetwork
from dqn.progress import Progress
from dqn.snapshot import Metadata, NonFiniteWeights, Snapshot, save_snapshot
from dqn.statistics import Scores, Statistics

logger = logging.getLogger(__name__)


class SnapshotSaver:
    """Saves the network as `<prefix>_<epoch>.pkl`, in the folder of the prefix, which it makes.

    `metadata` says what the network was trained on; epoch and steps are filled in. `last_good` is
    the last snapshot with finite weights: at first the one that was loaded, if any. A save that
    fails for want of space is logged, and training goes on to the next one.
    Raises UserError if the folder cannot be written.
    """

    def __init__(
        self,
        prefix: Path,
        network: DeepQNetwork,
        agent: Agent,
        metadata: Metadata,
        last_good: Path | None,
    ):
        make_writable_folder(prefix.parent)
        self._prefix = prefix
        self._network = network
        self._agent = agent
        self._metadata = metadata
        self._failure: str | None = None
        self.last_good = last_good

    def save(self, epoch: int) -> None:
        """Save the snapshot of `epoch`; raises UserError if a weight is not a finite number."""
        path = self._prefix.with_name(f"{self._prefix.name}_{epoch}.pkl")
        logger.info("Saving weights to %s", path)
        metadata = dataclasses.replace(
            self._metadata,
            epoch=epoch,
            train_steps=self._agent.total_train_steps,
            weight_updates=self._network.train_iterations,
        )
        try:
            move_aside(path)
            layers = self._network.get_layers()
            save_snapshot(Snapshot(layers, metadata.input_shape, metadata), path)
        except NonFiniteWeights as error:
            raise _diverged(f"the weights diverged in epoch {epoch}", self.last_good) from error
        except OSError as error:
            self._failure = f"cannot save {path} ({error.strerror}): free some disk space"
            logger.error("%s; the next epoch will be saved anew", self._failure)
        else:
            self._failure = None
            self.last_good = path

    def close(self) -> None:
        """Raises UserError if the last save failed."""
        if self._failure:
            raise UserError(self._failure)


class Experiment:
    """Runs the phases one after the other, each with its progress and its statistics.

    A phase of 0 steps is left out. `test_games`, if not None, takes the place of `test_steps`.
    `random_exploration_rate` is the ε of the phase that fills the replay memory.
    """

    def __init__(
        self,
        agent: Agent,
        statistics: Statistics,
        saver: SnapshotSaver | None,
        *,
        random_steps: int,
        random_exploration_rate: float,
        train_steps: int,
        test_steps: int,
        test_games: int | None,
        start_epoch: int,
        epochs: int,
    ):
        self._agent = agent
        self._statistics = statistics
        self._saver = saver
        self._random_steps = random_steps
        self._random_exploration_rate = random_exploration_rate
        self._train_steps = train_steps
        self._test_steps = test_steps
        self._test_games = test_games
        self._start_epoch = start_epoch
        self._epochs = epochs

    def run(self) -> list[Scores]:
        """Run all phases, and return the scores of each test.

        Raises UserError if the loss is no longer a number, or the last snapshot was not saved.
        """
        if self._random_steps:
            self._fill_memory()
        tests = []
        for epoch in range(self._start_epoch + 1, self._epochs + 1):
            logger.info("Epoch #%d", epoch)
            if self._train_steps:
                self._train(epoch)
                if self._saver:
                    self._saver.save(epoch)
            if self._test_games or (self._test_steps and self._test_games is None):
                tests.append(self._test(epoch))
        if self._saver:
            self._saver.close()
        logger.info("All done")
        return tests

    def _fill_memory(self) -> None:
        logger.info(
            "Populating replay memory with %d moves at exploration rate %g",
            self._random_steps,
            self._random_exploration_rate,
        )
        steps = self._agent.explore(self._random_steps, self._random_exploration_rate)
        self._run_phase(self._start_epoch, "random", steps, self._random_steps, "step")

    def _train(self, epoch: int) -> None:
        logger.info(" Training for %d steps", self._train_steps)
        steps = self._watch_loss(self._agent.train(self._train_steps))
        self._run_phase(epoch, "train", steps, self._train_steps, "step")

    def _test(self, epoch: int) -> Scores:
        if self._test_games is not None:
            logger.info(" Testing for %d games", self._test_games)
            steps = self._agent.test_games(self._test_games)
            return self._run_phase(epoch, "test", steps, self._test_games, "game")
        logger.info(" Testing for %d steps", self._test_steps)
        steps = self._agent.test(self._test_steps)
        return self._run_phase(epoch, "test", steps, self._test_steps, "step")

    def _run_phase(
        self, epoch: int, phase: str, steps: Iterable[Step], total: int, unit: str
    ) -> Scores:
        self._statistics.start_phase(epoch, phase)
        with Progress(f"epoch {epoch} {phase}", total, unit) as progress:
            for step in steps:
                self._statistics.on_step(step)
                progress.on_step(step)
        return self._statistics.end_phase()

    def _watch_loss(self, steps: Iterable[Step]) -> Iterator[Step]:
        """The same steps, until the loss is not finite: what was learned is lost then."""
        for step in steps:
            if not all(map(math.isfinite, step.costs)):
                what = f"the loss became {step.costs[-1]} at step {self._agent.total_train_steps}"
                raise _diverged(what, self._saver and self._saver.last_good)
            yield step


def _diverged(what: str, last_good: Path | None) -> UserError:
    return UserError(
        f"{what}: lower --learning_rate; "
        + (f"the last good snapshot is {last_good}" if last_good else "there is no good snapshot")
    )

"""Actors in several processes: the same ones, a share of them in each, stepped at the same time."""

import math
import multiprocessing
import signal
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import Array, c_uint8
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from typing import Any

import numpy as np
import numpy.typing as npt

from dqn.actors.actor import Actor
from dqn.actors.events import Transition
from dqn.actors.group import ActorLost, Actors
from dqn.actors.local import LocalActors
from dqn.errors import UserError
from dqn.machine.interruption import SIGNALS
from dqn.machine.state_values import MISFITS

MakeActor = Callable[[], Actor]

Memory = Array[c_uint8]  # that the processes share

ANSWER_SECONDS = 10  # within which a process must answer while the run is stopping


class ActorProcesses:
    """Makes groups of actors and spreads them over processes, of which this one is the first.

    `makers` has, for each group, a picklable function for each of its actors; all groups are of the
    same size. Where this process `is_busy` otherwise, it takes only one actor of each group. The
    other processes end when this one does, however it ends.
    Raises UserError if an actor cannot be made.
    """

    def __init__(
        self,
        makers: dict[str, list[MakeActor]],
        *,
        num_processes: int,
        state_shape: tuple[int, ...],
        dtype: npt.DTypeLike = np.uint8,
        is_stopping: Callable[[], bool] = lambda: False,
        is_busy: bool = False,
    ):
        self._workers: list[_Worker] = []
        try:
            self._start(makers, num_processes, state_shape, np.dtype(dtype), is_busy)
        except BaseException as error:
            for worker in self._workers:
                worker.kill()
            if isinstance(error, OSError):
                raise UserError(
                    f"cannot start {num_processes} processes ({error.strerror}): lower --actors"
                ) from error
            raise
        self._is_closed = threading.Event()
        if self._workers:
            watched = weakref.WeakSet(self._workers)  # they end with the last one who needs them
            arguments = (watched, is_stopping, self._is_closed)
            threading.Thread(target=_watch, args=arguments, daemon=True).start()

    def _start(
        self,
        makers: dict[str, list[MakeActor]],
        num_processes: int,
        state_shape: tuple[int, ...],
        dtype: np.dtype,
        is_busy: bool,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        shape = (len(next(iter(makers.values()))), *state_shape)
        num_bytes = math.prod(shape) * dtype.itemsize
        memory = {
            group: (context.RawArray(c_uint8, num_bytes), context.RawArray(c_uint8, shape[0]))
            for group in makers
        }
        arrays = {group: _as_arrays(*memory[group], shape, dtype) for group in makers}
        shares = np.array_split(range(shape[0]), num_processes)
        if is_busy and num_processes > 1:
            shares = [shares[0][:1], *np.array_split(range(1, shape[0]), num_processes - 1)]
        # A signal that stops this process is none of the others' business: a terminal and a
        # cluster send it to them, too. They start with these signals blocked, for which the
        # resource tracker must run already: Python unblocks some of them when it starts that.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            for share in shares[1:]:
                ours = {group: makers[group][share[0] : share[-1] + 1] for group in makers}
                self._workers.append(_Worker(context, ours, memory, shape, dtype, share))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        size = len(shares[0])
        self.groups: dict[str, Actors] = {}
        self._local_groups: list[LocalActors] = []
        for group in makers:
            actors = [make() for make in makers[group][:size]]
            local = LocalActors(actors, *(array[:size] for array in arrays[group]))
            self._local_groups.append(local)
            self.groups[group] = ActorsInProcesses(group, local, self._workers, *arrays[group])
        for worker in self._workers:
            worker.receive()  # it is ready
            worker.check()

    def close(self) -> None:
        """End the processes, and let the games go."""
        self._is_closed.set()
        for group in self._local_groups:
            group.close()
        for worker in self._workers:
            worker.disconnect()
        for worker in self._workers:
            worker.join()


class ActorsInProcesses(Actors):
    """One group of actors, a share of them in each process."""

    def __init__(
        self,
        name: str,
        local: LocalActors,
        workers: list["_Worker"],
        states: np.ndarray,
        ready: np.ndarray,
    ):
        self._name = name
        self._local = local
        self._workers = workers
        self.states = states
        self.ready = ready

    @property
    def first(self) -> Actor:
        return self._local.first

    def start(self) -> list[int]:
        results = self._call("start", [()] * (1 + len(self._workers)))
        shares = zip(self._shares(), results, strict=True)
        return [first + i for (first, _), begun in shares for i in begun or []]

    def restart(self) -> None:
        self._call("restart", [()] * (1 + len(self._workers)))

    def act(
        self,
        chosen: Sequence[int],
        actions: Sequence[int],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> list[Transition | None]:
        arguments = []
        begin = 0
        for first, size in self._shares():
            ours = [i - first for i in chosen if first <= i < first + size]
            end = begin + len(ours)
            arguments.append((ours, actions[begin:end]))
            begin = end
        results = self._call("act", arguments, meanwhile)
        return [
            transition
            for (ours, _), those in zip(arguments, results, strict=True)
            for transition in (those or [None] * len(ours))
        ]

    def get_state(self) -> list[dict[str, Any] | None]:
        results = self._call("get_state", [()] * (1 + len(self._workers)))
        return [
            state
            for (_, size), states in zip(self._shares(), results, strict=True)
            for state in (states or [None] * size)
        ]

    def set_state(self, states: Sequence[dict[str, Any] | None]) -> None:
        if len(states) != len(self):
            raise ValueError(f"{len(states)} actors instead of {len(self)}")
        self._call("set_state", [(states[first : first + n],) for first, n in self._shares()])

    def check(self) -> None:
        """Raises ActorLost if a process was lost."""
        for worker in self._workers:
            worker.check()

    def _shares(self) -> list[tuple[int, int]]:
        """First actor and number of actors in each process."""
        return [(0, len(self._local)), *((w.first, w.num_actors) for w in self._workers)]

    def _call(
        self,
        method: str,
        arguments: Sequence[tuple[Any, ...]],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> list[Any]:
        """The results of a method in each process; None where it was lost."""
        for worker, those in zip(self._workers, arguments[1:], strict=True):
            worker.send(self._name, method, those)
        meanwhile()
        first = getattr(self._local, method)(*arguments[0])
        return [first, *(worker.receive() for worker in self._workers)]


class _Worker:
    """This process's end of another one, with actors number `first` and following."""

    def __init__(
        self,
        context: SpawnContext,
        makers: dict[str, list[MakeActor]],
        memory: dict[str, tuple[Memory, Memory]],
        shape: tuple[int, ...],
        dtype: np.dtype,
        share: np.ndarray,
    ):
        self.first = int(share[0])
        self.num_actors = len(share)
        self._is_lost = False
        self._is_awaited = False
        self._silent_seconds = 0  # in which it was awaited while the run was stopping
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_work,
            args=(theirs, makers, memory, shape, dtype, self.first),
            name=_name(self.first, self.num_actors),
            daemon=True,
        )
        self._process.start()
        theirs.close()  # so that its end is noticed here

    def send(self, *message: Any) -> None:
        if self._is_lost:
            return
        try:
            with self._awaiting():  # it may take nothing any more
                self._connection.send(message)
        except OSError:
            self._is_lost = True

    def receive(self) -> Any:
        """The answer to the message before; None if the process was lost."""
        if self._is_lost:
            return None
        try:
            with self._awaiting():
                result = self._connection.recv()
        except (EOFError, OSError):
            self._is_lost = True
            return None
        if isinstance(result, Exception):
            raise result
        return result

    @contextmanager
    def _awaiting(self) -> Iterator[None]:
        self._silent_seconds = 0
        self._is_awaited = True
        yield
        self._is_awaited = False

    def count_silent_second(self) -> None:
        """Kill the process if it has been awaited for too long; called by another thread.

        Whoever waits for it then notices its end, as that of any process that is lost.
        """
        if self._is_awaited:
            self._silent_seconds += 1
            if self._silent_seconds > ANSWER_SECONDS:
                self.kill()

    def check(self) -> None:
        if self._is_lost:
            self._process.join(1)
            how = f"ended (exit code {self._process.exitcode})"
            if self._silent_seconds > ANSWER_SECONDS:
                how = f"did not answer for {ANSWER_SECONDS} s and was ended"
            raise ActorLost(
                f"the process of {self._process.name} {how}: the same command resumes from the "
                "checkpoint, if there is one, with new games in their place"
            )

    def disconnect(self) -> None:
        """Let the process end when it has done what it does."""
        self._connection.close()

    def join(self) -> None:
        """Wait until it has ended, after `disconnect`."""
        try:
            self._process.join(ANSWER_SECONDS)
        finally:  # also where Ctrl-C comes meanwhile
            self.kill()
            self._process.join()

    def kill(self) -> None:
        self._process.kill()


def _watch(
    workers: weakref.WeakSet[_Worker], is_stopping: Callable[[], bool], is_closed: threading.Event
) -> None:
    """Once a second, see whether a process keeps the run from stopping."""
    while workers and not is_closed.wait(1):
        if is_stopping():
            _count_silent_second(workers)


def _count_silent_second(workers: weakref.WeakSet[_Worker]) -> None:
    for worker in workers:
        worker.count_silent_second()


def _work(
    connection: Connection,
    makers: dict[str, list[MakeActor]],
    memory: dict[str, tuple[Memory, Memory]],
    shape: tuple[int, ...],
    dtype: np.dtype,
    first: int,
) -> None:
    """Do what the messages ask for, until there is nobody left who could send any."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    groups: dict[str, LocalActors] = {}
    try:
        for name, those in makers.items():
            arrays = _as_arrays(*memory[name], shape, dtype)
            ours = [array[first : first + len(those)] for array in arrays]
            try:
                groups[name] = LocalActors([make() for make in those], *ours)
            except UserError as error:
                connection.send(error)
                return
        connection.send(None)
        while True:
            group, method, arguments = connection.recv()
            try:
                result = getattr(groups[group], method)(*arguments)
            except (*MISFITS, UserError) as error:
                result = error  # a state that does not fit, or a game that failed
            connection.send(result)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        for actors in groups.values():  # the other process has ended
            actors.close()


def _name(first: int, number: int) -> str:
    return f"actor {first}" if number == 1 else f"the actors {first} to {first + number - 1}"


def _as_arrays(
    states: Memory, ready: Memory, shape: tuple[int, ...], dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """What the actors see, `dtype` (*shape), and which of them are ready, bool."""
    as_array = np.ctypeslib.as_array
    return as_array(states).view(dtype).reshape(shape), as_array(ready).view(bool)

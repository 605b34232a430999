"""Runs of a sweep on a Ray cluster, each a plain task that Ray starts anew where a node is lost.

A task resumes from the run's checkpoint where its node shares the project's folder. Where it does
not, the run begins anew in that node's own copy, and its statistics come back when it is done.
"""

import json
import logging
import os
import secrets
import time
from collections.abc import Mapping
from typing import Any

from dqn.errors import UserError, explain
from dqn.machine.files import atomic_write, move_aside
from dqn.machine.interruption import Interruption, uninterrupted
from dqn.sweeps import manifest
from dqn.sweeps.manifest import Run
from dqn.sweeps.progress import SweepProgress
from dqn.sweeps.sweep import FAILED, RUNNING, STOPPED, SUBMITTED, State, Sweep

logger = logging.getLogger(__name__)

MAX_RETRIES = 100  # of a run whose node was lost
TOKEN = "ray-token"  # a file by which a node knows that it shares the sweep's folder
POLL_SECONDS = 0.5
STOPPING_SECONDS = 600.0  # in which the largest checkpoint is written


class Ray:
    """Has runs run by a cluster at `address`, or by one of this machine alone that it starts."""

    def __init__(self, address: str | None):
        self._address = address

    def launch(self, sweep: Sweep, runs: list[Run]) -> int:
        ray = _import_ray()
        try:
            ray.init(
                address=self._address,
                include_dashboard=None if self._address else False,
                log_to_driver=False,
                logging_level=logging.WARNING,
                configure_logging=False,
            )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            where = f"at {self._address}" if self._address else "here"
            raise UserError(
                f"cannot use a Ray cluster {where} ({_first_line(error)}): check --ray_address, "
                "and that its nodes have this version of Ray and Python"
            ) from error
        try:
            return _launch(ray, sweep, runs)
        finally:
            ray.shutdown()


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    try:
        with uninterrupted():
            import ray
    except ImportError as error:
        raise UserError(
            "this Python has no Ray: install it (pip install -r requirements-ray.txt), or use "
            "--on here"
        ) from error
    return ray


def _launch(ray: Any, sweep: Sweep, runs: list[Run]) -> int:
    has_gpus = ray.cluster_resources().get("GPU", 0) > 0
    token = _write_token(sweep)
    ray.cloudpickle.register_pickle_by_value(_this_module())
    task = ray.remote(run_on_node)
    options = {
        "num_cpus": sweep.manifest.threads,
        "num_gpus": sweep.manifest.gpus if has_gpus else 0,
        "memory": sweep.manifest.memory,
        "max_retries": MAX_RETRIES,
    }
    text = json.dumps(manifest.as_json(sweep.manifest))
    numbers = {run.name: number for number, run in enumerate(sweep.runs)}
    pending: dict[Any, Run] = {}
    for run in runs:
        sweep.set_state(run, State(SUBMITTED, since=time.time()))
        place = str(sweep.project), str(sweep.folder), token, text, numbers[run.name]
        pending[task.options(**options, name=run.name).remote(*place)] = run
    _warn_if_too_large(ray, sweep, has_gpus)
    begun: set[str] = set()
    stopping_since = None
    with Interruption(None, time.monotonic()) as signals, SweepProgress(sweep) as progress:
        while pending:
            ended, _ = ray.wait(list(pending), timeout=POLL_SECONDS)
            for future in ended:
                run = pending.pop(future)
                if run.name not in begun:
                    progress.begun(run)
                progress.ended(run, _finish(ray, sweep, run, future))
            for run in pending.values():
                if run.name not in begun and sweep.state(run).status == RUNNING:
                    begun.add(run.name)
                    progress.begun(run)
            if signals.status is not None and stopping_since is None:
                logger.info("Stopping all runs, each with a checkpoint")
                stopping_since = time.monotonic()
                for future in pending:
                    ray.cancel(future, force=False)
            if stopping_since and time.monotonic() > stopping_since + STOPPING_SECONDS:
                break
            progress.update()
        return signals.status or 0


def _finish(ray: Any, sweep: Sweep, run: Run, future: Any) -> State:
    """The state of a run whose task has ended."""
    try:
        result = ray.get(future)
    except ray.exceptions.TaskCancelledError:
        state = sweep.state(run)
        if state.status in (SUBMITTED, RUNNING):
            state = State(STOPPED, since=time.time(), reason="by a signal")
            sweep.set_state(run, state)
        return state
    except ray.exceptions.RayError as error:
        state = State(FAILED, since=time.time(), reason=f"Ray: {_first_line(error)}")
        sweep.set_state(run, state)
        return state
    if result["error"]:
        state = State(FAILED, since=time.time(), reason=result["error"])
        sweep.set_state(run, state)
        return state
    if result["files"] is not None:
        logger.warning(
            "%s does not share %s: %s began anew there, and its snapshots are there",
            *(result["host"], sweep.project, run.name),
        )
        _write_files(sweep, result["files"])
    return sweep.state(run)


def run_on_node(
    project: str, folder: str, token: str, manifest_text: str, number: int
) -> dict[str, Any]:
    """Run a run on this node, with nothing but the standard library; Ray pickles it by value.

    Returns the node's host, an error if the run could not be begun, and, if the folder is not
    shared, the files to bring back: path within the project → content.
    """
    import ctypes
    import json
    import os
    import signal
    import socket
    import subprocess
    import sys

    result: dict[str, Any] = {"host": socket.gethostname(), "error": "", "files": None}
    if not os.path.exists(os.path.join(project, "train.sh")):
        result["error"] = (
            f"{result['host']} has no {project}: put the project on a folder that all nodes "
            "share, or a copy of it there"
        )
        return result
    try:
        with open(os.path.join(folder, "ray-token")) as file:
            is_shared = file.read() == token
    except OSError:
        is_shared = False
    if not is_shared:
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "manifest.json"), "w") as file:
            file.write(manifest_text)

    def end_with_this_one() -> None:
        """So that no run outlives a task that was lost, and is begun again elsewhere."""
        if sys.platform == "linux":
            library.prctl(1, signal.SIGTERM)

    library = ctypes.CDLL(None)
    program = os.path.join(project, "src", "sweep.py")
    process = subprocess.Popen(
        [sys.executable, program, "--run", folder, str(number)],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=end_with_this_one,  # noqa: PLW1509 (it only makes a system call)
    )
    while True:
        try:
            process.wait()
            break
        except KeyboardInterrupt:  # Ray cancels the task
            process.terminate()
    if not is_shared:
        run = json.loads(manifest_text)["runs"][number]["name"]
        sweep = os.path.relpath(folder, project)
        names = [f"results/{run}.{ending}" for ending in ("csv", "games.csv", "args")]
        names += [f"{sweep}/states/{run}.json", f"{sweep}/logs/{run}.log"]
        result["files"] = {}
        for name in names:
            if os.path.exists(os.path.join(project, name)):
                with open(os.path.join(project, name), "rb") as content:
                    result["files"][name] = content.read()
    return result


def _write_files(sweep: Sweep, files: Mapping[str, bytes]) -> None:
    """Write what a node brought back; older files of other content are moved aside."""
    for name, content in files.items():
        path = sweep.project / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.read_bytes() != content and name.startswith("results/"):
                move_aside(path)
            with atomic_write(path) as file:
                file.write(content)
        except OSError as error:
            raise UserError(f"cannot write {path} {explain(error)}") from error


def _write_token(sweep: Sweep) -> str:
    token = secrets.token_hex(8)
    path = sweep.folder / TOKEN
    try:
        with atomic_write(path) as file:
            file.write(token.encode())
    except OSError as error:
        raise UserError(f"cannot write {path} {explain(error)}") from error
    return token


def _warn_if_too_large(ray: Any, sweep: Sweep, has_gpus: bool) -> None:
    """Say so if no node has what a run asks for: Ray would wait for one for ever."""
    wanted = {
        "CPU": float(sweep.manifest.threads),
        "memory": float(sweep.manifest.memory),
        "GPU": float(sweep.manifest.gpus if has_gpus else 0),
    }
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(node.get(k, 0) >= v for k, v in wanted.items()) for node in nodes):
        gib = sweep.manifest.memory / 2**30
        logger.warning(
            "No node has what a run asks for (%d cores, %.1f GiB, %g GPUs): runs wait for one; "
            "Ctrl-C, and lower --threads, --replay_size or --gpus",
            *(sweep.manifest.threads, gib, wanted["GPU"]),
        )


def _this_module() -> Any:
    import sys

    return sys.modules[__name__]


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

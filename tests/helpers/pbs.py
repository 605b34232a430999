"""A stand-in for PBS, as far as a job can tell: qsub, qdel, and a server that runs the jobs.

It does what OpenPBS does, by its manual and its source: a copy of the script is kept and started in
a session of its own, by a login shell; TERM goes to every process of the session, KILL follows
later; no job can depend on a subjob; a job whose dependency cannot come true any more is deleted.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

KILL_DELAY = 120  # seconds between TERM and KILL: 10 in MetaCentrum, where no tests run beside


@dataclass
class Job:
    """A job, or a subjob of an array; the walltime counts once it runs."""

    id: str
    index: int | None
    request: dict
    script: Path
    state: str = "Q"  # H: held, Q: queued, R: running, F: finished, D: deleted before it ran
    status: int | None = None
    process: subprocess.Popen | None = None
    deadline: float = 0  # a time of time.monotonic
    terminated: float | None = None  # when TERM was sent
    signals: list[str] = field(default_factory=list)
    scratch: Path | None = None

    def live_processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter(["pid", "status"]):
            try:
                is_ours = os.getsid(process.pid) == self.process.pid
            except ProcessLookupError:
                continue
            if is_ours and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found

    def send(self, number: signal.Signals) -> None:
        """Signal every process of the session."""
        self.signals.append(number.name)
        for process in self.live_processes():
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue


class Pbs:
    """The server. `jobs` has all jobs in their order; nothing happens to them but in `step`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.starts_jobs = True
        self.jobs: list[Job] = []
        self._bin = folder / "bin"
        for name in ("bin", "queue", "scratch", "home"):
            (folder / name).mkdir()
        for name in ("qsub", "qdel"):
            command = shlex.join([sys.executable, __file__, name, str(folder)])
            self._write_command(name, f'exec {command} "$@"')
        self._write_command("clean_scratch", 'rm -rf -- "${SCRATCHDIR:?}"/*')

    def qsub(self, project: Path, *arguments: str) -> str:
        """Submit a job as a user does, from the project's folder; its ID."""
        return self._run("qsub", *arguments, cwd=project).stdout.strip()

    def qdel(self, *ids: str) -> None:
        self._run("qdel", *ids, cwd=self.folder)

    def refuse(self, is_refusing: bool) -> None:
        """Let qsub fail from now on, or no longer."""
        path = self.folder / "refusing"
        if is_refusing:
            path.touch()
        else:
            path.unlink()

    def step(self) -> None:
        """Do all that is due."""
        self._take_requests()
        for job in self.jobs:
            if job.state == "H":
                self._look_at_dependency(job)
            if job.state == "Q" and self.starts_jobs:
                self._start(job)
            elif job.state == "R":
                self._watch(job)

    def expire(self, job: Job) -> None:
        """Let the walltime of a running job be over."""
        job.deadline = time.monotonic()

    def end(self) -> None:
        """Kill what runs."""
        for job in self.jobs:
            if job.state == "R":
                job.send(signal.SIGKILL)
                job.process.wait()

    def _run(self, *command: str, cwd: Path) -> subprocess.CompletedProcess:
        return subprocess.run(
            [self._bin / command[0], *command[1:]],
            cwd=cwd,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _write_command(self, name: str, line: str) -> None:
        path = self._bin / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def _take_requests(self) -> None:
        known = {job.script.parent.name for job in self.jobs}
        for path in sorted((self.folder / "queue").glob("*/request.json")):
            number = path.parent.name
            if number in known:
                continue
            request = json.loads(path.read_text())
            script = path.parent / "script.SC"
            if request["array"]:
                first, last = map(int, request["array"].split("-"))
                for index in range(first, last + 1):
                    self.jobs.append(Job(f"{int(number)}[{index}].pbs", index, request, script))
            else:
                job = Job(f"{int(number)}.pbs", None, request, script)
                job.state = "H" if request["depend"] else "Q"
                self.jobs.append(job)
        for path in (self.folder / "queue").glob("*/deleted"):
            path.unlink()
            for job in self.jobs:
                if job.script.parent == path.parent:
                    self._delete(job)

    def _delete(self, job: Job) -> None:
        if job.state == "R":
            self._terminate(job)
        elif job.state in "HQ":
            job.state = "D"

    def _look_at_dependency(self, job: Job) -> None:
        parent = next(other for other in self.jobs if other.id == job.request["depend"])
        if parent.state == "F":
            job.state = "Q" if parent.status else "D"

    def _start(self, job: Job) -> None:
        job.scratch = self.folder / "scratch" / job.id
        job.scratch.mkdir()
        env = {
            "HOME": str(self.folder / "home"),
            "PATH": f"{self._bin}:/usr/bin:/bin",
            "PBS_JOBID": job.id,
            "PBS_O_WORKDIR": job.request["workdir"],
            "SCRATCHDIR": str(job.scratch),
            "OMP_NUM_THREADS": job.request["ncpus"],
            **job.request["variables"],
        }
        if job.index is not None:
            env["PBS_ARRAY_INDEX"] = str(job.index)
        with open(self.folder / f"{job.id}.out", "wb") as output:
            job.process = subprocess.Popen(
                ["bash"],
                cwd=env["HOME"],
                env=env,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        with job.process.stdin as shell:
            shell.write(f"{job.script}\n".encode())
        job.deadline = time.monotonic() + job.request["walltime"]
        job.state = "R"

    def _watch(self, job: Job) -> None:
        if job.process.poll() is not None and not job.live_processes():
            code = job.process.returncode
            job.status = code if code >= 0 else 256 - code
            job.state = "F"
        elif job.terminated is None and time.monotonic() >= job.deadline:
            self._terminate(job)
        elif job.terminated is not None and time.monotonic() >= job.terminated + KILL_DELAY:
            job.send(signal.SIGKILL)

    def _terminate(self, job: Job) -> None:
        job.terminated = time.monotonic()
        job.send(signal.SIGTERM)


def qsub(folder: Path, arguments: list[str]) -> None:
    """Put a request into the queue and print its ID; what PBS refuses ends with an error."""
    if (folder / "refusing").exists():
        sys.exit("qsub: cannot connect to server pbs (errno=111)")
    options = argparse.ArgumentParser(prog="qsub", allow_abbrev=False)
    for name in ("-J", "-N", "-l", "-j", "-r", "-v", "-W"):
        options.add_argument(name, action="append", default=[])
    options.add_argument("script", type=Path)
    args = options.parse_args(arguments)
    directives = []
    for line in args.script.read_text().splitlines():
        if line.startswith("#PBS "):
            directives += shlex.split(line)[1:]
        elif line and not line.startswith("#"):
            break
    in_file = options.parse_args([*directives, str(args.script)])
    resources = {}
    for text in [*in_file.l, *args.l]:
        name, _, value = text.partition("=")
        resources[name] = value
    hours, minutes, seconds = map(int, resources["walltime"].split(":"))
    array = (args.J or in_file.J or [None])[-1]
    is_rerunnable = (args.r or in_file.r or ["y"])[-1] == "y"
    if array and not is_rerunnable:
        sys.exit("qsub: cannot submit non-rerunable Array Job")
    depend = None
    for text in args.W:
        kind, _, depend = text.removeprefix("depend=").partition(":")
        assert kind == "afternotok", text
        if "[" in depend:
            sys.exit("qsub: Invalid request")
    request = {
        "array": array,
        "depend": depend,
        "ncpus": dict(pair.split("=") for pair in resources["select"].split(":")[1:])["ncpus"],
        "variables": dict(pair.split("=", 1) for text in args.v for pair in text.split(",")),
        "walltime": 3600 * hours + 60 * minutes + seconds,
        "workdir": os.getcwd(),
    }
    number = 0
    while True:
        number += 1
        try:
            (folder / "queue" / f"{number:06d}").mkdir()
            break
        except FileExistsError:
            continue
    entry = folder / "queue" / f"{number:06d}"
    shutil.copy(args.script, entry / "script.SC")
    (entry / "script.SC").chmod(0o700)
    (entry / "request.part").write_text(json.dumps(request))
    (entry / "request.part").rename(entry / "request.json")
    print(f"{number}[].pbs" if array else f"{number}.pbs")


def qdel(folder: Path, ids: list[str]) -> None:
    for job in ids:
        number = int(job.partition(".")[0].partition("[")[0])
        (folder / "queue" / f"{number:06d}" / "deleted").touch()


if __name__ == "__main__":
    {"qsub": qsub, "qdel": qdel}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:])

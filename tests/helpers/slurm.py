"""A real Slurm of one node, private to the tests: own folder, own key, own ports."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from helpers.trainings import wait_for

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "scontrol", "scancel", "sinfo", "squeue")

# `localhost` is this machine whatever its name. The two devices stand for GPUs: nobody opens them.
CONFIGURATION = """\
ClusterName=simple_dqn_tests
SlurmctldHost=localhost
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=1,bf_interval=1
SlurmdParameters=config_overrides
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
GresTypes=gpu
NodeName=node NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=4 RealMemory=64000 Gres=gpu:2
PartitionName=tests Nodes=node Default=YES MaxTime=INFINITE State=UP
"""
GPUS = "Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n"


def why_not() -> str | None:
    """Why no Slurm can be started here; None if it can."""
    missing = [name for name in (*DAEMONS, *COMMANDS) if not shutil.which(name, path=_path())]
    if missing:
        return f"no {', '.join(missing)} here: ./run_tests.sh --system installs them (Debian)"
    if os.geteuid() != 0:
        return "slurmd runs as root alone"
    return None


class Slurm:
    """Starts the daemons; `close` ends them, and no others."""

    def __init__(self):
        # A socket's path has to be short, and munged wants no other user to have a hand in it.
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.folder.chmod(0o755)
        self._env = {**os.environ, "PATH": _path(), "SLURM_CONF": str(self.folder / "slurm.conf")}
        self._daemons: list[subprocess.Popen] = []
        controller_port, node_port = _free_ports(2)
        configuration = CONFIGURATION.format(
            folder=self.folder, controller_port=controller_port, node_port=node_port
        )
        (self.folder / "slurm.conf").write_text(configuration)
        (self.folder / "gres.conf").write_text(GPUS)
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(128))
        try:
            self._start(
                *("munged", "--foreground", "--num-threads=2", f"--key-file={key}"),
                *(f"--socket={self.folder}/munge.socket", f"--seed-file={self.folder}/munge.seed"),
                *(f"--pid-file={self.folder}/munge.pid", f"--log-file={self.folder}/munge.log"),
            )
            wait_for((self.folder / "munge.socket").exists, "munged")
            self._start("slurmctld", "-D")
            self._start("slurmd", "-D", "-N", "node")
            wait_for(self._is_up, "the node")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all jobs and daemons."""
        try:
            if len(self._daemons) == len(DAEMONS):
                self.run("scancel", "--user=root", check=False)
                wait_for(lambda: not self.run("squeue", "-h", check=False), "the jobs to end")
        finally:
            for daemon in reversed(self._daemons):
                daemon.terminate()
                daemon.wait()
            shutil.rmtree(self.folder)

    def run(self, *command: str, check: bool = True, **options) -> str:
        """What a command of Slurm prints."""
        done = subprocess.run(
            command,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **options,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def submit(self, project: Path, script: str, *flags: str, **env: str) -> str:
        """The ID of a new job."""
        self._env.update(env)
        return self.run("sbatch", "--parsable", *flags, script, cwd=project).strip()

    def job(self, number: str) -> dict[str, str]:
        """What Slurm knows of a job or a task of an array (`7_0`)."""
        text = self.run("scontrol", "--oneliner", "show", "job", number)
        return dict(re.findall(r"(\w+)=(\S*)", text))

    def update(self, number: str, **values: str) -> None:
        """Change a job."""
        changes = [f"{name}={value}" for name, value in values.items()]
        self.run("scontrol", "update", f"JobId={number}", *changes)

    def start(self, number: str, **values: str) -> None:
        """Start a requeued job now, changed, though Slurm lets it wait for two minutes.

        slurmd refuses a start in the second in which the job was killed ("already killed"). The
        new time is set until it holds: set once, it was at times without effect.
        """
        time.sleep(1)
        changes = [f"{name}={value}" for name, value in ({"StartTime": "now"} | values).items()]

        def is_started() -> bool:
            if self.job(number)["JobState"] in ("RUNNING", "COMPLETED"):
                return True
            self.run("scontrol", "update", f"JobId={number}", *changes, check=False)
            return False

        self._wait_for(is_started, number, "to start", poll=0.5)

    def wait_for_state(self, number: str, *states: str, restarts: int = 0) -> None:
        """Return when a job that was started anew `restarts` times is in one of `states`."""

        def is_there() -> bool:
            job = self.job(number)
            return job["JobState"] in states and int(job["Restarts"]) == restarts

        self._wait_for(is_there, number, f"to be {states} after {restarts} restarts")

    def _wait_for(self, condition, number: str, what: str, **options) -> None:
        """As `wait_for`; if it was in vain, print what Slurm knows of the job and its log."""
        try:
            wait_for(condition, f"job {number} {what}", **{"poll": 0.25, **options})
        except AssertionError:
            print(self.job(number))
            for daemon in ("slurmctld", "slurmd"):
                print(f"--- {daemon}\n{(self.folder / f'{daemon}.out').read_text()}")
            raise

    def _start(self, *command: str) -> None:
        with open(self.folder / f"{command[0]}.out", "wb") as output:
            daemon = subprocess.Popen(
                command,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._daemons.append(daemon)

    def _is_up(self) -> bool:
        for daemon in self._daemons:
            output = self.folder / f"{daemon.args[0]}.out"
            assert daemon.poll() is None, output.read_text()
        return self.run("sinfo", "--noheader", "--format=%T", check=False).strip() == "idle"


def _path() -> str:
    """Debian's daemons lie where an ordinary PATH does not lead."""
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports

"""Runs on Ray: what a node does, and a cluster of two nodes, one of which is lost."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from dqn.errors import UserError
from dqn.sweeps import manifest, on_ray
from dqn.sweeps.on_ray import Ray, run_on_node
from dqn.sweeps.sweep import DONE, load
from helpers.paths import PROJECT
from helpers.runs import make_sweep
from helpers.trainings import TINY, Clone, wait_for

HAS_RAY = importlib.util.find_spec("ray") is not None

# Writes the statistics of a run that is done
PROGRAM = """\
#!/usr/bin/env bash
mkdir -p results
echo "epoch,phase" > "results/$1_$2.csv"
"""


def test_without_ray_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    sweep = make_sweep(tmp_path, "a", ["pong"], [1])
    with pytest.raises(UserError, match=r"requirements-ray\.txt"):
        Ray(None).launch(sweep, sweep.runs)


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A node's own copy of the project, with a short train.sh."""
    (tmp_path / "src").symlink_to(PROJECT / "src")
    (tmp_path / "train.sh").write_text(PROGRAM)
    (tmp_path / "train.sh").chmod(0o755)
    return tmp_path


def run_there(node: Path, folder: Path, token: str) -> dict:
    sweep = make_sweep(node.parent / "elsewhere", "a", ["pong"], [1, 2])
    text = json.dumps(manifest.as_json(sweep.manifest))
    return run_on_node(str(node), str(folder), token, text, 1)


def test_a_node_that_shares_no_folder_begins_anew_and_brings_its_statistics_back(node, tmp_path):
    # src is a link: sweep.py takes the folder above where it really is for the project
    (node / "src").unlink()
    (node / "src").mkdir()
    code = "import pathlib, subprocess, sys, json\n"
    code += "folder = pathlib.Path(sys.argv[2])\n"
    code += "run = json.loads((folder / 'manifest.json').read_text())['runs'][int(sys.argv[3])]\n"
    code += f"subprocess.run(run['command'], cwd={str(node)!r})\n"
    (node / "src" / "sweep.py").write_text(code)
    result = run_there(node, node / "results" / "sweeps" / "a", "token")
    assert result["error"] == ""
    assert result["files"] == {"results/pong_a_seed2.csv": b"epoch,phase\n"}

    here = make_sweep(tmp_path / "here", "a", ["pong"], [1, 2])
    (tmp_path / "here" / "results" / "pong_a_seed2.csv").write_text("older")
    on_ray._write_files(here, result["files"])
    assert here.csv_file(here.runs[1]).read_text() == "epoch,phase\n"
    assert (tmp_path / "here" / "results" / "pong_a_seed2.csv.1").read_text() == "older"


def test_a_node_without_the_project_says_so(tmp_path):
    result = run_there(tmp_path / "nothing", tmp_path / "nothing" / "x", "token")
    assert f"has no {tmp_path / 'nothing'}" in result["error"]
    assert result["files"] is None
    assert not (tmp_path / "nothing").exists()


@pytest.mark.slow
@pytest.mark.skipif(not HAS_RAY, reason="no Ray here: pip install -r requirements-ray.txt")
def test_a_lost_node_costs_no_more_than_what_was_since_the_last_checkpoint(tmp_path):
    from ray.cluster_utils import Cluster

    clone = Clone(tmp_path)
    flags = [*TINY, "--checkpoint_steps", "100"]
    cluster = Cluster()
    try:
        nodes = [cluster.add_node(num_cpus=1, include_dashboard=False) for _ in range(2)]
        command = [
            *(clone.root / "sweep.sh", "breakout", "--seeds", "1-3", "--name", "two"),
            *("--on", "ray", "--ray_address", cluster.address, "--threads", "1", *flags),
        ]
        with open(tmp_path / "said", "wb") as said:
            driver = subprocess.Popen(
                command, env={**os.environ, "PYTHON": sys.executable}, stderr=said
            )
        folder = clone.root / "results" / "sweeps" / "two"
        wait_for(lambda: len(list(folder.glob("logs/breakout_*.log"))) == 2, "two runs")
        sweep = load(clone.root, folder)
        raylet = psutil.Process(nodes[1].all_processes["raylet"][0].process.pid)

        def lost_run():
            """The run on the second node, once it has made a checkpoint in training."""
            children = {child.pid for child in raylet.children(recursive=True)}
            for run in sweep.runs:
                made = clone.root.glob(f"snapshots/{run.name}.checkpoint/generation-*")
                log = sweep.log(run)
                trains = log.exists() and " Training for " in log.read_text()
                if sweep.state(run).pid in children and trains and list(made):
                    return run.name
            return None

        wait_for(lost_run, "a checkpoint on the second node")
        lost = lost_run()
        for process in [raylet, *raylet.children(recursive=True)]:  # as if its power had failed
            process.kill()
        assert driver.wait(timeout=600) == 0, (tmp_path / "said").read_text()
    finally:
        cluster.shutdown()
    assert [sweep.state(run).status for run in sweep.runs] == [DONE] * 3
    log = (folder / "logs" / f"{lost}.log").read_text()
    assert log.count("Resuming from the checkpoint") == 1
    for seed in (1, 2, 3):
        clone.train(f"undisturbed{seed}", *flags, "--random_seed", str(seed))
        assert clone.rows(f"two_seed{seed}") == clone.rows(f"undisturbed{seed}")
        snapshots = [
            (clone.root / "snapshots" / f"breakout_{name}{seed}_3.pkl").read_bytes()
            for name in ("two_seed", "undisturbed")
        ]
        assert snapshots[0] == snapshots[1]

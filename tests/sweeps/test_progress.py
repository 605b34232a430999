"""What a sweep shows on a terminal."""

import sys
from pathlib import Path

from helpers.paths import PROJECT, SRC
from helpers.runs import make_sweep
from helpers.terminals import Terminal

# A run of seed 2 fails, the others go on until they are stopped.
TRAIN = """\
#!/usr/bin/env bash
trap 'exit 143' TERM
[[ $4 != 2 ]] || { sleep 1; echo 'error: seed 2 is unlucky'; exit 2; }
while :; do sleep 0.05; done
"""
SWEEP = """\
import logging, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from dqn.sweeps.needs import Slot
from dqn.sweeps.on_this_machine import ThisMachine
from dqn.sweeps.sweep import load
logging.basicConfig(format="%(message)s", level="INFO")
folder = Path(sys.argv[2])
sweep = load(folder.parents[2], folder)
sys.exit(ThisMachine([Slot()] * 2, 1).launch(sweep, sweep.left()))
"""


def test_a_terminal_shows_a_line_for_each_run_and_the_total_and_ctrl_c_stops_them(tmp_path: Path):
    (tmp_path / "train.sh").write_text(TRAIN)
    (tmp_path / "train.sh").chmod(0o755)
    sweep = make_sweep(tmp_path, "a", ["pong"], [1, 2, 3])
    log = sweep.log(sweep.runs[0])
    log.parent.mkdir()
    log.write_text("x Epoch #2\n  epoch 2 train: 30 of 120 steps, 77 steps/s, eps 0.1, 1 game\n")
    command = [sys.executable, "-c", SWEEP, SRC, sweep.folder]
    with Terminal(command, rows=10, columns=70) as terminal:
        terminal.wait_for_text("3 runs: 2 running, 1 waiting")
        assert "pong_a_seed1: epoch 2 of 3, train 25 %, 77 steps/s" in terminal.text
        terminal.wait_for_text("3 runs: 2 running, 1 failed")
        lines = [line.rstrip() for line in terminal.lines if line.strip()]
        assert lines == [
            "3 runs: 3 waiting",
            "pong_a_seed2: failed, seed 2 is unlucky",
            "pong_a_seed1: epoch 2 of 3, train 25 %, 77 steps/s",
            "pong_a_seed3: starting",
            "3 runs: 2 running, 1 failed",
        ]
        terminal.type(b"\x03")
        assert terminal.end() == 130
        lines = [line.rstrip() for line in terminal.lines if line.strip()]
    assert lines[2] == "Stopping all runs, each with a checkpoint"
    assert sorted(lines[3:]) == [f"pong_a_seed{n}: stopped, by a signal" for n in (1, 3)]


def test_the_documents_name_every_flag_of_sweep_sh_and_report_sh():
    text = (PROJECT / "docs" / "sweeps.md").read_text()
    for flag in "seeds vary name on jobs threads gpus status plan slurm_args ray_address".split():
        assert f"--{flag}" in text
    assert "--output" in text

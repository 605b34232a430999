"""sweep.sh: what its commands plan, refuse and say."""

import json
import subprocess
from pathlib import Path

import pytest

import sweep as program
from dqn.machine.provenance import commit_of
from dqn.sweeps import needs
from dqn.sweeps.sweep import DONE, State, load
from helpers.paths import PROJECT

FLAGS = ["--replay_size", "1000", "--backend", "cpu", "--epochs", "3"]
# Ends as its seed says
TRAIN = """\
#!/usr/bin/env bash
echo "$*" >> starts
[[ $4 != 2 ]] || { echo "error: seed 2 is unlucky" >&2; exit 2; }
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a short train.sh and the real presets; the working folder is another one."""
    root = tmp_path / "my dqn"
    root.mkdir()
    (root / "presets").symlink_to(PROJECT / "presets")
    (root / "train.sh").write_text(TRAIN)
    (root / "train.sh").chmod(0o755)
    monkeypatch.setattr(program, "PROJECT", root)
    monkeypatch.setattr(program, "SWEEPS", root / "results" / "sweeps")
    monkeypatch.setattr(program, "usable_cores", lambda: 2)
    monkeypatch.chdir(tmp_path)
    return root


def error(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    """What a command that is refused says last; it starts nothing."""
    try:
        status = program.main(list(arguments))
    except SystemExit as end:  # train.sh's own flags
        status = end.code
    assert status == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: ")
    return last


def test_a_sweep_runs_every_run_and_says_which_failed(project, capfd, caplog):
    caplog.set_level("INFO")
    command = ["pong,breakout", "--seeds", "1-2", *FLAGS]
    assert program.main(command) == 1
    starts = (project / "starts").read_text().splitlines()
    assert sorted(starts) == [
        f"{game} pong-breakout_seed{seed} --random_seed {seed} {' '.join(FLAGS)}"
        for game in ("breakout", "pong")
        for seed in (1, 2)
    ]
    assert "4 runs: 2 done, 2 failed" in caplog.text
    assert "pong_pong-breakout_seed2: failed, seed 2 is unlucky" in caplog.text

    caplog.clear()
    (project / "train.sh").write_text("#!/bin/sh\n")
    assert program.main(command) == 0
    assert caplog.text.count("begun") == 2
    assert program.main([str(project / "results" / "sweeps" / "pong-breakout")]) == 0
    assert "All 4 runs of this sweep are done" in caplog.text
    capfd.readouterr()
    assert program.main([*command, "--status"]) == 0
    assert capfd.readouterr().out == "4 runs: 4 done\n"


def test_planning_prints_the_commands_and_starts_nothing(project, capsys):
    command = ["pong", "--seeds", "7", "@presets/laptop.args", "--vary", "n_steps=1,3", "--plan"]
    assert program.main(command) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("./train.sh pong pong-laptop-grid_n_steps-1_seed7 --random_seed 7 ")
    assert "--network conv16x8s4,conv32x4s2,256" in first  # the file is read once, now
    assert second.endswith(" --n_steps=3")
    assert not (project / "starts").exists()
    manifest = json.loads(
        (project / "results" / "sweeps" / "pong-laptop-grid" / "manifest.json").read_text()
    )
    assert [run["command"] for run in manifest["runs"]] == [first.split(), second.split()]


def test_more_seeds_and_games_are_added_and_more_epochs_are_left_to_do(project):
    program.main(["pong", "--name", "a", "--seeds", "1", *FLAGS, "--plan"])
    folder = project / "results" / "sweeps" / "a"
    sweep = load(project, folder)
    sweep.set_state(sweep.runs[0], State(DONE))
    program.main(["pong,breakout", "--name", "a", "--seeds", "1-2", *FLAGS, "--plan"])
    sweep = load(project, folder)
    assert [run.name for run in sweep.runs] == [
        *("pong_a_seed1", "pong_a_seed2", "breakout_a_seed1", "breakout_a_seed2"),
    ]
    assert len(sweep.left()) == 3
    longer = [*FLAGS[:-1], "9"]
    program.main(["pong,breakout", "--name", "a", "--seeds", "1-2", *longer, "--plan"])
    assert len(load(project, folder).left()) == 4


def test_other_flags_need_another_name(project, capsys):
    program.main(["pong", *FLAGS, "--plan"])
    said = error(capsys, "pong", *FLAGS, "--learning_rate", "0.1")
    assert "has other --learning_rate: give this one another --name" in said
    assert "has other --vary" in error(
        capsys, "pong", "--name", "pong", *FLAGS, "--vary", "n_steps=1,2"
    )


def test_threads_stay_as_they_were_planned(project, monkeypatch):
    program.main(["pong", *FLAGS, "--plan"])
    folder = project / "results" / "sweeps" / "pong"
    assert load(project, folder).manifest.threads == 2  # one run has both cores
    monkeypatch.setattr(program, "usable_cores", lambda: 64)
    program.main(["pong", *FLAGS, "--seeds", "1-9", "--plan"])
    assert load(project, folder).manifest.threads == 2


def test_the_commit_is_written_down(project):
    git = ["git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "train.sh"], check=True)
    subprocess.run([*git, "commit", "-qm", "a"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    program.main(["pong", *FLAGS, "--plan"])
    (run,) = load(project, project / "results" / "sweeps" / "pong").runs
    assert run.commit == head.stdout.strip()
    (project / "train.sh").write_text("changed")
    assert commit_of(project) == run.commit + "+"


def test_memory_is_that_of_the_replay_memory_and_the_process(project):
    program.main(["pong", "--plan"])
    (memory,) = {load(project, project / "results" / "sweeps" / "pong").manifest.memory}
    assert memory == 1_000_000 * (84 * 84 + 7) + needs.OTHER_MEMORY  # 6.6 GiB and the process


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["breakuot"], "did you mean breakout?"),
        (["pong", "--epohcs", "3"], "did you mean --epochs?"),
        (["pong", "--random_seed", "3"], "use --seeds"),
        (["pong", "@seed.args"], "use --seeds"),
        (["pong", "--seeds", "3-1"], "--seeds 3-1"),
        (["pong", "--vary", "double_q=maybe"], "--double_q"),
        (["pong", "--vary", "preset=none"], "cannot read the argument file"),
        (["--seeds", "1"], "name the games before --seeds"),
        (["@presets/laptop.args"], "name the games before @presets/laptop.args"),
        (["pong", "--jobs", "0"], "--jobs must be from 1"),
        (["pong", "--gpus", "-1"], "--gpus must be from 0"),
        (["pong", "--name", "a/b"], "--name"),
        (["pong", "--on", "moon"], "--on"),
        (["pong", "--status"], "there is no sweep"),
        (["planned", "--seeds", "3"], "leave others out"),
        (["--run", "planned", "5"], "has no run 5"),
    ],
)
def test_a_mistake_takes_one_line_and_starts_nothing(project, tmp_path, capsys, arguments, said):
    (tmp_path / "seed.args").write_text("--random_seed 3")
    program.main(["pong", "--name", "planned", *FLAGS, "--plan"])
    (tmp_path / "planned").symlink_to(project / "results" / "sweeps" / "planned")
    assert said in error(capsys, *arguments)
    assert not (project / "starts").exists()


def test_the_slurm_arguments_may_look_like_a_flag():
    args, others = program.parse_arguments(
        ["pong", "--slurm_args", "--gres=gpu:1", "--epochs", "3", "@x", "--min_reward", "-1"]
    )
    assert args.slurm_args == "--gres=gpu:1"
    assert others == ["--epochs", "3", "@x", "--min_reward", "-1"]

"""The whole program on environments of Gymnasium: trained, stopped, tested, and what goes wrong."""

import csv
import json
import logging
import random

import pytest

pytest.importorskip("gymnasium", reason="pip install -r requirements-gym.txt")

import main
from dqn.snapshots.file import load_snapshot, save_snapshot
from helpers.crashes import Training, kill_until_done
from helpers.paths import PROJECT

TINY = (
    "--environment gym --backend cpu --random_steps 60 --train_steps 50 --test_steps 30 "
    "--replay_size 200 --epochs 1 --batch_size 8 --dense_units 8 --target_steps 20 --random_seed 3 "
    "--env_import helpers.gym_toys --screen_width 44 --screen_height 44"
).split()
TIMES = ("total_time", "epoch_time", "steps_per_second", "seconds")


@pytest.fixture
def run(tmp_path, capsys, caplog, monkeypatch):
    """Runs the program in an empty folder; returns its output, or its last error line."""
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO)

    def run(*arguments, status=0):
        try:
            got = main.main([*TINY, *map(str, arguments)])
        except SystemExit as exit_:  # argparse
            got = exit_.code
        told = capsys.readouterr()
        assert got == status, told.err
        assert "Traceback" not in told.err
        if status:
            (line,) = [line for line in told.err.splitlines() if line.startswith("error: ")]
            assert told.err.endswith(line + "\n")
            return line
        return told.out

    return run


def save_as(name):
    return ["--save_weights_prefix", f"{name}/run", "--csv_file", f"{name}/run.csv"]


def results(folder):
    """The bytes of the last snapshot, and each row but its times.

    (That of the first epoch names the flag --epochs, which differs.)
    """
    found = {path.name: path.read_bytes() for path in folder.glob("*_2.pkl")}
    for path in folder.glob("*.csv"):
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        found[path.name] = [{k: v for k, v in row.items() if k not in TIMES} for row in rows]
    return found


@pytest.mark.parametrize(
    ("game", "flags", "shape", "dtype"),
    [
        ("CartPole-v1", ["--n_steps", "2"], (4, 4), "float32"),
        ("Toys/Short-v0", ["--history_length", "1"], (1, 3), "float64"),
        ("FrozenLake-v1", ["--history_length", "2", "--double_q", "true"], (2, 16), "bool"),
        ("ALE/Breakout-v5", [], (4, 44, 44), "uint8"),
        pytest.param(
            "BreakoutNoFrameskip-v4",
            ["--frame_pooling", "max"],
            (4, 44, 44),
            "uint8",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_run_that_is_stopped_and_resumed_ends_with_the_same_bytes(
    run, tmp_path, game, flags, shape, dtype
):
    run(game, *save_as("whole"), "--epochs", "2", *flags)
    run(game, *save_as("stopped"), *flags)
    run(game, *save_as("stopped"), "--epochs", "2")
    whole, stopped = results(tmp_path / "whole"), results(tmp_path / "stopped")
    assert whole == stopped
    snapshot = load_snapshot(tmp_path / "whole" / "run_2.pkl")
    assert (snapshot.input_shape, snapshot.architecture.state_dtype) == (shape, dtype)
    assert snapshot.metadata.game == game


def test_a_game_that_cannot_be_restored_is_all_that_a_stop_loses(run, tmp_path, caplog):
    flags = ["--env_args", "fault='not plain',length=50"]
    run("Toys/Toy-v0", *save_as("run"), *flags)
    assert "Toys/Toy-v0 cannot be restored: after a stop, new games of it begin" in caplog.text
    caplog.clear()
    run("Toys/Toy-v0", *save_as("run"), "--epochs", "2")
    assert "2 games of Toys/Toy-v0 cannot be restored: new ones begin" in caplog.text
    rows = results(tmp_path / "run")["run.csv"]
    assert [row["total_train_steps"] for row in rows if row["phase"] == "train"] == ["50", "100"]
    # The game before the stop and the one after it are two in the replay memory, too.
    kept = max((tmp_path / "run" / "run.checkpoint").glob("generation-*")) / "state.json"
    assert json.loads(kept.read_text())["state"]["logs"][0]["cuts"] == [60 + 50 - 1]


def test_a_snapshot_brings_its_environment_and_what_it_was_made_with(run, tmp_path):
    run("Toys/Toy-v0", *save_as("run"), "--env_args", "length=5")
    test = ["--load_weights", "run/run_1.pkl", "--train_steps", "0", "--test_games", "2"]
    told = run(*test)
    assert told.startswith("games: 2, mean: ")
    assert 2.5 <= float(told.split()[3]) <= 3  # five steps, each worth 0.5 to 0.6


def test_nothing_that_a_snapshot_names_is_imported_unasked(run, tmp_path, monkeypatch, capsys):
    run("Toys/Toy-v0", *save_as("run"))
    (tmp_path / "some_package.py").write_text("open('imported', 'w')")
    monkeypatch.syspath_prepend(str(tmp_path))
    snapshot = load_snapshot(tmp_path / "run" / "run_1.pkl")
    snapshot.metadata.flags["env_import"] = "some_package"
    snapshot.metadata.game = "Some/Game-v0"
    save_snapshot(snapshot, tmp_path / "some.pkl")
    assert main.main(["--load_weights", "some.pkl", "--train_steps", "0"]) == 2
    assert "needs --env_import some_package: add it, if you trust" in capsys.readouterr().err
    assert not (tmp_path / "imported").exists()


def test_episodes_are_recorded_and_counted_over_a_stop(run, tmp_path):
    flags = ["--env_args", "length=25", "--record_episodes", "every:2", "--episodes_path", "v"]
    run("Toys/Toy-v0", *save_as("run"), *flags)  # 110 steps: four episodes, and part of a fifth
    names = {path.name for path in (tmp_path / "v").iterdir()}
    assert names == {f"episode_00000{n}.mp4" for n in (1, 3, 5)} | {"test_episode_000001.mp4"}
    run("Toys/Toy-v0", *save_as("run"), *flags[2:], "--epochs", "2")
    names = {path.name for path in (tmp_path / "v").iterdir()}
    assert {"episode_000005.mp4", "episode_000005.mp4.1", "episode_000007.mp4"} <= names


def test_a_test_leaves_statistics_and_videos_of_its_episodes(run, tmp_path):
    run("Toys/Toy-v0", *save_as("run"), "--env_args", "length=5")
    test = ["--load_weights", "run/run_1.pkl", "--train_steps", "0", "--test_games", "3"]
    run(*test, "--random_steps", "0", "--record_episodes", "1", "--episodes_path", "results")
    names = sorted(path.name for path in (tmp_path / "results").iterdir())
    assert names == ["episode_000001.mp4", "episodes.csv", "episodes.json"]
    summary = json.loads((tmp_path / "results" / "episodes.json").read_text())
    assert (summary["game"], summary["n_eval_episodes"]) == ("Toys/Toy-v0", 3)
    assert summary["episode_lengths"] == [5, 5, 5]


def test_vectors_choose_a_dense_network_by_themselves(run, tmp_path, caplog):
    run("CartPole-v1", *save_as("run"))
    assert "Using --network dense: observations are 4 numbers" in caplog.text
    assert load_snapshot(tmp_path / "run" / "run_1.pkl").architecture.convolutions == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["CartPole-v7"], "Gymnasium has no environment 'CartPole-v7': did you mean CartPole-v1"),
        (["Pendulum-v1"], "the actions of Pendulum-v1 are Box"),
        (["Toys/Toy-v0", "--env_args", "kind=dict"], "the observations of Toys/Toy-v0 are Dict"),
        (["Toys/Toy-v0", "--env_args", "kind"], "is not key=value"),
        (["CartPole-v1", "--env_import", "no/path"], "is not the name of a module"),
        (["CartPole-v1", "--env_import", "no_such_module"], "no module no_such_module"),
        (["CartPole-v1", "--observation", "ram"], "--env_args obs_type=ram"),
        (["ALE/Pong-v5", "--minimal_action_set", "false"], "--env_args full_action_space=true"),
        (["CartPole-v1", "--network", "conv8x4s2"], "use --network dense"),
        (["pong", "--environment", "ale", "--env_args", "a=1"], "--env_args needs --environment"),
    ],
)
def test_bad_input_is_one_line(run, arguments, message):
    assert message in run(*arguments, status=2)


@pytest.mark.parametrize("fault", ["raises", "nan", "reward", "shape", "old"])
def test_an_environment_that_fails_is_one_line_and_the_checkpoint_stays(run, tmp_path, fault):
    """It fails in its second game, which begins in the second epoch."""
    flags = ["--env_args", f"fault={fault},length=150", "--epochs", "3", "--test_steps", "0"]
    line = run("Toys/Toy-v0", *save_as("run"), *flags, status=2)
    assert "Toys/Toy-v0 failed after" in line
    assert "of game 2" in line
    assert (tmp_path / "run" / "run_1.pkl").exists()
    assert len(list((tmp_path / "run" / "run.checkpoint").glob("generation-*"))) == 2
    assert "failed after" in run("Toys/Toy-v0", *save_as("run"), "--epochs", "3", status=2)


def test_several_actors_play_in_several_processes(run, tmp_path, monkeypatch):
    monkeypatch.setattr("dqn.actors.create.usable_cores", lambda: 2)
    monkeypatch.setenv("PYTHONPATH", str(PROJECT / "tests"))
    run("Toys/Short-v0", *save_as("whole"), "--epochs", "2", "--actors", "2")
    run("Toys/Short-v0", *save_as("stopped"), "--actors", "2")
    run("Toys/Short-v0", *save_as("stopped"), "--epochs", "2")
    assert results(tmp_path / "whole") == results(tmp_path / "stopped")


def test_an_environment_that_fails_in_another_process_is_one_line(run, monkeypatch):
    monkeypatch.setattr("dqn.actors.create.usable_cores", lambda: 2)
    monkeypatch.setenv("PYTHONPATH", str(PROJECT / "tests"))
    flags = ["--env_args", "fault=raises,length=20", "--actors", "2"]
    assert "RuntimeError: the toy broke" in run("Toys/Toy-v0", *flags, status=2)


KILLED = {
    "CartPole-v1": "--train_steps 900 --dense_units 16",
    "ALE/Breakout-v5": "--train_steps 400 --screen_width 44 --screen_height 44",
    "BreakoutNoFrameskip-v4": "--train_steps 300 --screen_width 44 --screen_height 44",
}


@pytest.mark.slow
@pytest.mark.parametrize("game", KILLED)
def test_ten_kills_at_random_moments_change_nothing(game, tmp_path):
    flags = [
        *(game, "--environment", "gym", "--backend", "cpu", "--random_seed", "4"),
        *"--epochs 3 --random_steps 200 --test_steps 150 --replay_size 450 --batch_size 8".split(),
        *("--target_steps", "130", *KILLED[game].split()),
    ]
    for folder in ("whole", "killed"):
        (tmp_path / folder).mkdir()
    whole = Training(tmp_path / "whole", base=flags)
    whole.run()
    killed = Training(tmp_path / "killed", base=[*flags, "--checkpoint_steps", "110"])
    kill_until_done(killed, 10, random.Random(1))
    assert killed.results() == whole.results()

"""What a user gets whose files belong to others: one line, and everything as it was.

Root may do everything: its tests run again in a process without its capabilities.
"""

import logging
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import main
from helpers.paths import PROJECT

STICKY = "TEST_STICKY_FOLDER"  # the variable that names a folder of another user's files
OTHER_USER = 1234
FLAGS = (
    "breakout --backend cpu --random_steps 40 --train_steps 20 --test_steps 20 --epochs 1 "
    "--screen_width 36 --screen_height 36 --replay_size 60 --batch_size 4 --random_seed 1 "
    "--random_starts 4 --save_weights_prefix s/run --csv_file r/run.csv"
).split()
ONE_MORE = ("--epochs", "2")


def is_mighty() -> bool:
    """Whether this process may do what the permissions forbid."""
    status = Path("/proc/self/status")
    if not status.exists():
        return os.geteuid() == 0
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("CapEff")]
    return int(line.split()[1], 16) != 0


as_anybody = pytest.mark.skipif(is_mighty(), reason="run again without root's capabilities")


@pytest.mark.skipif(not is_mighty(), reason="the tests below have run already")
def test_all_of_this_holds_for_others_than_root(tmp_path):
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv to give up capabilities with")
    sticky = tmp_path / "sticky"
    sticky.mkdir()
    for name in ("r.csv", "s_1.pkl", "c.checkpoint/lock"):
        (sticky / name).parent.mkdir(exist_ok=True)
        (sticky / name).write_text("not yours")
    for path in (sticky, *sticky.rglob("*")):
        os.chown(path, OTHER_USER, -1)
    sticky.chmod(0o1777)
    nothing = ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    again = subprocess.run(
        ["setpriv", *nothing, *tests, f"--basetemp={tmp_path / 'again'}"],
        env={**os.environ, STICKY: str(sticky)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    print(again.stdout)
    assert again.returncode == 0
    assert "passed" in again.stdout


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a run of one epoch."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        assert main.main(FLAGS) == 0
    return folder


@pytest.fixture
def run(finished, tmp_path, monkeypatch, capsys, caplog):
    """Run the program in a copy of that folder; returns the line of an error."""
    shutil.copytree(finished, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    caplog.set_level(logging.INFO)

    def run(*flags, status=2):
        got = main.main([*FLAGS, *flags])
        errors = capsys.readouterr().err
        assert got == status, errors
        if status == 0:
            return errors
        (line,) = errors.splitlines()
        assert line.startswith("error: ")
        assert "disk space" not in line
        return line

    yield run
    for path in (tmp_path / "here").rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755)


def allow(path):
    """Let everything be read again, from the outside in."""
    path.chmod(0o755)
    if path.is_dir():
        for inner in path.iterdir():
            allow(inner)


def contents():
    return {
        str(path): path.read_bytes()
        for path in sorted(Path().rglob("*"))
        if path.is_file() and path.name != "lock"
    }


READ, WRITE, SEARCH = stat.S_IRUSR, stat.S_IWUSR, stat.S_IXUSR


@as_anybody
@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("s/run.checkpoint/lock", READ),
        ("s/run.checkpoint/lock", 0),
        ("s/run.checkpoint", WRITE | SEARCH),
        ("s/run.checkpoint", READ | SEARCH),
        ("s/run.checkpoint", READ | WRITE),
        ("s/run.checkpoint/generation-000002", 0),
        ("s/run.checkpoint/generation-000002", READ),
        ("s/run.checkpoint/generation-000002/state.json", 0),
        ("s/run.checkpoint/generation-000002/arrays.npz", WRITE),
        ("s/run.checkpoint/steps", READ | SEARCH),
        ("s/run.checkpoint/steps", READ | WRITE),
        ("s/run.checkpoint/steps", WRITE | SEARCH),
        ("s/run.checkpoint/steps/000000000000.steps", 0),
        ("s", READ | SEARCH),
        ("s", WRITE | SEARCH),
        ("s", READ | WRITE),
        ("r", READ | SEARCH),
        ("r", READ | WRITE),
    ],
)
def test_a_run_that_cannot_go_on_says_which_permission_it_lacks(run, name, mode):
    before = contents()
    Path(name).chmod(mode)
    line = run(*ONE_MORE)
    assert "(Permission denied): change the permissions, or choose another place" in line
    assert name.split("/")[0] in line
    allow(Path("r"))
    allow(Path("s"))
    assert contents() == before
    run(*ONE_MORE, status=0)
    assert not list(Path().rglob("*.1"))


@as_anybody
@pytest.mark.parametrize("flags", [ONE_MORE, ("--restart",), ("--checkpoint", "false")])
def test_a_folder_that_cannot_be_listed_is_written_into(run, flags):
    Path("r").chmod(WRITE | SEARCH)
    run(*flags, status=0)
    Path("r").chmod(0o755)
    assert (flags == ONE_MORE) == (not list(Path("r").glob("*.csv.1")))


@as_anybody
@pytest.mark.parametrize("name", ["r/run.csv", "r/run.games.csv", "r/run.args"])
@pytest.mark.parametrize("mode", [0, READ])
def test_rows_and_flags_that_may_not_be_written_any_more_are_written_anew(run, name, mode):
    before = contents()[name]
    Path(name).chmod(mode)
    run(*ONE_MORE, status=0)
    allow(Path("r"))
    if name.endswith(".csv"):
        assert Path(f"{name}.1").read_bytes() == before
    assert contents()[name].startswith(before[:100])


@as_anybody
def test_files_in_the_way_that_cannot_be_read_are_moved_aside(run):
    before = contents()
    for name in ("r/run.csv", "r/run.games.csv", "s/run_1.pkl"):
        Path(name).chmod(0)
    run("--restart", "--random_seed", "2", status=0)
    allow(Path())
    for name in ("r/run.csv", "r/run.games.csv", "s/run_1.pkl"):
        assert contents()[f"{name}.1"] == before[name]
        assert name in contents()


@as_anybody
@pytest.mark.parametrize(
    ("flags", "forbidden"),
    [
        (["--load_weights", "s/run_1.pkl", "--start_epoch", "7", "--epochs", "8"], "s/run_1.pkl"),
        (["--epochs", "2", "--replay_file", "new/replay"], "new"),
        (["--play_games", "1", "--video_file", "new/a.mov"], "new"),
        (["--play_games", "1", "--record_screen_path", "new"], "new"),
        (["--play_games", "1", "--record_screen_path", "new/frames"], "new"),
        (["--play_games", "1", "--record_sound_filename", "new/a.wav"], "new"),
        (["--save_weights_prefix", "new/run"], "new"),
        (["--save_weights_prefix", "new/folder/run"], "new"),
        (["--csv_file", "new/folder/run.csv", "--checkpoint", "false"], "new"),
    ],
)
@pytest.mark.parametrize("mode", [0, READ | SEARCH])
def test_every_other_file_that_may_not_be_used_is_one_line(run, flags, forbidden, mode):
    Path("new").mkdir()
    Path(forbidden).chmod(mode if forbidden == "new" else 0)
    assert "permissions" in run(*flags)


@as_anybody
@pytest.mark.parametrize(
    "flags",
    [["--csv_file", "r.csv"], ["--save_weights_prefix", "c"], ["--save_weights_prefix", "s"]],
)
def test_another_user_s_files_in_a_sticky_folder_stay(run, flags):
    if STICKY not in os.environ:
        pytest.skip("no other user here")
    sticky = Path(os.environ[STICKY])
    flag, name = flags
    line = run("--checkpoint", str(name == "c"), flag, str(sticky / name))
    assert "change the permissions, or choose another place" in line
    assert {path.read_text() for path in sticky.rglob("*") if path.is_file()} == {"not yours"}

"""What the shell scripts make of their arguments."""

import shutil
import subprocess
from pathlib import Path

import pytest

from helpers.stand_in import Project, assert_one_line_error


def run(project: Project, script: str, *args: str, **options) -> list[str]:
    """Run a script; return the program it chose and that program's arguments."""
    program, *arguments = project.run(script, *args, **options).report["argv"]
    return [str(Path(program).relative_to(project.root / "src")), *arguments]


def outputs(project: Project, name: str) -> list[str]:
    """The two flags of train.sh that say where a run called `name` is kept."""
    root = project.root
    csv = f"{root}/results/{name}.csv"
    return ["--save_weights_prefix", f"{root}/snapshots/{name}", "--csv_file", csv]


@pytest.mark.parametrize(
    ("given", "game", "name", "flags"),
    [
        (["roms/breakout.bin"], "roms/breakout.bin", "breakout", []),
        (["breakout"], "breakout", "breakout", []),
        (["breakout", "fast"], "breakout", "breakout_fast", []),
        (["roms/BREAKOUT.BIN", "Fast"], "roms/BREAKOUT.BIN", "breakout_Fast", []),
        (["breakout", "--epochs", "1"], "breakout", "breakout", ["--epochs", "1"]),
        (["breakout", "@nature.args"], "breakout", "breakout", ["@nature.args"]),
        (["breakout", "fast", "@a b", "-x", ""], "breakout", "breakout_fast", ["@a b", "-x", ""]),
        (["my roms/Space Invaders.bin", "two words"], None, "space invaders_two words", []),
        (["../x.y/v1.2.bin", "v1.5"], "../x.y/v1.2.bin", "v1.2_v1.5", []),
        (["$HOME/*.bin", "a'b"], "$HOME/*.bin", "*_a'b", []),
    ],
)
def test_train_names_a_run_after_its_game_and_label(light_project, given, game, name, flags):
    expected = ["main.py", game or given[0], *outputs(light_project, name), *flags]
    assert run(light_project, "train.sh", *given) == expected


def test_train_puts_the_users_flags_last_so_that_they_win(light_project):
    arguments = run(light_project, "train.sh", "pong", "--csv_file", "mine.csv")
    assert arguments[-2:] == ["--csv_file", "mine.csv"]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (["ALE/Breakout-v5", "--environment", "gym"], "Breakout-v5"),
        (["CartPole-v1", "fast", "--environment=Gym"], "CartPole-v1_fast"),
        (["My.Own-v1.2", "@presets/toy.args"], "My.Own-v1.2"),
    ],
)
def test_train_names_a_run_after_the_id_of_an_environment(light_project, given, name):
    (light_project.root / "presets").mkdir()
    (light_project.root / "presets" / "toy.args").write_text(
        "--epochs 3\n--environment gym # yes\n"
    )
    flags = [word for word in given[1:] if word != "fast"]
    assert run(light_project, "train.sh", *given) == [
        *["main.py", given[0]],
        *outputs(light_project, name),
        *flags,
    ]


@pytest.mark.parametrize("flags", [["--environment", "gym"], ["@some.args"]])
def test_gymnasium_is_required_only_where_it_is_asked_for(ready_project, flags):
    """A requirement that cannot be met makes the script fail."""
    root = ready_project.root
    (root / "requirements-gym.txt").write_text("no-such-package==1\n")
    (root / "some.args").write_text("# --environment gym\n--environment=gym\n")
    assert run(ready_project, "train.sh", "pong")[0] == "main.py"
    result = ready_project.run("train.sh", "CartPole-v1", *flags)
    assert result.returncode == 2
    assert "no-such-package==1" in result.stderr
    assert "requirements-gym.txt asks for" in result.stderr


@pytest.mark.parametrize("label", ["", "a/b", "/"])
def test_train_refuses_a_label_that_cannot_be_part_of_a_file_name(light_project, label):
    result = light_project.run("train.sh", "pong.bin", label, "--epochs", "1")
    assert_one_line_error(result, f"the label '{label}'")
    assert not light_project.has_started()


@pytest.mark.parametrize("game", ["roms/", ".bin"])
def test_train_refuses_a_game_without_a_name(light_project, game):
    assert_one_line_error(light_project.run("train.sh", game), start="usage: ./train.sh GAME ")


@pytest.mark.parametrize(
    ("snapshot", "name", "epoch"),
    [
        ("breakout_77.pkl", "breakout", "77"),
        ("breakout_fast_007.prm", "breakout_fast", "007"),
        ("space invaders_v1.5_10.pkl", "space invaders_v1.5", "10"),
        ("breakout_200", "breakout", "200"),
    ],
)
def test_resume_goes_on_after_the_epoch_in_the_snapshots_name(light_project, snapshot, name, epoch):
    path = light_project.root / "snapshots" / snapshot
    path.touch()
    assert run(light_project, "resume.sh", str(path), "--epochs", "300") == [
        *["main.py", "--load_weights", str(path), "--start_epoch", epoch],
        *["--save_weights_prefix", f"{light_project.root}/snapshots/{name}"],
        *["--csv_file", f"{light_project.root}/results/{name}_{epoch}.csv"],
        *["--epochs", "300"],
    ]


@pytest.mark.parametrize(
    ("snapshot", "run_name"),
    [
        ("breakout_best.pkl", "breakout"),
        ("favourite.pkl", "favourite"),
        ("_7.pkl", "_7"),
        ("breakout_7a.pkl", "breakout_7a"),
    ],
)
def test_resume_takes_the_epoch_that_the_snapshot_records_where_its_name_has_none(
    light_project, snapshot, run_name
):
    (light_project.root / snapshot).touch()
    root = light_project.root
    assert run(light_project, "resume.sh", snapshot, "--start_epoch", "12") == [
        *["main.py", "--load_weights", snapshot, "--start_epoch", "auto"],
        *["--save_weights_prefix", f"{root}/snapshots/{run_name}"],
        *["--csv_file", f"{root}/results/{Path(snapshot).stem}.csv"],
        *["--start_epoch", "12"],
    ]


@pytest.mark.parametrize(
    ("snapshot", "run_name"),
    [
        ("breakout_3.25000.pkl", "breakout"),
        ("breakout_v1.5_3.25000.safetensors", "breakout_v1.5"),
        ("breakout_7_1.16.pkl", "breakout_7"),
    ],
)
def test_resume_takes_a_snapshot_from_within_an_epoch(light_project, snapshot, run_name):
    (light_project.root / snapshot).touch()
    root = light_project.root
    assert run(light_project, "resume.sh", snapshot) == [
        *["main.py", "--load_weights", snapshot, "--start_epoch", "auto"],
        *["--save_weights_prefix", f"{root}/snapshots/{run_name}"],
        *["--csv_file", f"{root}/results/{Path(snapshot).stem}.csv"],
    ]


@pytest.mark.parametrize("name", ["snapshots/pong_3.pkl", "nonsense", "snapshots"])
def test_resume_says_first_that_there_is_no_such_snapshot(light_project, name):
    assert_one_line_error(light_project.run("resume.sh", name), f"there is no snapshot {name}")


def test_test_neither_plays_at_random_nor_trains(light_project):
    assert run(light_project, "test.sh", "my nets/pong_3.pkl", "@x", "--test_games", "30") == [
        *["main.py", "--load_weights", "my nets/pong_3.pkl"],
        *["--random_steps", "0", "--train_steps", "0", "--epochs", "1"],
        *["@x", "--test_games", "30"],
    ]


@pytest.mark.parametrize(
    ("snapshot", "name", "folder"),
    [
        ("snapshots/breakout_10.pkl", "breakout_10", "breakout"),
        ("my nets/space_invaders_fast_7.safetensors", "space_invaders_fast_7", None),
        ("best.pkl", "best", "best"),
        ("breakout_3.25000.pkl", "breakout_3.25000", "breakout"),
        ("breakout_200", "breakout_200", "breakout"),
    ],
)
def test_record_names_the_video_after_the_snapshot(light_project, snapshot, name, folder):
    videos = f"{light_project.root}/videos"
    assert run(light_project, "record.sh", snapshot, "@x", "--record_games", "3") == [
        *["main.py", "--load_weights", snapshot, "--play_games", "1"],
        *["--video_file", f"{videos}/{name}.mov"],
        *["--record_screen_path", f"{videos}/{folder or 'space_invaders_fast'}"],
        *["@x", "--record_games", "3"],
    ]


PLAY = ["--play_games", "auto", "--display_screen", "auto"]


@pytest.mark.parametrize("name", ["my nets/pong_3.pkl", "a.prm", "pong.safetensors"])
def test_play_shows_a_snapshot(light_project, name):
    assert run(light_project, "play.sh", name, "@x", "--play_games", "3") == [
        *["main.py", "--load_weights", name, *PLAY, "@x", "--play_games", "3"],
    ]


@pytest.fixture
def pretrained(light_project):
    network = light_project.root / "snapshots/pretrained/pong.safetensors"
    network.parent.mkdir(parents=True)
    network.touch()
    return str(network)


@pytest.mark.parametrize("flags", [[], ["--random_seed", "1"]])
@pytest.mark.parametrize("script", ["play.sh", "record.sh", "nvis.sh"])
def test_a_network_that_came_with_the_program_plays_where_none_is_named(
    light_project, pretrained, script, flags
):
    assert run(light_project, script, *flags) == run(light_project, script, pretrained, *flags)


@pytest.mark.parametrize("name", ["none", "mine.pkl"])
def test_a_snapshot_that_is_named_plays_instead(light_project, pretrained, name):
    assert pretrained not in run(light_project, "play.sh", name)


@pytest.mark.parametrize("flag", ["--help", "-h", "--load_weights=mine.pkl"])
@pytest.mark.parametrize("script", ["play.sh", "record.sh", "nvis.sh"])
def test_it_does_not_play_where_another_one_or_help_is_wanted(
    light_project, pretrained, script, flag
):
    assert run(light_project, script, flag) == [PROGRAMS.get(script, "main.py"), flag]


@pytest.mark.parametrize("name", ["roms/breakout.bin", "my roms/PONG.BIN", "pong"])
def test_play_lets_a_person_play_a_game(light_project, name):
    assert run(light_project, "play.sh", name, "--sound", "false") == [
        *["main.py", name, *PLAY, "--sound", "false"],
    ]


def test_play_takes_an_unusual_name_of_a_file_for_a_snapshot(light_project):
    path = light_project.root / "breakout_200"
    path.touch()
    arguments = run(light_project, "play.sh", str(path))
    assert arguments == ["main.py", "--load_weights", str(path), *PLAY]


@pytest.mark.parametrize(
    ("snapshot", "page"),
    [
        ("snapshots/breakout_77.pkl", "breakout"),
        ("my nets/space_invaders_fast_7.safetensors", "space_invaders_fast"),
        ("breakout_best.pkl", "breakout_best"),
        ("breakout_3.25000.pkl", "breakout"),
    ],
)
def test_nvis_names_the_page_after_the_run(light_project, snapshot, page):
    assert run(light_project, "nvis.sh", snapshot, "@x", "--visualization_filters", "16") == [
        *["nvis.py", "--load_weights", snapshot, "--play_games", "1"],
        *["--visualization_file", f"{light_project.root}/results/{page}.html"],
        *["@x", "--visualization_filters", "16"],
    ]


def test_plot_passes_everything_on(light_project):
    arguments = ["my results/a.csv", "b.csv", "--png_file", "c d.png"]
    assert run(light_project, "plot.sh", *arguments) == ["plot.py", *arguments]


@pytest.mark.parametrize("name", ["sweep", "report"])
def test_sweep_and_report_pass_everything_on(light_project, name):
    arguments = ["breakout,pong", "--slurm_args", "--partition=a b", "@x", ""]
    assert run(light_project, f"{name}.sh", *arguments) == [f"{name}.py", *arguments]


def test_convert_passes_everything_on(light_project):
    arguments = ["my snapshots/a.pkl", "b c.safetensors"]
    assert run(light_project, "convert.sh", *arguments) == ["convert.py", *arguments]


def test_share_passes_everything_on(light_project):
    arguments = ["my snapshots/a.pkl", "--push", "me/x", "@x", ""]
    assert run(light_project, "share.sh", *arguments) == ["share.py", *arguments]


def test_upload_gym_says_that_its_site_is_gone_and_shares(light_project):
    result = light_project.run("upload_gym.sh", "results/Breakout-v5", "--push", "me/x")
    assert result.report["argv"][1:] == ["results/Breakout-v5", "--push", "me/x"]
    assert result.stderr.startswith("The site of OpenAI's Gym is gone: ./share.sh shares")
    refused = light_project.run("upload_gym.sh")
    assert_one_line_error(refused, start="usage: ./upload_gym.sh RESULTS_FOLDER ")


@pytest.mark.parametrize("address", ["hf:me/dqn-v1.5_7", "hf:me/dqn-v1.5_7@main/pong_3.pkl"])
def test_what_is_made_of_a_network_on_the_hub_has_its_repositorys_name(light_project, address):
    root = light_project.root
    load = ["main.py", "--load_weights", address]
    assert run(light_project, "play.sh", address) == [*load, *PLAY]
    assert run(light_project, "test.sh", address, "--test_games", "3")[:3] == load
    video = run(light_project, "record.sh", address)
    assert video[:3] == load
    assert f"{root}/videos/dqn-v1.5_7.mov" in video
    assert f"{root}/results/dqn-v1.5.html" in run(light_project, "nvis.sh", address)
    assert run(light_project, "resume.sh", address) == [
        *[*load, "--start_epoch", "auto", "--save_weights_prefix"],
        *[f"{root}/snapshots/dqn-v1.5_7", "--csv_file", f"{root}/results/dqn-v1.5_7.csv"],
    ]


@pytest.mark.parametrize("words", [["play.sh", "hf:me/x"], ["train.sh", "--load_weights=hf:me/x"]])
def test_the_client_of_the_hub_is_required_only_where_it_is_asked_for(light_project, words):
    (light_project.root / "requirements-share.txt").unlink()
    assert run(light_project, "train.sh", "pong")[0] == "main.py"
    result = light_project.run(*words)
    assert result.returncode
    assert "requirements-share.txt" in result.stderr


def test_play_takes_one_thread_or_as_many_as_the_user_says(light_project):
    del light_project.env["OMP_NUM_THREADS"]  # which all tests have
    assert light_project.run("play.sh", "pong").report["threads"] == "1"
    result = light_project.run("play.sh", "pong", OMP_NUM_THREADS="3")
    assert result.report["threads"] == "3"


# Those that are for a program of their own; the others are for main.py.
OWN = ("nvis", "plot", "convert", "sweep", "report", "share")
PROGRAMS = {f"{name}.sh": f"{name}.py" for name in OWN}
SCRIPTS = ["train.sh", "resume.sh", "test.sh", "play.sh", "record.sh", *PROGRAMS]


@pytest.mark.parametrize("script", SCRIPTS)
def test_without_arguments_a_script_says_how_it_is_used(light_project, script):
    for arguments in ([], [""]):
        assert_one_line_error(light_project.run(script, *arguments), start=f"usage: ./{script} ")
    assert not light_project.has_started()


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize("mistake", ["./train.sh", "./train.sh pong /"])
def test_an_error_that_cannot_be_printed_has_its_exit_status(light_project, mistake, redirection):
    command = ["bash", "-c", f"{mistake} {redirection}"]
    assert subprocess.run(command, cwd=light_project.root, env=light_project.env).returncode == 2


@pytest.mark.parametrize(
    "script", ["train.sh", "resume.sh", "test.sh", "play.sh", "record.sh", "nvis.sh"]
)
def test_an_argument_file_is_not_taken_for_a_game_or_snapshot(light_project, script):
    assert_one_line_error(light_project.run(script, "@x.args"), start=f"usage: ./{script} ")


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_comes_from_the_program(light_project, script):
    program = PROGRAMS.get(script, "main.py")
    assert run(light_project, script, "--help") == [program, "--help"]


def test_the_programs_exit_status_is_the_scripts(light_project):
    assert light_project.run("train.sh", "pong", STATUS="3").returncode == 3


def test_scripts_work_from_any_folder_and_leave_the_users_paths_alone(light_project, tmp_path):
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    (elsewhere / "pong_3.pkl").touch()
    result = light_project.run("resume.sh", "pong_3.pkl", cwd=elsewhere)
    assert result.report["cwd"] == str(elsewhere)
    assert result.report["argv"][2] == "pong_3.pkl"
    assert f"{light_project.root}/snapshots/pong" in result.report["argv"]


@pytest.mark.parametrize("path", ["train.sh", "simple dqn/train.sh"])
def test_scripts_work_by_relative_paths_and_with_cdpath(light_project, path):
    folder = light_project.root if path == "train.sh" else light_project.root.parent
    decoy = light_project.root.parent / "decoy" / "simple dqn"
    decoy.mkdir(parents=True)
    output = subprocess.run(
        [shutil.which("bash"), path, "pong"],
        cwd=folder,
        env=light_project.env | {"CDPATH": str(decoy.parent)},
        capture_output=True,
        text=True,
    )
    assert output.stderr == ""
    assert f"{light_project.root}/snapshots/pong" in output.stdout


@pytest.mark.parametrize(
    ("snapshot", "folder"),
    [
        ("snapshots/Breakout-v5_77.pkl", "Breakout-v5"),
        ("CartPole-v1_best.pkl", "CartPole-v1"),
        ("CartPole-v1_fast_3.2500.safetensors", "CartPole-v1_fast"),
        ("mine.pkl", "mine"),
    ],
)
def test_test_gym_keeps_statistics_and_videos_in_a_folder_of_the_run(
    light_project, snapshot, folder
):
    assert run(light_project, "test_gym.sh", snapshot, "--test_games", "3") == [
        *["main.py", "--load_weights", snapshot, "--random_steps", "0", "--train_steps", "0"],
        *["--epochs", "1", "--test_games", "100", "--record_episodes", "every:25"],
        *["--episodes_path", f"{light_project.root}/results/{folder}", "--test_games", "3"],
    ]


@pytest.mark.parametrize("arguments", [[], ["--test_games", "3"], ["@some.args"]])
def test_test_gym_needs_a_snapshot(light_project, arguments):
    result = light_project.run("test_gym.sh", *arguments)
    assert_one_line_error(result, start="usage: ./test_gym.sh SNAPSHOT ")

"""Looking inside by the program: any network, and what cannot be looked at takes one line."""

import logging
import re

import numpy as np
import pytest

import main
import nvis
from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.layers import initial_layers
from dqn.snapshots.file import save_snapshot
from dqn.snapshots.snapshot import Metadata, Snapshot
from helpers.snapshots import PYTHON_27_BATCH_NORM, PYTHON_311

FLAGS = "--play_games=1 --max_game_frames=80 --random_starts=4 --random_seed=1".split()
SCREENS = Architecture(4, (4, 44, 44), (Convolution(5, 8, 8, 4), Convolution(3, 3, 3, 2)), (8,))
NETWORKS = {
    "one screen": Architecture(4, (1, 44, 44), (Convolution(3, 8, 8, 4),), (8,)),
    "two screens": Architecture(4, (2, 44, 44), (Convolution(3, 8, 8, 4),), (8,), dueling="avg"),
    "colours": Architecture(
        *(4, (3, 3, 44, 44), (Convolution(3, 8, 6, 4), Convolution(2, 3, 2, 1)), (8,)),
        activation="elu",
        biases=True,
        shared_convolutions=True,
    ),
}


def save(folder, architecture, name="breakout_1.pkl"):
    layers = initial_layers(architecture, np.random.default_rng(3))
    metadata = Metadata("breakout", [0, 1, 3, 4], architecture.state_shape, 3)
    save_snapshot(Snapshot(layers, architecture, metadata), folder / name)
    return folder / name


@pytest.fixture
def look(tmp_path, monkeypatch, capsys):
    """Looks into a network; returns the page, or with another status the last line of errors."""
    monkeypatch.chdir(tmp_path)

    def look(snapshot, *flags, status=0):
        file = tmp_path / "page.html"
        arguments = ["--load_weights", str(snapshot), "--visualization_file", str(file), *FLAGS]
        try:
            got = nvis.main([*arguments, *flags])
        except SystemExit as exit_:  # argparse
            got = exit_.code
        printed = capsys.readouterr()
        assert got == status, printed.err
        if status:
            assert printed.out == ""
            return printed.err.splitlines()[-1]
        assert printed.out == "page.html\n"
        return file.read_text("utf-8")

    return look


def cards(page):
    """The filters that are shown, by layer."""
    titles = re.findall(r"data-title='Layer (\d+), filter (\d+)'", page)
    return [(int(layer), int(number)) for layer, number in titles]


def test_the_first_filters_of_each_layer_are_shown(look, tmp_path):
    page = look(save(tmp_path, SCREENS), "--visualization_filters=4")
    shown = cards(page) + [(1, 0)] * page.count("card dead")
    assert set(shown) <= {(layer, n) for layer, count in ((1, 4), (2, 3)) for n in range(count)}
    assert len(shown) == 7
    assert "Here are 4 of 5" in page
    assert "Here are all 3" in page
    assert "Random" not in page


@pytest.mark.parametrize("kind", NETWORKS)
def test_any_network_that_sees_screens_can_be_looked_into(look, tmp_path, kind):
    page = look(save(tmp_path, NETWORKS[kind]), "--sanity=true")
    assert cards(page)
    assert page.count("<article class=moment>") == 4
    assert page.count("<img") == page.count("alt=")


@pytest.mark.parametrize("file", [PYTHON_311, PYTHON_27_BATCH_NORM], ids=["adam", "batch_norm"])
def test_neons_own_snapshots_can_be_looked_into(look, file):
    page = look(file, "breakout", "--visualization_filters=2")
    assert len(cards(page)) + page.count("card dead") >= 4


def test_of_the_ram_the_bytes_that_matter_are_shown(look, tmp_path):
    page = look(save(tmp_path, Architecture(4, (4, 128), (), (8,))), "--sanity=true")
    assert "Which inputs matter" in page
    assert len(re.findall(r"<th scope=row>\$[89A-F][0-9A-F]</th>", page)) == 24
    assert page.count("<td style=") == 128
    assert "Inputs, by occlusion" in page
    assert "What each filter responds to" not in page


def test_without_convolutions_a_line_says_that_there_are_no_filters(look, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    page = look(save(tmp_path, Architecture(4, (2, 44, 44), (), (8,))), "--sanity=true")
    assert "has no convolutions" in caplog.text
    assert "What each filter responds to" not in page
    assert page.count("<article class=moment>") == 4


def test_a_game_that_ends_at_once_is_looked_at(look, tmp_path):
    page = look(save(tmp_path, SCREENS), "--max_game_frames=1", "--random_starts=1")
    assert "in each of its 1 steps" in page or "its 1 step." in page
    assert len(cards(page)) + page.count("card dead") == 7


def test_the_same_seed_makes_the_same_page_and_an_older_one_is_moved_aside(look, tmp_path):
    snapshot = save(tmp_path, SCREENS)
    assert look(snapshot, "--sanity=true") == look(snapshot, "--sanity=true")
    assert (tmp_path / "page.html.1").exists()


def test_the_page_runs_nothing_that_a_name_says(look, tmp_path):
    page = look(save(tmp_path, SCREENS, "<script>alert(1)<'\"&.pkl"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;&#x27;&quot;&amp;.pkl" in page


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--visualization_filters=6"], "no layer of the network has more than 5 filters"),
        (["--visualization_filters=0"], "0 is below 1"),
        (["--visualization_file=a_file/page.html"], "cannot write into the folder"),
        (["--visualization_file=a_folder"], "a_folder is a folder"),
        (["--visualization_file=no/such/folder/x.html"], "there is neither"),
        (["--visualization_file=breakout_1.pkl"], "are the same file"),
        (["--load_weights=missing.pkl"], "does not exist"),
        (["--display_screen=window"], "use play.sh or record.sh"),
        (["--saliency=true"], "use play.sh or record.sh"),
        (["--visualisation_filters=2"], "did you mean --visualization_filters"),
    ],
)
def test_what_cannot_be_looked_at_takes_one_line(look, tmp_path, flags, words):
    snapshot = save(tmp_path, SCREENS)
    (tmp_path / "a_file").touch()
    (tmp_path / "a_folder").mkdir()
    line = look(snapshot, *flags, status=2)
    assert line.startswith("error: ")
    assert words in line
    assert {path.name for path in tmp_path.iterdir()} == {"a_file", "a_folder", snapshot.name}


def test_without_a_snapshot_a_line_says_how_to_name_one(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert nvis.main(["breakout", *FLAGS, "--visualization_file=x.html"]) == 2
    assert "name a snapshot: ./nvis.sh SNAPSHOT" in capsys.readouterr().err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_the_training_program_points_to_nvis(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    snapshot = save(tmp_path, SCREENS)
    flags = ["--load_weights", str(snapshot), *FLAGS, "--visualization_file=x.html"]
    assert main.main(flags) == 2
    assert "./nvis.sh SNAPSHOT" in capsys.readouterr().err.splitlines()[-1]

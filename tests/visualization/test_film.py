"""Games recorded with what the chosen action's value depends on."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import main
from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.layers import initial_layers
from dqn.snapshots.file import save_snapshot
from dqn.snapshots.snapshot import Metadata, Snapshot

av = pytest.importorskip("av")

SMALL = Architecture(4, (4, 44, 44), (Convolution(4, 8, 8, 4),), (8,))


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    path = tmp_path_factory.mktemp("snapshots") / "breakout_1.pkl"
    layers = initial_layers(SMALL, np.random.default_rng(1))
    save_snapshot(Snapshot(layers, SMALL, Metadata("breakout", [0, 1, 3, 4], (4, 44, 44))), path)
    return path


RECORD = ["--play_games=1", "--video_file=a.mov"]


def record(folder, snapshot, *flags):
    """The pictures of a game that is recorded in a folder."""
    arguments = ["--load_weights", str(snapshot), "--random_seed=5", "--max_game_frames=32"]
    paths = ["--video_file", f"{folder}/a.mov", "--record_screen_path", f"{folder}/frames"]
    arguments += ["--random_starts=4", "--play_games=1", *paths]
    assert main.main([*arguments, *flags]) == 0
    with av.open(str(folder / "a.mov")) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


@pytest.fixture(scope="module")
def plain(tmp_path_factory, snapshot):
    """The game as it is."""
    return record(tmp_path_factory.mktemp("plain"), snapshot)


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """The folder of the same game's film."""
    return tmp_path_factory.mktemp("film")


@pytest.fixture(scope="module")
def film(films, snapshot):
    """The pictures of that film."""
    return record(films, snapshot, "--saliency=true")


def difference(picture, other):
    return np.abs(picture.astype(int) - other).mean()


def test_the_game_is_the_same_and_glows_above_a_strip_of_q_values(plain, film):
    assert len(film) == len(plain) == 32
    assert plain[0].shape == (840, 1120, 3)
    assert film[0].shape == (840 + 168, 1120, 3)
    # The random start has no chosen action, and is as it was.
    assert difference(film[0][:840], plain[0]) < 2
    assert difference(film[-1][:840], plain[-1]) > 5
    assert difference(film[-1][840:], film[0][840:]) > 1
    # The layer has no gray, black and bricks' colours: it is red and blue at once.
    red, green, blue = np.moveaxis(film[-1][:840].astype(int), 2, 0)
    assert ((red > green + 40) & (blue > green + 40)).any()


def test_the_frames_in_the_folder_are_those_of_the_video(films, film):
    pictures = sorted((films / "frames").iterdir())
    assert len(pictures) == len(film)
    last = cv2.imread(str(pictures[-1]))[..., ::-1]
    height, width, _ = film[-1].shape
    assert last.shape == (height // 2, width // 2, 3)
    assert difference(last, cv2.resize(film[-1], None, fx=0.5, fy=0.5)) < 8


def test_the_same_seed_gives_the_same_film(film, films, snapshot, tmp_path):
    record(tmp_path, snapshot, "--saliency=true")
    assert (tmp_path / "a.mov").read_bytes() == (films / "a.mov").read_bytes()


def test_without_strength_the_pictures_are_the_games(plain, snapshot, tmp_path):
    flags = ["--saliency=true", "--saliency_method=gradient", "--saliency_strength=0"]
    for picture, expected in zip(record(tmp_path, snapshot, *flags), plain, strict=True):
        assert difference(picture[:840], expected) < 1


@pytest.fixture
def refusal(tmp_path, snapshot, monkeypatch, capsys):
    """The line that says why something cannot be recorded."""
    monkeypatch.chdir(tmp_path)

    def refusal(*flags):
        try:
            status = main.main(["--load_weights", str(snapshot), *flags])
        except SystemExit as exit_:  # argparse
            status = exit_.code
        assert status == 2
        return capsys.readouterr().err.splitlines()[-1]

    return refusal


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--saliency=true", "--play_games=1"], "use play.sh or record.sh"),
        ([*RECORD, "--saliency=true", "--saliency_method=guess"], "invalid choice: 'guess'"),
        ([*RECORD, "--saliency=true", "--saliency_strength=2"], "2 is above 1"),
    ],
)
def test_what_cannot_be_shown_takes_one_line(refusal, flags, words):
    assert words in refusal(*flags)
    assert list(Path().iterdir()) == []


def test_a_network_that_sees_the_ram_has_no_saliency(refusal, tmp_path):
    architecture = Architecture(4, (4, 128), (), (8,))
    layers = initial_layers(architecture, np.random.default_rng(1))
    metadata = Metadata("breakout", [0, 1, 3, 4], (4, 128))
    save_snapshot(Snapshot(layers, architecture, metadata), tmp_path / "ram.pkl")
    line = refusal(*RECORD, "--saliency=true", "--load_weights=ram.pkl")
    assert "needs a network that sees screens" in line
    assert "nvis.sh" in line


def test_a_person_alone_has_no_saliency(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main.main(["breakout", "--play_games=1", "--display_screen=auto", "--saliency=true"])
    assert "needs a trained network" in capsys.readouterr().err

"""Sharing by the program: the folder of a network, built, pushed, pulled and played."""

import csv
import hashlib
import io
import json
import warnings

import av
import cv2
import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file

import main
import share
from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.layers import initial_layers
from dqn.networks.torch_engine.inspector import TorchInspector
from dqn.snapshots.file import load_snapshot, save_snapshot
from dqn.snapshots.snapshot import Metadata, Snapshot
from helpers.local_hub import LocalHub, in_use
from helpers.runs import write_run

# A game is 40 frames long, and so are the tests short.
GAMES = "--test_games 3 --max_game_frames 40 --random_starts 4 --random_seed 5".split()
SCREENS = Architecture(4, (2, 44, 44), (Convolution(3, 8, 8, 4),), (8,), biases=True)
FLAGS = {"learning_rate": 0.001, "random_seed": 9, "screen_width": 44, "screen_height": 44}
BREAKOUT_MD5 = "f34f08e5eb96e500e851a80be3277a56"  # of the ROM that ale-py carries


def save(path, architecture=SCREENS, flags=FLAGS):
    layers = initial_layers(architecture, np.random.default_rng(3))
    for layer in layers:
        layer.weights = layer.weights.astype(np.float32)
        if layer.biases:
            layer.biases.values = layer.biases.values.astype(np.float32)
        layer.states = [np.ones_like(layer.weights)]
        if layer.biases:
            layer.biases.states = [np.ones_like(layer.biases.values)]
    about = Metadata("breakout", [0, 1, 3, 4], architecture.state_shape, 2, 2000, 500, flags)
    save_snapshot(Snapshot(layers, architecture, about), path)
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The snapshot and the folder that was built of it, with what its program printed."""
    folder = tmp_path_factory.mktemp("share")
    snapshot = save(folder / "breakout_fast_2.pkl")
    write_run(folder / "breakout_fast.csv", [1.0, 2.0], steps=1000)
    assert share.main([str(snapshot), "--output", str(folder / "shared"), *GAMES]) == 0
    return snapshot, folder / "shared"


def read_json(path):
    return json.loads(path.read_text())


def last_line(capsys):
    return capsys.readouterr().err.splitlines()[-1]


def test_the_folder_has_everything_and_its_checksums(built):
    snapshot, folder = built
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("README.md", "SHA256SUMS", "config.json", "results.json", "training.csv", "curve.png"),
        *("weights.safetensors", "breakout_fast_2.pkl", "agent.pt", "replay.mp4", "screen.png"),
    }
    assert (folder / "breakout_fast_2.pkl").read_bytes() == snapshot.read_bytes()
    run = snapshot.with_name("breakout_fast.csv")
    assert (folder / "training.csv").read_bytes() == run.read_bytes()
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    sums = {line[66:]: line[:64] for line in lines}
    files = {name: (folder / name).read_bytes() for name in names - {"SHA256SUMS"}}
    assert sums == {name: hashlib.sha256(files[name]).hexdigest() for name in files}


def test_the_config_has_all_flags_and_the_results_every_score(built):
    _, folder = built
    config, results = read_json(folder / "config.json"), read_json(folder / "results.json")
    assert FLAGS.items() <= config["flags"].items()
    assert config["flags"]["frame_skip"] == 4
    assert (config["train_steps"], config["snapshot"]) == (2000, "breakout_fast_2.pkl")
    scores = results["episode_rewards"]
    assert len(scores) == results["n_eval_episodes"] == 3
    assert results["mean_reward"] == pytest.approx(np.mean(scores))
    assert results["std_reward"] == pytest.approx(np.std(scores))
    assert results["rom"]["md5"] == BREAKOUT_MD5
    assert results["random_seed"] == 5
    assert results["is_deterministic"] is False
    assert results["versions"]["torch"] == torch.__version__
    assert results["protocol"]["Frame cap of a game"] == "40 (0.0111 min)"
    assert results["training"]["steps"] == 2000
    assert results["training"]["seed"] == 9
    command = results["training"]["command"]
    assert command.startswith("./train.sh breakout fast ")
    assert "--learning_rate 0.001" in command


def test_test_sh_plays_the_same_games_by_the_weights_alone(built, tmp_path, capsys):
    _, folder = built
    weights = str(folder / "weights.safetensors")
    phases = "--random_steps 0 --train_steps 0 --epochs 1".split()
    flags = [*phases, *GAMES, "--csv_file", str(tmp_path / "test.csv")]
    assert main.main(["--load_weights", weights, *flags]) == 0
    with open(tmp_path / "test.games.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    results = read_json(folder / "results.json")
    assert [float(row["score"]) for row in rows] == results["episode_rewards"]
    assert [int(row["frames"]) for row in rows] == results["episode_frames"]


def test_the_cards_example_and_the_agent_give_the_networks_q_values(built, monkeypatch):
    snapshot, folder = built
    text = (folder / "README.md").read_text()
    monkeypatch.chdir(folder)
    code = text.split("```python\n")[1].split("```")[0]
    names = {}
    exec(code, names)
    states = np.random.default_rng(1).integers(256, size=(5, 2, 44, 44), dtype=np.uint8)
    expected = TorchInspector(SCREENS, load_snapshot(snapshot).layers).predict(states)
    x = torch.from_numpy(states)
    np.testing.assert_allclose(names["q"](x / 255).detach().numpy(), expected, atol=1e-6)
    assert names["actions"].shape == (1,)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        q_values = torch.jit.load(io.BytesIO((folder / "agent.pt").read_bytes()))(x)
    np.testing.assert_allclose(q_values.detach().numpy(), expected, atol=1e-6)
    assert list(load_file("weights.safetensors")) == ["0.bias", "0.weight"] + [
        f"{number}.{kind}" for number in (3, 5) for kind in ("bias", "weight")
    ]


def test_the_weights_are_the_snapshots_without_the_optimizers_states(built):
    snapshot, folder = built
    whole, bare = load_snapshot(snapshot), load_snapshot(folder / "weights.safetensors")
    assert bare.metadata == whole.metadata
    assert bare.architecture == whole.architecture
    for layer, other in zip(whole.layers, bare.layers, strict=True):
        np.testing.assert_array_equal(layer.weights, other.weights)
        assert layer.states
        assert not other.states


def test_the_video_has_h264_and_sound_and_the_pictures_are_pictures(built):
    _, folder = built
    with av.open(str(folder / "replay.mp4")) as video:
        assert [stream.codec_context.name for stream in video.streams] == ["h264", "aac"]
        height, width = video.streams.video[0].height, video.streams.video[0].width
    assert cv2.imread(str(folder / "screen.png")).shape == (height // 2, width // 2, 3)
    assert cv2.imread(str(folder / "curve.png")).shape == (450, 1200, 3)


def test_the_card_has_the_scores_of_the_results(built):
    _, folder = built
    card = ModelCard.load(folder / "README.md")
    results = read_json(folder / "results.json")
    value = f"{results['mean_reward']:.2f} +/- {results['std_reward']:.2f}"
    assert card.data.eval_results[0].metric_value == value
    assert card.data.eval_results[0].dataset_type == "BreakoutNoFrameskip-v4"
    assert "./test.sh hf:OWNER/NAME --test_games 3 --exploration_rate_test 0.05" in card.text


def test_it_is_pushed_as_built_and_plays_from_the_hub(built, tmp_path, monkeypatch, capsys):
    snapshot, folder = built
    arguments = [str(snapshot), "--output", str(folder), *GAMES]
    times = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    with LocalHub() as hub, in_use(hub, monkeypatch, tmp_path / "hf"):
        assert share.main([*arguments, "--push", "me/dqn-breakout"]) == 2
        assert "add --yes" in last_line(capsys)
        assert hub.requests == []
        assert share.main([*arguments, "--push", "me/dqn-breakout", "--yes"]) == 0
        assert capsys.readouterr().out == f"{hub.address}/me/dqn-breakout\n"
        assert hub.received == {path.name: path.read_bytes() for path in folder.iterdir()}
        assert "./play.sh hf:me/dqn-breakout" in hub.received["README.md"].decode()
        # Nothing but the card was made anew, and no game was played.
        changed = {p.name for p in folder.iterdir() if p.stat().st_mtime_ns != times[p.name]}
        assert changed == {"README.md", "SHA256SUMS"}
        words = ["--load_weights", "hf:me/dqn-breakout", *GAMES[2:], "--play_games", "1"]
        assert main.main(words) == 0
        assert "games: 1" in capsys.readouterr().out
        assert hub.downloads("breakout_fast_2.pkl") == []
        training = "--train_steps 8 --random_steps 8 --test_steps 0 --start_epoch auto --epochs 3"
        sizes = "--replay_size 100 --batch_size 2 --checkpoint false".split()
        prefix = ["--save_weights_prefix", str(tmp_path / "mine")]
        words = ["--load_weights", "hf:me/dqn-breakout", *training.split(), *sizes, *prefix]
        assert main.main(words) == 0
        assert hub.downloads("breakout_fast_2.pkl") == [None]
        assert load_snapshot(tmp_path / "mine_3.pkl").metadata.train_steps == 2008


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("no\n", 2), ("", 2)])
def test_it_asks_before_an_upload(built, tmp_path, monkeypatch, capsys, answer, status):
    _, folder = built
    terminal = io.StringIO(answer)
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    with LocalHub() as hub, in_use(hub, monkeypatch, tmp_path / "hf"):
        assert share.main([str(folder), "--push", "me/x"]) == status
        question = capsys.readouterr().err
        assert "Upload 11 files, " in question
        assert bool(hub.received) == (status == 0)
        if status:
            assert question.endswith("error: nothing was uploaded, as you did not say yes\n")


def test_a_folder_of_something_else_is_left_alone(built, tmp_path, capsys):
    snapshot, _ = built
    (tmp_path / "mine.txt").write_text("mine")
    assert share.main([str(snapshot), "--output", str(tmp_path), *GAMES]) == 2
    assert "was not built by share.sh" in last_line(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_that_was_changed_is_not_pushed(built, tmp_path, monkeypatch, capsys):
    _, folder = built
    content = (folder / "agent.pt").read_bytes()
    (folder / "agent.pt").write_bytes(b"evil")
    try:
        with LocalHub() as hub, in_use(hub, monkeypatch, tmp_path):
            assert share.main([str(folder), "--push", "me/x", "--yes"]) == 2
            assert "agent.pt was changed since" in last_line(capsys)
            assert hub.requests == []
    finally:
        (folder / "agent.pt").write_bytes(content)


def test_scores_that_test_gym_left_are_shared_as_they_are(built, tmp_path, capsys, monkeypatch):
    snapshot, _ = built
    results = tmp_path / "results" / "Breakout-v5"
    results.mkdir(parents=True)
    facts = {"game": "breakout", "snapshot": snapshot.name, "seed": "3", "exploration_rate": 0}
    games = {"episode_rewards": [7, 9], "episode_lengths": [1, 2], "episode_frames": [4, 8]}
    text = json.dumps(facts | games | {"eval_datetime": "2026-01-01T00:00:00+00:00"})
    (results / "episodes.json").write_text(text)
    monkeypatch.setattr(share, "PROJECT", tmp_path)
    assert share.main([str(results)]) == 2
    assert "--scores" in last_line(capsys)
    words = [str(snapshot), "--scores", str(results), *GAMES[2:6], "--output", str(tmp_path / "x")]
    assert share.main(words) == 0
    read = read_json(tmp_path / "x" / "results.json")
    assert (read["episode_rewards"], read["random_seed"]) == ([7.0, 9.0], 3)
    assert read["is_deterministic"] is True
    assert "8.00 +/- 1.00" in (tmp_path / "x" / "README.md").read_text()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "PATH"),
        (["missing.pkl"], "missing.pkl cannot be loaded: it does not exist"),
        (["a.pkl", "--push", "x"], "'x' is no name of a repository"),
        (["a.pkl", "--yes"], "--yes are for --push"),
        (["a.pkl", "--test_games", "0"], "0 is below 1"),
        (["."], "episodes.json"),
    ],
)
def test_what_cannot_be_shared_takes_one_line(words, line, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert share.main(words) == 2
    printed = capsys.readouterr().err.splitlines()
    assert printed[-1].startswith("error: ")
    assert line in printed[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_flag_of_no_program_is_refused(built, capsys, tmp_path):
    snapshot, _ = built
    words = [str(snapshot), "--output", str(tmp_path / "x"), "--tset_games", "3"]
    with pytest.raises(SystemExit) as end:
        share.main(words)
    assert end.value.code == 2
    assert "there is no flag --tset_games: did you mean" in last_line(capsys)
    assert not (tmp_path / "x").exists()

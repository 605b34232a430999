"""Every preset trains, stops, resumes to equal bytes, and its network is tested and recorded."""

import signal
import subprocess
import sys

import pytest

from dqn.options import agent_flags, game_flags, network_flags, parser, replay_flags
from helpers.crashes import FLAGS, STOPS, Training
from helpers.paths import MAIN, PROJECT

PRESETS = sorted(path.stem for path in (PROJECT / "presets").glob("*.args"))
# 2,000 steps of training, and what takes long besides made short
SHORT = (
    "--random_steps 300 --train_steps 1000 --epochs 2 --replay_size 1500 --test_games 1 "
    "--max_game_frames 1600 --target_steps 200 --snapshot_steps 600 --datatype float32"
).split()
GAMES = {"cartpole": "CartPole-v1"}  # all others are for Atari games
# A few updates of its 35 million weights tell as much as a thousand.
SELDOM = {"keras_rl2_screen": ["--train_frequency", "100"]}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_names_its_source_and_how_to_use_it(name):
    text = (PROJECT / "presets" / f"{name}.args").read_text()
    assert f"@presets/{name}.args" in text
    assert all(len(line) <= 120 for line in text.splitlines())


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_a_network_that_fits_what_it_observes(name):
    args = parser.parse(["breakout", f"@presets/{name}.args"], PROJECT)
    state_shape = (args.history_length, *game_flags.observation_settings(args).shape)
    assert network_flags.architecture(args, 4, state_shape).layer_shapes
    assert agent_flags.exploration(args)(0) == args.exploration_rate_start
    assert replay_flags.replay_settings(args).size == args.replay_size


def test_simple_dqn_is_the_default():
    preset = vars(parser.parse(["breakout", "@presets/simple_dqn.args"], PROJECT))
    assert preset == vars(parser.parse(["breakout"], PROJECT))


def test_the_keras_tutorials_network_has_the_size_that_it_prints():
    """Before dueling: 34,812,326 weights and biases, for the six actions of Space Invaders."""
    flags = ["space_invaders", "@presets/keras_rl2_screen.args", "--dueling", "false"]
    args = parser.parse(flags, PROJECT)
    shape = (args.history_length, *game_flags.observation_settings(args).shape)
    architecture = network_flags.architecture(args, 6, shape)
    biases = [layer.filters for layer in architecture.convolutions]
    biases += [units for units, _ in architecture.layer_shapes[len(biases) :]]
    assert sum(a * b for a, b in architecture.layer_shapes) + sum(biases) == 34_812_326


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_stopped_resumed_tested_and_recorded(name, tmp_path):
    flags = [f"@presets/{name}.args", *SHORT, *SELDOM.get(name, [])]
    base = [GAMES.get(name, "breakout"), *FLAGS[1:]]
    trainings = [Training(tmp_path / folder, *flags, base=base) for folder in ("whole", "stopped")]
    for training in trainings:
        training.folder.mkdir()
    whole, stopped = trainings
    whole.run()
    stopped.start()
    stopped.wait_for("breakout.games.csv", 2)
    stopped.process.send_signal(STOPS[0])
    assert stopped.process.wait() == 128 + signal.SIGTERM, stopped.process.communicate()[1]
    assert "Resuming" in stopped.run()
    assert stopped.results() == whole.results()

    snapshot = ["--load_weights", str(whole.folder / "breakout_2.pkl"), "--backend", "cpu"]
    test = "--random_steps 0 --train_steps 0 --epochs 1 --test_games 1".split()
    assert "mean" in main(*snapshot, *test)
    video = whole.folder / "game.mp4"
    main(*snapshot, "--video_file", str(video), "--record_games", "1")
    assert video.stat().st_size > 10_000


def main(*arguments: str) -> str:
    """What the program prints."""
    done = subprocess.run([sys.executable, str(MAIN), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout

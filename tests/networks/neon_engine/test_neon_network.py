"""Nervana Neon as the engine, beside PyTorch; without Neon, the way to install it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import main
from dqn import assembly
from dqn.environments.atari import AleEnvironment
from dqn.errors import UserError
from dqn.networks.architecture import Architecture
from dqn.networks.create import create_network
from dqn.snapshots.file import load_snapshot, save_snapshot
from dqn.snapshots.snapshot import Snapshot
from helpers.engines import (
    OPTIMIZERS,
    SHAPE,
    SMALL,
    difference,
    make_minibatch,
    needs_neon,
    show,
)
from helpers.networks import make_network

SOURCE = Path(main.__file__).parent
SHORT_RUN = (
    "breakout --random_seed 5 --backend cpu --replay_size 1000 --random_steps 100 --epochs 1 "
    "--test_steps 0 --log_level ERROR"
)


class Recorder:
    """A network, with all that it predicted and what its updates cost."""

    def __init__(self, network):
        self.network = network
        self.q_values = []
        self.costs = []

    def __getattr__(self, name):
        return getattr(self.network, name)

    def predict(self, states):
        self.q_values.append(self.network.predict(states))
        return self.q_values[-1]

    def train(self, minibatch):
        self.costs.append(self.network.train(minibatch).cost)
        return self.costs[-1]


def play(monkeypatch, engine, optimizer):
    """The actions, Q-values and costs of 200 training steps, nine of ten actions greedy."""
    actions = []
    recorders = []
    act = AleEnvironment.act

    def record_action(environment, action):
        actions.append(action)
        return act(environment, action)

    def create(*arguments):
        recorders.append(Recorder(create_network(*arguments)))
        return recorders[-1]

    with monkeypatch.context() as patch:
        patch.setattr(assembly, "create_network", create)
        patch.setattr(AleEnvironment, "act", record_action)
        flags = (
            f"--engine {engine} --optimizer {optimizer} --datatype float64 --train_steps 200 "
            "--exploration_rate_start 0.1 --target_steps 60"
        )
        assert main.main(f"{SHORT_RUN} {flags}".split()) == 0
    (recorder,) = recorders
    return actions, np.concatenate(recorder.q_values), np.array(recorder.costs)


@needs_neon
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_both_engines_play_and_learn_breakout_alike(monkeypatch, optimizer):
    """The same seed, 200 steps, 50 updates, 3 copies to the target network, float64."""
    actions, q_values, costs = play(monkeypatch, "torch", optimizer)
    neons_actions, neons_q_values, neons_costs = play(monkeypatch, "neon", optimizer)
    assert len(costs) == 50
    assert len(q_values) > 150
    assert actions == neons_actions
    differences = {
        "q": np.abs(q_values - neons_q_values).max() / np.abs(neons_q_values).max(),
        "cost": np.abs(costs - neons_costs).max() / np.abs(neons_costs).max(),
    }
    show(differences, "side by side", optimizer)
    assert max(differences.values()) <= 1e-8


@needs_neon
@pytest.mark.parametrize(("trains", "tests"), [("neon", "torch"), ("torch", "neon")])
def test_what_one_engine_trained_the_other_plays(trains, tests, tmp_path, capsys):
    prefix = tmp_path / "breakout"
    flags = f"--engine {trains} --train_steps 40 --save_weights_prefix {prefix}"
    assert main.main(f"{SHORT_RUN} {flags}".split()) == 0
    flags = (
        f"--engine {tests} --load_weights {prefix}_1.pkl --random_steps 0 --train_steps 0 "
        "--test_steps 50 --epochs 1 --backend cpu"
    )
    assert main.main(flags.split()) == 0
    assert "games" in capsys.readouterr().out


@needs_neon
def test_a_run_on_neon_repeats_to_the_byte(tmp_path):
    snapshots = []
    for name in ("one", "other"):
        flags = f"--engine neon --train_steps 40 --save_weights_prefix {tmp_path / name}"
        assert main.main(f"{SHORT_RUN} {flags}".split()) == 0
        snapshots.append((tmp_path / f"{name}_1.pkl").read_bytes())
    assert snapshots[0] == snapshots[1]


@needs_neon
@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"backend": "gpu"}, "use --backend cpu"),
        ({"backend": "mkl"}, "use --backend cpu"),
        ({"datatype": "bfloat16"}, "use --datatype"),
        ({"datatype": "bfloat16", "backend": "auto"}, "use --datatype"),
    ],
)
def test_what_neon_cannot_compute_here_is_refused(settings, advice):
    with pytest.raises(UserError, match=advice):
        make_network("neon", **{**SMALL, **settings})


@needs_neon
def test_16_bits_and_stochastic_rounding_are_passed_to_neon():
    """On Neon's CPU backend 16 bits work, and rounding is left out, as Neon documents."""
    minibatch = make_minibatch(0)
    full = make_network("neon", **SMALL)
    expected, cost = full.predict(minibatch.states), full.train(minibatch).cost
    half = make_network("neon", datatype="float16", stochastic_round=10, **SMALL)
    np.testing.assert_allclose(half.predict(minibatch.states), expected, atol=0.05)
    assert half.train(minibatch).cost == pytest.approx(cost, rel=0.1)


def test_without_neon_one_line_says_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "neon", None)
    assert main.main(["breakout", "--engine", "neon", "--log_level", "ERROR"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install -r requirements-neon.txt" in line


def test_neon_is_not_imported_unless_it_is_asked_for():
    code = "import sys, main\nassert main.main(sys.argv[1:]) == 0\nassert 'neon' not in sys.modules"
    run = [sys.executable, "-c", code, *SHORT_RUN.split(), "--train_steps", "4"]
    subprocess.run(run, cwd=SOURCE, check=True)


@needs_neon
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_neons_own_loader_and_saver_share_the_files(optimizer, batch_norm, tmp_path):
    """What the original simple_dqn called: Model.load_params and Model.save_params."""
    settings = {"optimizer": optimizer, "batch_norm": batch_norm, "datatype": "float64", **SMALL}
    states = make_minibatch(9).states
    ours, neons = (str(tmp_path / name) for name in ("ours.pkl", "neons.prm"))

    network = make_network("torch", seed=1, **settings)
    for seed in range(3):
        network.train(make_minibatch(seed))
    expected = network.predict(states)
    layers = network.get_layers()
    save_snapshot(Snapshot(layers, Architecture(4, SHAPE, batch_norm=batch_norm)), Path(ours))

    network = make_network("neon", seed=2, **settings)
    network._online.load_params(ours)
    assert difference(network.predict(states), expected) <= (1e-6 if batch_norm else 1e-10)

    network._online.save_params(neons)
    for loaded, layer in zip(load_snapshot(Path(neons)).layers, layers, strict=True):
        np.testing.assert_array_equal(loaded.weights, layer.weights)
        np.testing.assert_array_equal(loaded.states, layer.states)

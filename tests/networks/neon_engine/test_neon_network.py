"""Nervana Neon as the engine, beside PyTorch; without Neon, the way to install it."""

import sys
from pathlib import Path

import numpy as np
import pytest

import main
from dqn.assembly import learning
from dqn.environments.atari import AleEnvironment
from dqn.errors import UserError
from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.create import create_network
from dqn.replay.minibatch import Minibatch
from dqn.snapshots.file import load_snapshot, save_snapshot
from dqn.snapshots.snapshot import Snapshot
from helpers.crashes import forbid
from helpers.engines import (
    OPTIMIZERS,
    SHAPE,
    SMALL,
    difference,
    make_minibatch,
    needs_neon,
    show,
)
from helpers.forked import run_main
from helpers.networks import cost_of_update, make_network

SHORT_RUN = (
    "breakout --random_seed 5 --backend cpu --replay_size 1000 --random_steps 100 --epochs 1 "
    "--test_steps 0 --log_level ERROR"
)
SCREENS = (3, 21, 16)
TWO_CONVOLUTIONS = (Convolution(5, 6, 4, 3), Convolution(4, 2, 3, 1))
VARIANTS = {
    "biases, elu": {
        "state_shape": SCREENS,
        "convolutions": TWO_CONVOLUTIONS,
        "dense_units": (7,),
        "biases": True,
        "activation": "elu",
        "initializer": "fan_in",
    },
    "colours, several layers": {
        "state_shape": (2, 3, 21, 16),
        "convolutions": (*TWO_CONVOLUTIONS, Convolution(6, 1, 1, 1)),
        "dense_units": (9, 7),
        "biases": True,
    },
    "stride above the size": {
        "state_shape": SCREENS,
        "convolutions": (Convolution(4, 2, 3, 4), Convolution(5, 2, 2, 1)),
        "dense_units": (7,),
        "activation": "elu",
    },
    "vectors": {
        "state_shape": (2, 17),
        "convolutions": (),
        "dense_units": (16, 11),
        "biases": True,
    },
    "vectors without biases": {"state_shape": (2, 17), "convolutions": (), "dense_units": (16,)},
    "dense screens": {
        "state_shape": SCREENS,
        "convolutions": (),
        "dense_units": (12,),
        "activation": "elu",
    },
    "vectors, batch_norm": {
        "state_shape": (2, 17),
        "convolutions": (),
        "dense_units": (16, 8),
        "batch_norm": True,
    },
}


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
        update = self.network.train(minibatch)
        self.costs += update.costs
        return update


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
        patch.setattr(learning, "create_network", create)
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


def make_variant(engine, name, seed=0, **settings):
    architecture = {"num_actions": 3, "batch_size": 4, "datatype": "float64", **VARIANTS[name]}
    return make_network(engine, seed=seed, **architecture, **settings)


def minibatch_of(name, seed, n=4):
    generator = np.random.default_rng(seed)
    states, next_states = generator.integers(
        0, 256, (2, n, *VARIANTS[name]["state_shape"]), np.uint8
    )
    actions = generator.integers(0, 3, n).astype(np.uint8)
    return Minibatch(states, actions, generator.normal(size=n), next_states, np.full(n, 0.9))


def arrays_of(network):
    return [array for layer in network.get_layers() for array in layer.arrays()]


@needs_neon
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_learns_alike_on_both_engines(name, optimizer):
    """Equal Q-values, costs, weights and states in six updates and a copy, then a snapshot."""
    ours, neons = (
        make_variant(engine, name, optimizer=optimizer, adam_epsilon=1e-3)
        for engine in ("torch", "neon")
    )
    states = minibatch_of(name, 50, n=6).states
    tolerance = 3e-5 if VARIANTS[name].get("batch_norm") else 1e-9  # Neon's sums are float32
    differences = []
    for seed in range(6):
        differences.append(difference(ours.predict(states), neons.predict(states)))
        costs = [cost_of_update(network, minibatch_of(name, seed)) for network in (ours, neons)]
        assert costs[0] == pytest.approx(costs[1], rel=tolerance)
        if seed == 3:
            ours.update_target_network()
            neons.update_target_network()
    for array, neons_array in zip(arrays_of(ours), arrays_of(neons), strict=True):
        assert array.shape == neons_array.shape
        differences.append(difference(array, neons_array))

    # What one has learned the other goes on with.
    layers = ours.get_layers(), neons.get_layers()
    ours.set_layers(layers[1])
    neons.set_layers(layers[0])
    for seed in range(6, 9):
        costs = [cost_of_update(network, minibatch_of(name, seed)) for network in (ours, neons)]
        assert costs[0] == pytest.approx(costs[1], rel=tolerance)
    differences.append(difference(ours.predict(states), neons.predict(states)))
    show({"q, weights and states": max(differences)}, name, optimizer)
    assert max(differences) <= tolerance


@needs_neon
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_on_neon_goes_on_from_its_state_to_the_last_bit(name, optimizer):
    one = make_variant("neon", name, optimizer=optimizer)
    for seed in range(3):
        one.train(minibatch_of(name, seed))
    one.update_target_network()
    one.train(minibatch_of(name, 3))
    state = one.get_state()
    costs = [cost_of_update(one, minibatch_of(name, seed)) for seed in (4, 5)]
    other = make_variant("neon", name, seed=1, optimizer=optimizer)
    other.set_state(state)
    assert [cost_of_update(other, minibatch_of(name, seed)) for seed in (4, 5)] == costs
    for array, others in zip(arrays_of(one), arrays_of(other), strict=True):
        np.testing.assert_array_equal(array, others)


@needs_neon
def test_black_screens_below_biases_of_zero_learn_alike_with_elu():
    """Where Neon's own ELU has no slope."""
    networks = [make_variant(engine, "biases, elu") for engine in ("torch", "neon")]
    minibatch = minibatch_of("biases, elu", 0)
    black = minibatch._replace(states=np.zeros_like(minibatch.states))
    for network in networks:
        network.train(black)
    for array, neons_array in zip(*map(arrays_of, networks), strict=True):
        np.testing.assert_allclose(array, neons_array, rtol=1e-8, atol=1e-13)
    assert networks[1].get_layers()[0].biases.values.any()


@needs_neon
@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"dueling": "avg"}, "dueling networks: use --dueling false"),
        ({"shared_convolutions": True}, "use --shared_convolutions false"),
        ({"biases": True, "batch_norm": True}, "use --biases false"),
        ({"optimizer": "rmsprop_graves"}, "Graves' RMSProp: use --optimizer rmsprop"),
        ({"gradient_norm_clip": 10}, "use --gradient_norm_clip 0"),
        ({"double_q": True}, "double Q-learning: use --double_q false"),
        ({"update_rate": 0.01}, "use --target_update_rate 1"),
    ],
)
def test_a_variant_that_neon_lacks_is_refused_by_name(settings, advice):
    with pytest.raises(UserError, match=f"Neon has no .*{advice}, or --engine torch$"):
        make_network("neon", **SMALL, **settings)


@needs_neon
def test_16_bits_and_stochastic_rounding_are_passed_to_neon():
    """On Neon's CPU backend 16 bits work, and rounding is left out, as Neon documents."""
    minibatch = make_minibatch(0)
    full = make_network("neon", **SMALL)
    expected, cost = full.predict(minibatch.states), cost_of_update(full, minibatch)
    half = make_network("neon", datatype="float16", stochastic_round=10, **SMALL)
    np.testing.assert_allclose(half.predict(minibatch.states), expected, atol=0.05)
    assert cost_of_update(half, minibatch) == pytest.approx(cost, rel=0.1)


def test_without_neon_one_line_says_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "neon", None)
    assert main.main(["breakout", "--engine", "neon", "--log_level", "ERROR"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install -r requirements-neon.txt" in line


def test_neon_is_not_imported_unless_it_is_asked_for(tmp_path):
    arguments, log = [*SHORT_RUN.split(), "--train_steps", "4"], tmp_path / "log"
    assert run_main(arguments, log, prepare=forbid("neon")) == 0, log.read_text()


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

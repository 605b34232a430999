"""What every engine promises: Neon's numbers, the same snapshots, the same errors."""

from dataclasses import fields, replace

import numpy as np
import pytest

from dqn.errors import UserError
from dqn.networks.architecture import Architecture
from dqn.replay.minibatch import Minibatch
from dqn.replay.returns import OneStepReturns
from dqn.snapshots.file import load_snapshot, save_snapshot
from dqn.snapshots.snapshot import Snapshot
from helpers import golden
from helpers.engines import (
    BACKENDS,
    ENGINES,
    OPTIMIZERS,
    SHAPE,
    SMALL,
    difference,
    make_minibatch,
    show,
)
from helpers.networks import cost_of_update, make_network
from helpers.paths import DATA


@pytest.mark.parametrize(("engine", "backend"), BACKENDS)
@pytest.mark.parametrize("name", golden.FILES)
def test_q_values_and_costs_are_those_of_neon(name, engine, backend):
    seed, num_actions, settings = golden.FILES[name]
    settings = dict(settings)
    n = settings.pop("n", 32)
    double = name.endswith("float64")
    batch_norm = settings.get("batch_norm", False)
    tolerance = 1e-6 if batch_norm else 1e-10 if double else 1e-5
    names = ("history_length", "screen_height", "screen_width")
    of_state = {
        name: settings.get(name, default)
        for name, default in zip(names, Architecture.state_shape, strict=True)
    }
    shape = tuple(of_state.values())
    of_returns = {
        f.name: settings.pop(f.name) for f in fields(OneStepReturns) if f.name in settings
    }
    returns = OneStepReturns(**of_returns)
    network = make_network(
        engine,
        num_actions,
        datatype="float64" if double else "float32",
        backend=backend,
        batch_size=n,
        **settings,
    )
    network.set_layers(golden.make_layers(seed, num_actions, shape, batch_norm))
    validation_states = golden.make_minibatch(seed + 1000, n, num_actions, shape).states
    with np.load(DATA / f"{name}.npz") as neon:
        assert difference(network.predict(validation_states), neon["q0"]) <= tolerance
        costs = []
        for j in range(6):
            batch = golden.make_minibatch(seed + 1 + j, n, num_actions, shape, returns)
            costs.append(cost_of_update(network, batch))
            if j == 3:
                network.update_target_network()
            assert difference(network.predict(validation_states), neon["q"][j]) <= tolerance
        assert difference(np.array(costs), neon["cost"]) <= tolerance
        weights = network.get_layers()
        norms = [np.linalg.norm(layer.weights.astype(float)) for layer in weights]
        assert difference(norms, neon["weight_norm"][-1]) <= tolerance
    assert network.train_iterations == 6


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("python27_rmsprop", {}),
        ("python311_adam", {"optimizer": "adam"}),
        ("python27_batch_norm", {"batch_norm": True}),
    ],
)
def test_neons_own_snapshots_predict_and_train_on_as_in_neon(name, settings, engine):
    network = make_network(engine, datatype="float64", **SMALL, **settings)
    network.set_layers(load_snapshot(DATA / f"snapshot_{name}.prm").layers)
    states = make_minibatch(1101).states
    tolerance = 1e-6 if settings.get("batch_norm") else 1e-10
    with np.load(DATA / f"snapshot_{name}_expected.npz") as neon:
        assert difference(network.predict(states), neon["q"]) <= tolerance
        for seed in (104, 105, 106):
            network.train(make_minibatch(seed))
        after = network.predict(states)
        assert difference(after, neon["q_after_three_updates"]) <= tolerance


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("writer", ENGINES)
@pytest.mark.parametrize("reader", ENGINES)
def test_a_snapshot_predicts_and_trains_on_alike_on_every_engine(
    writer, reader, optimizer, batch_norm, tmp_path
):
    """One network is saved and trains on; the other goes on from the file."""
    path = tmp_path / "snapshot.pkl"
    settings = {"optimizer": optimizer, "batch_norm": batch_norm, "datatype": "float64", **SMALL}
    states = make_minibatch(100).states
    one = make_network(writer, seed=1, **settings)
    for seed in range(3):
        one.train(make_minibatch(seed))
    save_snapshot(Snapshot(one.get_layers(), Architecture(4, SHAPE, batch_norm=batch_norm)), path)
    one.set_layers(one.get_layers())  # Adam's count of updates begins anew, as for the reader
    before = one.predict(states)
    costs = [cost_of_update(one, make_minibatch(seed)) for seed in range(3, 6)]
    after = one.predict(states)

    other = make_network(reader, seed=2, **settings)
    other.set_layers(load_snapshot(path).layers)
    differences = {"q": difference(other.predict(states), before)}
    others_costs = [cost_of_update(other, make_minibatch(seed)) for seed in range(3, 6)]
    differences["later cost"] = difference(np.array(others_costs), np.array(costs))
    differences["later q"] = difference(other.predict(states), after)
    show(differences, writer, reader, optimizer, "batch_norm" if batch_norm else "")
    tolerance = 0 if writer == reader else 1e-6 if batch_norm else 1e-10
    assert max(differences.values()) <= tolerance


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("writer", ENGINES)
@pytest.mark.parametrize("reader", ENGINES)
def test_a_float32_snapshot_predicts_alike_on_every_engine(writer, reader, batch_norm, tmp_path):
    path = tmp_path / "snapshot.pkl"
    states = make_minibatch(100).states
    one = make_network(writer, seed=1, batch_norm=batch_norm, **SMALL)
    for seed in range(3):
        one.train(make_minibatch(seed))
    save_snapshot(Snapshot(one.get_layers(), Architecture(4, SHAPE, batch_norm=batch_norm)), path)
    expected = one.predict(states)
    other = make_network(reader, seed=2, batch_norm=batch_norm, **SMALL)
    other.set_layers(load_snapshot(path).layers)
    assert difference(other.predict(states), expected) <= 1e-5


@pytest.mark.parametrize("engine", ENGINES)
def test_the_targets_are_those_of_the_paper_computed_by_hand(engine):
    settings = {**SMALL, "batch_size": 4}
    network = make_network(engine, **settings, datatype="float64", optimizer="adadelta")
    minibatch = golden.make_minibatch(3, 4, 4, SHAPE)
    returns, discounts = OneStepReturns()(
        np.array([-2, 0.5, 3, 1], np.float32), np.array([0, 0, 1, 0], bool)
    )
    minibatch = minibatch._replace(returns=returns, discounts=discounts)
    q = network.predict(minibatch.states)[np.arange(4), minibatch.actions]
    best = network.predict(minibatch.next_states).max(axis=1)
    targets = np.array([-1 + 0.99 * best[0], 0.5 + 0.99 * best[1], 1, 1 + 0.99 * best[3]])
    expected = ((q - targets) ** 2).sum() / 2 / 4
    assert cost_of_update(network, minibatch) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_target_network_stays_until_it_is_updated(engine):
    minibatch = make_minibatch(3)

    def costs(has_target_network, updates_target):
        network = make_network(engine, **SMALL, has_network=has_target_network)
        first = cost_of_update(network, minibatch)
        if updates_target:
            network.update_target_network()
        return first, cost_of_update(network, minibatch)

    fixed, updated, live = costs(True, False), costs(True, True), costs(False, False)
    assert fixed[0] == live[0]
    assert fixed[1] != live[1]
    assert updated == live


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n", [1, 3, 8, 100])
def test_any_number_of_states_is_predicted(n, engine):
    network = make_network(engine, **SMALL)
    states = golden.make_minibatch(0, n, 4, SHAPE).states
    together = network.predict(states)
    assert together.shape == (n, 4)
    alone = np.concatenate([network.predict(state[np.newaxis]) for state in states])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_begin_uniform_within_neons_xavier_bounds(engine):
    weights = make_network(engine, num_actions=6).get_layers()[3].weights
    bound = np.sqrt(3 / weights.shape[1])
    assert 0.999 * bound < np.abs(weights).max() <= bound
    assert abs(weights.mean()) < 0.01 * bound
    assert weights.std() == pytest.approx(bound / np.sqrt(3), rel=0.01)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_seed_makes_the_same_network_on_every_engine_and_another_seed_another(engine):
    def weights(engine, seed):
        return np.concatenate(
            [layer.weights.ravel() for layer in make_network(engine, 4, seed, **SMALL).get_layers()]
        )

    ours = weights("torch", 1)
    np.testing.assert_array_equal(weights(engine, 1), ours)
    assert (weights(engine, 2) != ours).any()


@pytest.mark.parametrize("engine", ENGINES)
def test_layers_of_another_shape_are_refused_with_what_must_agree(engine):
    layers = make_network(engine, num_actions=4, **SMALL).get_layers()
    with pytest.raises(UserError, match="--minimal_action_set"):
        make_network(engine, num_actions=6, **SMALL).set_layers(layers)
    with pytest.raises(UserError, match="use --batch_norm false"):
        make_network(engine, num_actions=4, batch_norm=True, **SMALL).set_layers(layers)


@pytest.mark.parametrize("where", ["weights", "state", "gamma", "state of beta"])
@pytest.mark.parametrize("engine", ENGINES)
def test_numbers_that_overflow_float32_are_refused_and_change_nothing(engine, where):
    network = make_network(engine, batch_norm=True, **SMALL)
    network.train(make_minibatch(0))
    before = network.predict(make_minibatch(1).states)
    layers = network.get_layers()
    norm = layers[1].batch_norm
    match where:
        case "weights":
            layers[2].weights = layers[2].weights.astype(np.float64)
            layers[2].weights[0, 0] = 1e300
        case "state":
            layers[2].states[0] = np.full(layers[2].weights.shape, 1e300)
        case "gamma":
            norm.gamma = np.full(norm.gamma.shape, -1e300)
        case "state of beta":
            norm.states[0] = [np.full(norm.beta.shape, 1e300)]
    with pytest.raises(UserError, match="too large for float32"):
        network.set_layers(layers)
    np.testing.assert_array_equal(network.predict(make_minibatch(1).states), before)
    if engine == "torch":
        make_network(engine, batch_norm=True, datatype="float64", **SMALL).set_layers(layers)


def test_a_state_that_diverged_is_refused():
    network = make_network(**SMALL)
    state = network.get_state()
    state["online"]["weights.3"] = np.full_like(state["online"]["weights.3"], np.inf)
    with pytest.raises(ValueError, match="has diverged"):
        network.set_state(state)


@pytest.mark.parametrize("engine", ENGINES)
def test_states_of_another_optimizer_begin_at_zero(engine):
    trained = make_network(engine, optimizer="adam", **SMALL)
    trained.train(make_minibatch(0))
    layers = trained.get_layers()
    zeros = [replace(layer, states=[np.zeros_like(layer.weights)]) for layer in layers]
    assert all(len(layer.states) == 2 for layer in layers)
    q_values = []
    for states in (layers, zeros):
        network = make_network(engine, optimizer="rmsprop", **SMALL)
        network.train(make_minibatch(1))
        network.set_layers(states)
        network.train(make_minibatch(2))
        q_values.append(network.predict(make_minibatch(3).states))
    np.testing.assert_array_equal(*q_values)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_network_goes_on_from_its_state_to_the_last_bit(engine, optimizer, batch_norm):
    settings = {"optimizer": optimizer, "batch_norm": batch_norm, **SMALL}

    def train(network, seeds):
        return [cost_of_update(network, make_minibatch(seed)) for seed in seeds]

    one, other = (make_network(engine, seed=seed, **settings) for seed in (1, 2))
    train(one, range(3))
    one.update_target_network()
    train(one, range(3, 5))  # so that the target network is another one
    other.set_state(one.get_state())
    if engine == "neon":  # it has one backend in a process, which is the other network's now
        states = other.get_state()
        costs = train(other, range(5, 9))
        other = make_network(engine, seed=3, **settings)
        other.set_state(states)
    else:
        costs = train(one, range(5, 9))
    assert train(other, range(5, 9)) == costs
    assert other.train_iterations == 9


@pytest.mark.parametrize("engine", ENGINES)
def test_a_minibatch_of_the_replay_memorys_views_trains_as_one_of_its_own_arrays(engine):
    minibatch = golden.make_minibatch(0, 8, 4, (5, *SHAPE[1:]))
    windows = minibatch.states
    views = minibatch._replace(states=windows[:, :-1], next_states=windows[:, 1:])
    arrays = Minibatch(*(np.ascontiguousarray(array) for array in views[:5]))
    first = cost_of_update(make_network(engine, **SMALL), views)
    assert first == cost_of_update(make_network(engine, **SMALL), arrays)

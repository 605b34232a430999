"""The PyTorch engine computes what Nervana Neon computed, and says what it cannot do."""

from pathlib import Path

import golden
import numpy as np
import pytest
import torch

from dqn.errors import UserError
from dqn.networks.deepqnetwork import create_network
from dqn.networks.rounding import mantissa_bits
from dqn.replay_memory import Minibatch
from dqn.snapshot import load_snapshot

DATA = Path(__file__).parent.parent / "data"
DEFAULTS = {
    "history_length": 4,
    "screen_height": 84,
    "screen_width": 84,
    "learning_rate": 0.00025,
    "discount_rate": 0.99,
    "optimizer": "rmsprop",
    "decay_rate": 0.95,
    "clip_error": 1,
    "min_reward": -1,
    "max_reward": 1,
    "batch_norm": False,
    "has_target_network": True,
    "backend": "cpu",
    "device_id": 0,
    "datatype": "float32",
    "stochastic_round": 0,
}
SMALL = {"screen_height": 52, "screen_width": 40}
BACKENDS = ["cpu", *(["gpu"] if torch.cuda.is_available() else [])]


def make_network(num_actions=4, seed=0, **settings):
    generator = np.random.default_rng(seed)
    return create_network("torch", num_actions, generator=generator, **{**DEFAULTS, **settings})


def shape_of(settings):
    names = ("history_length", "screen_height", "screen_width")
    return tuple({**DEFAULTS, **settings}[name] for name in names)


def difference(ours, expected):
    return np.abs(ours - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", golden.FILES)
def test_q_values_and_costs_are_those_of_neon(name, backend):
    seed, num_actions, settings = golden.FILES[name]
    settings = dict(settings)
    n = settings.pop("n", 32)
    double = name.endswith("float64")
    batch_norm = settings.get("batch_norm", False)
    tolerance = 1e-6 if batch_norm else 1e-10 if double else 1e-5
    shape = shape_of(settings)
    network = make_network(
        num_actions,
        datatype="float64" if double else "float32",
        backend=backend,
        **settings,
    )
    network.set_layers(golden.make_layers(seed, num_actions, shape, batch_norm))
    validation_states = golden.make_minibatch(seed + 1000, n, num_actions, shape).prestates
    with np.load(DATA / f"{name}.npz") as neon:
        assert difference(network.predict(validation_states), neon["q0"]) <= tolerance
        costs = []
        for j in range(6):
            costs.append(network.train(golden.make_minibatch(seed + 1 + j, n, num_actions, shape)))
            if j == 3:
                network.update_target_network()
            assert difference(network.predict(validation_states), neon["q"][j]) <= tolerance
        assert difference(np.array(costs), neon["cost"]) <= tolerance
        weights = network.get_layers()
        norms = [np.linalg.norm(layer.weights.astype(float)) for layer in weights]
        assert difference(norms, neon["weight_norm"][-1]) <= tolerance
    assert network.train_iterations == 6


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("python27_rmsprop", {}),
        ("python311_adam", {"optimizer": "adam"}),
        ("python27_batch_norm", {"batch_norm": True}),
    ],
)
def test_neons_own_snapshots_predict_and_train_on_as_in_neon(name, settings):
    shape = (4, 52, 40)
    network = make_network(datatype="float64", **SMALL, **settings)
    network.set_layers(load_snapshot(DATA / f"snapshot_{name}.prm").layers)
    states = golden.make_minibatch(1101, 8, 4, shape).prestates
    tolerance = 1e-6 if settings.get("batch_norm") else 1e-10
    with np.load(DATA / f"snapshot_{name}_expected.npz") as neon:
        assert difference(network.predict(states), neon["q"]) <= tolerance
        for seed in (104, 105, 106):
            network.train(golden.make_minibatch(seed, 8, 4, shape))
        after = network.predict(states)
        assert difference(after, neon["q_after_three_updates"]) <= tolerance


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("optimizer", ["rmsprop", "adadelta"])
def test_a_network_goes_on_from_its_layers_as_if_it_had_not_been_saved(optimizer, batch_norm):
    settings = {"optimizer": optimizer, "batch_norm": batch_norm, **SMALL}
    minibatches = [golden.make_minibatch(seed, 8, 4, (4, 52, 40)) for seed in range(6)]
    one = make_network(seed=1, **settings)
    for minibatch in minibatches[:3]:
        one.train(minibatch)
    one.update_target_network()
    other = make_network(seed=2, **settings)
    other.set_layers(one.get_layers())
    costs = [[network.train(m) for m in minibatches[3:]] for network in (one, other)]
    assert costs[0] == costs[1]


def test_the_targets_are_those_of_the_paper_computed_by_hand():
    network = make_network(**SMALL, datatype="float64", optimizer="adadelta")
    minibatch = golden.make_minibatch(3, 4, 4, (4, 52, 40))
    minibatch = minibatch._replace(
        rewards=np.array([-2, 0.5, 3, 1], np.float32), terminals=np.array([0, 0, 1, 0], bool)
    )
    q = network.predict(minibatch.prestates)[np.arange(4), minibatch.actions]
    best = network.predict(minibatch.poststates).max(axis=1)
    targets = np.array([-1 + 0.99 * best[0], 0.5 + 0.99 * best[1], 1, 1 + 0.99 * best[3]])
    expected = ((q - targets) ** 2).sum() / 2 / 4
    assert network.train(minibatch) == pytest.approx(expected, rel=1e-12)


def test_the_target_network_stays_until_it_is_updated():
    minibatch = golden.make_minibatch(3, 8, 4, (4, 52, 40))
    fixed, live = (make_network(**SMALL, has_target_network=has) for has in (True, False))
    assert fixed.train(minibatch) == live.train(minibatch)
    costs = fixed.train(minibatch), live.train(minibatch)
    assert costs[0] != costs[1]
    updated = make_network(**SMALL)
    updated.train(minibatch)
    updated.update_target_network()
    assert updated.train(minibatch) == costs[1]


@pytest.mark.parametrize("n", [1, 3, 100])
def test_any_number_of_states_is_predicted(n):
    network = make_network(**SMALL)
    states = golden.make_minibatch(0, n, 4, (4, 52, 40)).prestates
    together = network.predict(states)
    assert together.shape == (n, 4)
    alone = np.concatenate([network.predict(state[np.newaxis]) for state in states])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("datatype", ["bfloat16", "float16"])
def test_16_bit_types_compute_roughly_the_same_and_keep_float32_weights(datatype):
    minibatch = golden.make_minibatch(0, 8, 4, (4, 52, 40))
    full = make_network(**SMALL)
    try:
        half = make_network(**SMALL, datatype=datatype)
    except UserError as error:
        pytest.skip(f"not on this processor: {error}")
    np.testing.assert_allclose(
        half.predict(minibatch.prestates), full.predict(minibatch.prestates), atol=0.05
    )
    for _ in range(5):
        cost, expected = half.train(minibatch), full.train(minibatch)
        assert cost == pytest.approx(expected, rel=0.1)
    weights = half.get_layers()[3].weights
    assert weights.dtype == np.float32
    dtype = getattr(torch, datatype)
    assert (torch.from_numpy(weights).to(dtype).float().numpy() != weights).any()


@pytest.mark.parametrize(
    ("datatype", "bits", "kept"), [("float32", 10, 10), ("bfloat16", 10, 7), ("float64", 30, 30)]
)
def test_stochastic_rounding_leaves_the_weights_that_many_bits(datatype, bits, kept):
    network = make_network(**SMALL, datatype=datatype, stochastic_round=bits)
    network.train(golden.make_minibatch(0, 8, 4, (4, 52, 40)))
    for layer in network.get_layers():
        mantissa, _ = np.frexp(layer.weights.astype(float))
        scaled = mantissa * 2.0 ** (kept + 1)
        np.testing.assert_array_equal(scaled, np.round(scaled))
    assert mantissa_bits(getattr(torch, datatype)) >= kept


def test_weights_begin_uniform_within_neons_xavier_bounds():
    weights = make_network(num_actions=6).get_layers()[3].weights
    bound = np.sqrt(3 / weights.shape[1])
    assert 0.999 * bound < np.abs(weights).max() <= bound
    assert abs(weights.mean()) < 0.01 * bound
    assert weights.std() == pytest.approx(bound / np.sqrt(3), rel=0.01)


def test_the_same_seed_makes_the_same_network_and_another_seed_another():
    first, same, other = (make_network(seed=seed, **SMALL).get_layers() for seed in (1, 1, 2))
    assert (first[0].weights == same[0].weights).all()
    assert (first[0].weights != other[0].weights).any()


def test_layers_of_another_shape_are_refused_with_what_must_agree():
    layers = make_network(num_actions=4, **SMALL).get_layers()
    with pytest.raises(UserError, match="--minimal_action_set"):
        make_network(num_actions=6, **SMALL).set_layers(layers)
    with pytest.raises(UserError, match="use --batch_norm false"):
        make_network(num_actions=4, batch_norm=True, **SMALL).set_layers(layers)


def test_states_of_another_optimizer_begin_at_zero():
    minibatch = golden.make_minibatch(0, 8, 4, (4, 52, 40))
    trained = make_network(optimizer="adam", **SMALL)
    trained.train(minibatch)
    network = make_network(optimizer="rmsprop", **SMALL)
    network.train(minibatch)
    network.set_layers(trained.get_layers())
    assert not any(state.any() for layer in network.get_layers() for state in layer.states)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="use --backend cpu"):
        make_network(backend="gpu")


def test_a_minibatch_of_the_replay_memorys_views_trains_as_one_of_its_own_arrays():
    minibatch = golden.make_minibatch(0, 8, 4, (5, 52, 40))
    windows = minibatch.prestates
    views = minibatch._replace(prestates=windows[:, :-1], poststates=windows[:, 1:])
    arrays = Minibatch(*(np.ascontiguousarray(array) for array in views))
    assert make_network(**SMALL).train(views) == make_network(**SMALL).train(arrays)

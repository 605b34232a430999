"""What a GPU computes, recorded as CUDA graphs after some calls, beside the CPU."""

import numpy as np
import pytest
import torch

from dqn.learner import Learner
from dqn.machine.upload import upload
from dqn.networks.torch_engine.late_costs import CHUNK, LateCosts
from dqn.networks.torch_engine.recorded import WARM_UPS, RecordedFunction
from dqn.replay.memory import ReplayMemory
from dqn.replay.storage_on_gpu import DeviceObservations
from helpers.engines import SHAPE, SMALL, make_minibatch
from helpers.networks import cost_of_update, make_network

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")

MANY = 3 * WARM_UPS
WEIGHTS = np.linspace(0.2, 1, SMALL["batch_size"])
VARIANTS = [
    {},
    {"optimizer": "rmsprop_graves"},
    {"optimizer": "adam"},
    {"optimizer": "adadelta"},
    {"double_q": True, "dueling": "avg", "biases": True},
    {"batch_norm": True},
    {"gradient_norm_clip": 0.01},
    {"update_rate": 0.1},
    {"has_network": False},
]


def make_pair(**settings):
    """The same network on the CPU and on the GPU."""
    settings = {**SMALL, "datatype": "float64", **settings}
    return make_network(**settings), make_network(**settings, backend="gpu")


def minibatches(number, weights=None):
    return [make_minibatch(seed)._replace(weights=weights) for seed in range(number)]


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: "-".join(map(str, variant)))
def test_updates_are_those_of_a_cpu_before_and_after_they_are_recorded(variant, weights):
    here, there = make_pair(**variant)
    tolerance = 1e-6 if variant.get("optimizer") == "adam" else 1e-9  # its step size is a float32
    for i, minibatch in enumerate(minibatches(MANY, weights)):
        if i % 4 == 0:
            here.update_target_network()
            there.update_target_network()
        expected, update = here.train(minibatch), there.train(minibatch)
        costs = [*update.costs, *there.late_costs()]
        assert costs == pytest.approx(expected.costs, rel=tolerance)
        if weights is not None:
            np.testing.assert_allclose(update.errors, expected.errors, rtol=tolerance)
    states = make_minibatch(99).states
    np.testing.assert_allclose(there.predict(states), here.predict(states), rtol=tolerance)


@pytest.mark.parametrize("optimizer", ["rmsprop", "rmsprop_graves", "adam"])
def test_a_recorded_update_has_the_learning_rate_that_is_set(optimizer):
    here, there = make_pair(optimizer=optimizer)
    # Adam's step size is a float32 on the GPU, which shows most in Q-values near 0.
    tolerance = 1e-6 if optimizer == "adam" else 1e-9
    for i, minibatch in enumerate(minibatches(MANY)):
        for network in (here, there):
            network.set_learning_rate(0.001 / (i + 1))
        expected = here.train(minibatch)
        assert [*there.train(minibatch).costs, *there.late_costs()] == pytest.approx(
            expected.costs, rel=tolerance
        )
    states = make_minibatch(99).states
    expected = here.predict(states)
    np.testing.assert_allclose(
        there.predict(states), expected, rtol=0, atol=tolerance * np.abs(expected).max()
    )


@pytest.mark.parametrize("datatype", ["float16", "bfloat16", "float32"])
def test_all_datatypes_learn_about_the_same(datatype):
    exact, rounded = make_network(**SMALL), make_network(**SMALL, datatype=datatype, backend="gpu")
    for minibatch in minibatches(MANY):
        cost, expected = (cost_of_update(n, minibatch) for n in (rounded, exact))
        assert cost == pytest.approx(expected, rel=1e-4 if datatype == "float32" else 0.1)


def test_stochastic_rounding_leaves_the_weights_few_bits():
    network = make_network(**SMALL, stochastic_round=10, backend="gpu")
    for minibatch in minibatches(MANY):
        network.train(minibatch)
    mantissas = np.concatenate([np.frexp(x.weights.ravel())[0] for x in network.get_layers()])
    assert (mantissas * 2.0**11 == np.round(mantissas * 2.0**11)).all()


def test_any_number_of_states_is_predicted_as_on_a_cpu():
    here, there = make_pair()
    states = np.random.default_rng(0).integers(0, 256, (17, *SHAPE), np.uint8)
    for _ in range(2 * WARM_UPS):
        for n in (1, 2, 3, 4, 7, 17, 16, 1):
            np.testing.assert_allclose(
                there.predict(states[:n]), here.predict(states[:n]), rtol=1e-9
            )


def test_a_network_goes_on_from_the_state_of_another():
    network, minibatch = make_pair()[1], make_minibatch(1)
    for seed in range(MANY):
        network.train(make_minibatch(seed))
    network.late_costs()
    state = network.get_state()
    expected = [cost_of_update(network, minibatch) for _ in range(MANY)]
    again = make_pair(seed=5)[1]
    for _ in range(MANY):  # already recorded, when the state comes
        again.train(minibatch)
    again.set_state(state)
    again.late_costs()
    assert [cost_of_update(again, minibatch) for _ in range(MANY)] == pytest.approx(expected, 1e-9)


def test_a_learner_tells_every_cost_once_and_a_checkpoint_keeps_those_not_told():
    memory = ReplayMemory(
        DeviceObservations(200, shape=SHAPE[1:], device=torch.device("cuda")),
        history_length=4,
        batch_size=SMALL["batch_size"],
        generator=np.random.default_rng(0),
    )
    chance = np.random.default_rng(9)
    for _ in range(150):
        observation = chance.integers(0, 256, SHAPE[1:], np.uint8)
        memory.streams[0].add(chance.integers(4), chance.normal(), observation, False, False)
    network = make_pair()[1]
    learner, other = Learner(network, memory), Learner(network, memory)
    costs = [cost for _ in range(CHUNK + 5) for cost in learner.learn()]
    other.set_state(learner.get_state())
    costs += other.learn() + other.finish()
    assert len(costs) == CHUNK + 6
    assert np.isfinite(costs).all()


def test_late_costs_come_once_and_in_order():
    late = LateCosts(torch.float64)
    numbers = torch.arange(5 * CHUNK // 2, dtype=torch.float64, device="cuda")
    arrived = []
    for number in numbers:
        late.send(number)
        arrived += late.arrived()
    assert arrived + late.wait() == numbers.tolist()
    assert late.wait() == []


def test_a_recorded_function_takes_tensors_of_other_shapes():
    recorded = RecordedFunction(lambda a, b: (a * 2 + b,))
    for size in (3, 5, 3):
        for i in range(2 * WARM_UPS):
            a = torch.full((size,), float(i), device="cuda")
            assert recorded(a, a + 1)[0].tolist() == [3 * i + 1] * size


def test_an_array_may_change_as_soon_as_it_is_uploaded():
    device = torch.device("cuda")
    arrays = np.tile(np.arange(50)[:, None], (1, 100_000))
    array = np.empty(100_000, arrays.dtype)
    uploaded = []
    for row in arrays:
        array[:] = row
        uploaded.append(upload(array, device))
    np.testing.assert_array_equal(torch.stack(uploaded).cpu().numpy(), arrays)

"""Learning beside the acting: what is acted with, and that nothing is left to chance."""

import threading

import numpy as np
import pytest
import torch

from dqn.errors import NonFiniteWeights
from dqn.learner import Learner, OverlappingLearner
from dqn.networks.deepqnetwork import Update
from dqn.replay.create import create_sampler
from dqn.replay.memory import ReplayMemory
from dqn.replay.settings import PrioritySettings
from dqn.replay.storage import Observations
from helpers.networks import make_network
from helpers.replay import add_steps, make_memory

SIZE = {"screen_height": 44, "screen_width": 40}


def make_parts(learner_class, seed=0, learning_rate=None):
    generator = np.random.default_rng(seed)
    memory = ReplayMemory(
        Observations(200, shape=(44, 40)), history_length=4, batch_size=8, generator=generator
    )
    chance = np.random.default_rng(9)
    for _ in range(150):
        screen = chance.integers(0, 256, (44, 40), np.uint8)
        memory.streams[0].add(chance.integers(3), chance.normal(), screen, False, False)
    network = make_network(
        num_actions=3, **SIZE, learning_rate=0.001, batch_size=8, generator=generator
    )
    return network, memory, learner_class(network, memory, learning_rate)


STATES = np.random.default_rng(5).integers(0, 256, (3, 4, 44, 40), np.uint8)


def test_overlapping_learns_the_same_and_acts_with_the_weights_before_the_update():
    one, _, serial = make_parts(Learner)
    other, _, overlapping = make_parts(OverlappingLearner)
    costs, expected_costs = [], []
    for i in range(6):
        before = one.predict(STATES)
        expected_costs += serial.learn()
        costs += overlapping.learn()
        np.testing.assert_array_equal(other.predict(STATES), before)
        if i == 3:
            serial.update_target_network()
            overlapping.update_target_network()
            np.testing.assert_array_equal(other.predict(STATES), before)
    assert len(costs) == 5
    costs += overlapping.finish()
    assert costs == expected_costs
    np.testing.assert_array_equal(other.predict(STATES), one.predict(STATES))


@pytest.mark.parametrize("learner_class", [Learner, OverlappingLearner])
def test_the_learning_rate_is_that_of_the_training_step(learner_class):
    network, _, learner = make_parts(learner_class, learning_rate=lambda step: 0.001 * (step < 8))
    other, _, constant = make_parts(learner_class)
    for step in (0, 4, 8, 12):
        learner.learn(step)
        constant.learn(step)
        if step == 4:
            learner.finish()
            constant.finish()
            at_first = network.predict(STATES)
            np.testing.assert_array_equal(at_first, other.predict(STATES))
    learner.finish()
    constant.finish()
    np.testing.assert_array_equal(network.predict(STATES), at_first)  # the rate was 0
    assert not np.array_equal(other.predict(STATES), at_first)


class NetworkWithErrors:
    """Its cost is the first action, its errors are the actions."""

    def __init__(self):
        self.keys = []

    def train(self, minibatch):
        self.keys.append(minibatch.keys.tolist())
        return Update([float(minibatch.actions[0])], minibatch.actions.astype(np.float32))

    def late_costs(self):
        return []

    def acting_copy(self, in_use):
        pass


@pytest.mark.parametrize("learner_class", [Learner, OverlappingLearner])
def test_the_errors_of_an_update_are_set_before_the_next_minibatch_is_drawn(
    learner_class, monkeypatch
):
    make = create_sampler(PrioritySettings(), planned_minibatches=9, num_minibatches=0)
    memory = make_memory(200, batch_size=6, make_sampler=make)
    network, calls = NetworkWithErrors(), []
    set_errors, sample = memory.sampler.set_errors, memory.sampler.sample

    def note(keys, errors):
        assert threading.current_thread() is threading.main_thread()
        calls.append((keys.tolist(), errors.tolist()))
        set_errors(keys, errors)

    monkeypatch.setattr(memory.sampler, "set_errors", note)
    monkeypatch.setattr(memory.sampler, "sample", lambda n: calls.append("draw") or sample(n))
    learner = learner_class(network, memory)
    for _ in range(4):
        add_steps(memory.streams[0], "." * 9)
        learner.learn()
    learner.get_state()
    learner.finish()
    assert calls[::2] == ["draw"] * 4
    # add_steps takes step t modulo 5 for the action of step t
    assert calls[1::2] == [(keys, [key % 5 for key in keys]) for keys in network.keys]


def test_a_stop_between_two_updates_changes_nothing():
    network, memory, learner = make_parts(OverlappingLearner)
    for _ in range(3):
        learner.learn()
    states = (
        learner.get_state(),
        network.get_state(),
        memory.sampler._generator.bit_generator.state,
    )
    expected = [network.predict(STATES).tolist(), *(learner.learn() for _ in range(3))]
    expected.append(learner.finish())

    network, memory, learner = make_parts(OverlappingLearner, seed=1)
    learner.set_state(states[0])
    network.set_state(states[1])
    memory.sampler._generator.bit_generator.state = states[2]
    found = [network.predict(STATES).tolist(), *(learner.learn() for _ in range(3))]
    assert [*found, learner.finish()] == expected


def test_an_error_in_an_update_is_told_by_the_next_call():
    network, _, learner = make_parts(OverlappingLearner)
    network.train = lambda minibatch: 1 / 0
    learner.learn()
    with pytest.raises(ZeroDivisionError):
        learner.finish()


@pytest.mark.parametrize("learner_class", [Learner, OverlappingLearner])
@pytest.mark.parametrize("scale", [1, 1e3, 1e7, np.inf])
def test_a_network_whose_loss_would_be_no_number_is_noticed_and_nothing_else_changed(
    learner_class, scale
):
    network, memory, learner = make_parts(learner_class)
    network._optimizer.optimize = lambda *_: multiply(network._online, scale)
    before = memory.sampler._generator.bit_generator.state
    learner.check()
    assert memory.sampler._generator.bit_generator.state == before
    learner.learn()
    acting = network.predict(STATES)
    if scale > 1e3:  # five layers of weights: Q-values of 1e35 or more
        with pytest.raises(NonFiniteWeights):
            learner.check()
    else:
        learner.check()
        assert np.isfinite(learner.learn() + learner.finish()).all()
        return
    if learner_class is OverlappingLearner:  # which acts with the weights before the update
        np.testing.assert_array_equal(network.predict(STATES), acting)
    costs = [*learner.learn(), *learner.learn(), *learner.finish()]
    assert not np.isfinite(costs).all()


def multiply(function, scale):
    with torch.no_grad():
        for weights in function.parameters():
            weights.mul_(scale)


def test_a_memory_without_a_whole_state_cannot_be_checked_yet():
    network = make_parts(Learner)[0]
    empty = ReplayMemory(
        Observations(200, shape=(44, 40)),
        history_length=4,
        batch_size=8,
        generator=np.random.default_rng(0),
    )
    Learner(network, empty).check()
    for _ in range(3):
        empty.streams[0].add(0, 0, np.zeros((44, 40), np.uint8), False, False)
    Learner(network, empty).check()

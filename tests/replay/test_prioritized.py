"""Prioritized replay, against the paper's formulas and a look at each entry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqn.errors import NonFiniteWeights, UserError
from dqn.machine.state_values import MISFITS
from dqn.replay.create import create_sampler
from dqn.replay.prioritized import PRIORITY_OFFSET
from dqn.replay.settings import PrioritySettings
from dqn.replay.storage import Observations
from dqn.replay.stream import Entries, ReplayStream
from helpers.replay import SIZE, add_steps, allowed, make_memory


def make_sampler(size, num_streams=1, history_length=2, seed=0, planned=100, **exponents):
    entries = Entries(Observations(size * num_streams, **SIZE), num_streams)
    entries.episode_ends[:] = True  # as if a memory's room had held something
    streams = [ReplayStream(entries, i, i * size, size) for i in range(num_streams)]
    make = create_sampler(
        PrioritySettings(**exponents), planned_minibatches=planned, num_minibatches=0
    )
    generator = np.random.default_rng(seed)
    sampler = make(entries, streams, history_length=history_length, generator=generator)
    return sampler, streams


def priorities_of(errors, exponent=0.6):
    return (np.array(errors) + PRIORITY_OFFSET) ** exponent


# What is drawn


@settings(max_examples=80, deadline=None)
@given(
    history_length=st.integers(1, 4),
    size=st.integers(3, 14),
    turns=st.lists(st.lists(st.text("....TC", max_size=20), min_size=2, max_size=2), max_size=6),
    seed=st.integers(0, 99),
)
def test_it_draws_all_that_may_be_drawn_and_nothing_else(history_length, size, turns, seed):
    sampler, rings = make_sampler(size, 2, history_length, seed)
    chance = np.random.default_rng(seed)
    streams = ["", ""]
    for turn in turns:
        for i, (ring, ends) in enumerate(zip(rings, turn, strict=True)):
            add_steps(ring, ends)
            streams[i] += ends
        pairs = zip(rings, streams, strict=True)
        expected = {index for ring, ends in pairs for index in allowed(ring, history_length, ends)}
        if chance.random() < 0.3:
            sampler.get_state()
        if not expected:
            with pytest.raises(UserError, match="in a row of one game: lower --frame_skip"):
                sampler.sample(3)
            continue
        assert set(np.flatnonzero(sampler.get_state()["priorities"])) == expected
        # Each priority has a whole part in it, so that none is left out.
        lowest = sampler._tree.get(np.array([*expected])).min()
        indexes = sampler.sample(int(np.ceil(2 * sampler._tree.total / lowest)) + 1)
        assert indexes.dtype == np.int64
        assert set(indexes.tolist()) == expected
        late = "." * int(chance.integers(0, 4))  # as while an update is made beside the acting
        add_steps(rings[0], late)
        streams[0] += late
        sampler.set_errors(indexes[:5], chance.uniform(0.2, 2, len(indexes[:5])))


def test_transitions_are_drawn_in_proportion_to_their_priorities():
    sampler, [stream] = make_sampler(60)
    ends = "." * 30 + "T" + "." * 20 + "C" + "." * 38
    add_steps(stream, ends)
    indexes = np.array(sorted(allowed(stream, 2, ends)))
    sampler.sample(1)
    errors = np.random.default_rng(1).exponential(2, len(indexes))
    sampler.set_errors(indexes, errors.astype(np.float32))
    counts = np.zeros(60)
    for _ in range(20_000):  # of one each: more together would be spread too evenly for the test
        counts[sampler.sample(1)] += 1
    priorities = priorities_of(errors)
    expected = counts.sum() * priorities / priorities.sum()
    assert counts[indexes].sum() == counts.sum()
    chi_squared = ((counts[indexes] - expected) ** 2 / expected).sum()
    assert chi_squared < len(indexes) + 5 * np.sqrt(2 * len(indexes))  # mean and deviation of χ²


def test_a_minibatch_takes_one_from_each_equal_part_of_the_sum():
    sampler, [stream] = make_sampler(20, history_length=1)
    add_steps(stream, "." * 9)
    for _ in range(20):
        assert sampler.sample(8).tolist() == list(range(1, 9))
    sampler._tree.set(np.arange(1, 9), np.array([7.0, *[1] * 7]))
    for _ in range(20):  # parts of 2, of which the first entry has 3.5
        indexes = sampler.sample(7)
        assert indexes[:3].tolist() == [1, 1, 1]
        assert set((indexes[4:] - np.array([3, 5, 7])).tolist()) <= {0, 1}


def test_new_transitions_have_the_greatest_priority_so_far():
    sampler, [stream] = make_sampler(20, history_length=1)
    add_steps(stream, "." * 4)
    indexes = sampler.sample(9)
    assert sampler._tree.get(np.arange(6)).tolist() == [0, 1, 1, 1, 0, 0]
    sampler.set_errors(np.array([1, 2, 3]), np.array([0.5, 30, 0]))
    add_steps(stream, "T..")
    indexes = sampler.sample(9)
    low, high, zero = priorities_of([0.5, 30, 0])
    np.testing.assert_array_equal(
        sampler._tree.get(np.arange(8)), [0, low, high, zero, high, 0, high, 0]
    )
    sampler.set_errors(indexes, np.full(9, 0.1))  # the greatest so far stays
    add_steps(stream, ".")
    sampler.sample(1)
    assert sampler._tree.get(np.array([7])) == high


def test_with_an_exponent_of_0_all_are_drawn_alike():
    sampler, [stream] = make_sampler(20, history_length=1, exponent=0)
    add_steps(stream, "." * 9)
    sampler.set_errors(sampler.sample(8), np.arange(8) * 100.0)
    assert sampler.sample(8).tolist() == list(range(1, 9))
    assert sampler.weights(np.arange(1, 9)).tolist() == [1] * 8


def test_an_entry_written_over_since_it_was_drawn_is_not_given_its_error():
    sampler, [stream] = make_sampler(8, history_length=2)
    add_steps(stream, "." * 8)
    drawn = sampler.sample(6)
    add_steps(stream, "." * 3)  # entries 0 to 2; the states of 3 and 4 reach over them
    sampler.set_errors(drawn, np.full(6, 0.5))
    sampler.sample(1)
    half = priorities_of(0.5)
    assert sampler._tree.leaves.tolist() == [0, 0, 1, 0, 0, half, half, half]
    sampler.set_errors(np.array([3, 5]), np.array([1.0, 1.0]))
    assert sampler._tree.leaves[[3, 5]].tolist() == [0, priorities_of(1)]


def test_a_memory_that_is_never_sampled_needs_no_room():
    sampler, _ = make_sampler(0)
    assert sampler.get_state()["priorities"].shape == (0,)


# How much it counts


def test_weights_are_the_papers_divided_by_the_greatest_of_the_minibatch():
    sampler, [stream] = make_sampler(20, history_length=1, importance_start=0.7)
    add_steps(stream, "." * 6)
    sampler.sample(1)
    errors = np.array([0.5, 3, 1, 0.1, 2])
    sampler.set_errors(np.arange(1, 6), errors)
    sampler._num_minibatches = 0
    indexes = sampler.sample(40)
    probabilities = (errors + 1e-6) ** 0.6 / ((errors + 1e-6) ** 0.6).sum()
    weights = (5 * probabilities[indexes - 1]) ** -0.7
    found = sampler.weights(indexes)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, weights / weights.max(), rtol=1e-12)


@pytest.mark.parametrize(
    ("planned", "minibatch", "exponent"),
    [(4, 0, 0.4), (4, 1, 0.55), (4, 4, 1), (4, 9, 1), (0, 0, 0.4)],
)
def test_the_exponent_of_the_weights_rises_linearly_over_the_run(planned, minibatch, exponent):
    sampler, [stream] = make_sampler(20, history_length=1, planned=planned)
    add_steps(stream, "...")
    for _ in range(minibatch + 1):
        indexes = sampler.sample(2)
    sampler.set_errors(np.array([1, 2]), np.array([1.0, 4.0]))
    assert indexes.tolist() == [1, 2]
    ratio = priorities_of(4.0) / priorities_of(1.0)
    assert sampler.weights(indexes) == pytest.approx([1, ratio**-exponent])


def test_a_minibatch_brings_its_weights_and_what_its_errors_are_set_by():
    make = create_sampler(PrioritySettings(), planned_minibatches=9, num_minibatches=0)
    memory = make_memory(20, history_length=1, batch_size=6, make_sampler=make)
    add_steps(memory.streams[0], "." * 7)
    batch = memory.sample()
    assert batch.weights.tolist() == [1] * 6
    memory.set_errors(batch.keys, batch.actions + 1.0)
    priorities = memory.sampler.get_state()["priorities"]
    np.testing.assert_array_equal(priorities[1:7], priorities_of(np.arange(1, 7) % 5 + 1.0))


def test_drawn_uniformly_a_minibatch_has_no_weights_and_errors_change_nothing():
    memory = make_memory(20, history_length=1, batch_size=6)
    add_steps(memory.streams[0], "." * 7)
    batch = memory.sample()
    assert batch.weights is None
    memory.set_errors(batch.keys, None)
    assert memory.sampler.get_state() == {}


@pytest.mark.parametrize("error", [np.nan, np.inf, 1e39])
def test_errors_that_are_no_numbers_end_the_run(error):
    sampler, [stream] = make_sampler(20, history_length=1)
    add_steps(stream, "." * 7)
    with pytest.raises(NonFiniteWeights):
        sampler.set_errors(sampler.sample(2), np.array([1, error]))


def test_an_engine_without_errors_cannot_learn_from_priorities():
    sampler, [stream] = make_sampler(20, history_length=1)
    add_steps(stream, "." * 7)
    with pytest.raises(NotImplementedError):
        sampler.set_errors(sampler.sample(2), None)


# Checkpoints


def play(sampler, streams, chance, turns):
    """Add, draw and set errors by chance; returns all that was drawn and its weights."""
    drawn = []
    for _ in range(turns):
        for stream in streams:
            add_steps(stream, "".join(chance.choice([*"......TC"], int(chance.integers(0, 9)))))
        indexes = sampler.sample(8)
        drawn.append((indexes.tolist(), sampler.weights(indexes).tolist()))
        sampler.set_errors(indexes, chance.exponential(1, 8).astype(np.float32))
    return drawn


@pytest.mark.parametrize("late", ["", "..", "." * 40])
def test_a_restored_sampler_goes_on_as_the_one_that_was_saved(late):
    sampler, streams = make_sampler(30, 2, 3)
    undisturbed, other_streams = make_sampler(30, 2, 3)
    for one, rings in ((sampler, streams), (undisturbed, other_streams)):
        for ring in rings:
            add_steps(ring, "." * 10)
        play(one, rings, np.random.default_rng(1), 20)
        add_steps(rings[1], late)  # not seen by any minibatch yet
    state, generator = sampler.get_state(), sampler._generator.bit_generator.state
    restored, new_streams = make_sampler(30, 2, 3, seed=9)
    for ring, new in zip(streams, new_streams, strict=True):
        start = max(0, ring.added - ring.size)
        new.restore(start, ring.read(start, ring.added))
    restored.set_state(state)
    restored._generator.bit_generator.state = generator
    found = [
        play(one, rings, np.random.default_rng(2), 20)
        for one, rings in (
            (undisturbed, other_streams),
            (sampler, streams),
            (restored, new_streams),
        )
    ]
    assert found[0] == found[1] == found[2]
    assert restored._tree._nodes.tobytes() == undisturbed._tree._nodes.tobytes()


STRANGE = [
    *(None, True, -1, 0.5, 2**200, 1e300, float("nan"), float("inf"), "", [], {}),
    *(np.zeros(0), np.zeros(10, np.float32), np.full(10, np.nan), np.full(10, -1.0)),
    *(np.full(10, np.inf), np.full(10, 2.0), np.ones(10), np.zeros((10, 1)), np.array(["a"])),
]


@pytest.mark.parametrize("key", ["priorities", "greatest", "num_minibatches"])
@pytest.mark.parametrize("value", STRANGE, ids=repr)
def test_a_damaged_state_is_refused(key, value):
    sampler, [stream] = make_sampler(10)
    add_steps(stream, "." * 13)
    state = sampler.get_state()
    sampler.set_state(state)
    with pytest.raises((ValueError, LookupError)):
        sampler.set_state({**state, key: value})
    with pytest.raises(MISFITS):
        sampler.set_state({name: state[name] for name in state if name != key})


def test_a_priority_of_a_step_that_was_never_made_is_refused():
    sampler, [stream] = make_sampler(10)
    add_steps(stream, "." * 5)
    state = sampler.get_state()
    assert np.flatnonzero(state["priorities"]).tolist() == [2, 3, 4]
    state["priorities"][5] = 1
    with pytest.raises(ValueError, match="cannot be drawn"):
        sampler.set_state(state)

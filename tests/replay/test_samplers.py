"""Minibatches are drawn uniformly from what may be learned from, and from nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqn.errors import UserError
from dqn.replay.samplers import UniformSampler
from dqn.replay.storage import Observations
from dqn.replay.stream import Entries, ReplayStream
from helpers.replay import SIZE, add_steps, allowed, make_memory, observation_of, steps_of


def make_sampler(size, num_streams, history_length, seed=0):
    entries = Entries(Observations(size * num_streams, **SIZE), num_streams)
    streams = [ReplayStream(entries, i, i * size, size) for i in range(num_streams)]
    generator = np.random.default_rng(seed)
    sampler = UniformSampler(entries, streams, history_length=history_length, generator=generator)
    return sampler, streams


@settings(max_examples=50, deadline=None)
@given(
    history_length=st.integers(1, 4),
    size=st.integers(6, 14),
    streams=st.lists(st.text("....TC", max_size=40), min_size=1, max_size=3),
)
def test_it_draws_all_that_may_be_drawn_and_nothing_else(history_length, size, streams):
    sampler, rings = make_sampler(size, len(streams), history_length)
    expected = set()
    for ring, ends in zip(rings, streams, strict=True):
        add_steps(ring, ends)
        expected |= allowed(ring, history_length, ends)
    if not any(len(ring) > history_length for ring in rings):
        return  # the memory says that it cannot be sampled
    if not expected:
        with pytest.raises(UserError, match="in a row of one game"):
            sampler.sample(3)
        return
    indexes = sampler.sample(40 * len(expected))
    assert indexes.dtype == np.int64
    # The chance to miss one of n in 40·n draws is below n·e⁻⁴⁰.
    assert set(indexes.tolist()) == expected


def test_sampling_is_uniform_over_all_transitions():
    memory = make_memory(60, batch_size=50)
    ends = "." * 30 + "T" + "." * 20 + "C" + "." * 38
    add_steps(memory.streams[0], ends)
    counts = np.zeros(len(ends))
    for _ in range(400):
        np.add.at(counts, steps_of(memory.sample().next_states)[:, -1], 1)
    # 90 steps in a ring of 60: step s lies at s mod 60, and the next goes to 30
    possible = [
        s
        for s in range(30, 90)
        if s % 60 >= 4 and not 30 <= s % 60 < 34 and not set(ends[s - 4 : s]) & {"T", "C"}
    ]
    assert sorted(np.flatnonzero(counts)) == possible
    expected = counts.sum() / len(possible)
    chi_squared = ((counts[possible] - expected) ** 2 / expected).sum()
    assert chi_squared < 2 * len(possible)


def test_streams_are_sampled_in_proportion_to_what_they_hold():
    memory = make_memory(90, history_length=2, batch_size=30, num_streams=3)
    for number, steps in enumerate((30, 12, 3)):
        for _ in range(steps):
            memory.streams[number].add(number, 0, observation_of(0), False, False)
    drawn = np.concatenate([memory.sample().actions for _ in range(300)])
    counts = np.bincount(drawn, minlength=3) / len(drawn)
    # a full ring has no state over its write position; the others begin at their first observation
    assert counts == pytest.approx(np.array([28, 10, 1]) / 39, abs=0.02)


def test_the_same_seed_samples_the_same_transitions():
    samples = []
    for _ in range(2):
        sampler, [stream] = make_sampler(40, 1, 4, seed=5)
        add_steps(stream, "." * 40)
        samples.append([sampler.sample(8).tolist() for _ in range(2)])
    assert samples[0] == samples[1]
    assert samples[0][0] != samples[0][1]


def test_episodes_shorter_than_a_state_end_in_advice_not_in_an_endless_search():
    sampler, [stream] = make_sampler(50, 1, 4)
    add_steps(stream, "...T" * 12)
    with pytest.raises(UserError, match="lower --frame_skip or --history_length"):
        sampler.sample(8)

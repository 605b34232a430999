"""A trained network says by which flags it is made again, whatever a file says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqn.networks.architecture import NATURE_CONVOLUTIONS, Architecture, Convolution
from dqn.options import network_flags
from dqn.options.architecture_flags import contradicting, flags_of
from dqn.options.continuing import as_arguments
from dqn.options.parser import parse
from helpers.paths import PROJECT

convolutions = st.builds(
    Convolution, st.integers(1, 99), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)
)
architectures = st.builds(
    Architecture,
    st.just(4),
    st.just((4, 84, 84)),
    st.just(NATURE_CONVOLUTIONS) | st.lists(convolutions, max_size=3).map(tuple),
    st.just((512,)) | st.lists(st.integers(1, 999), min_size=1, max_size=3).map(tuple),
    activation=st.sampled_from(["relu", "elu"]),
    biases=st.booleans(),
    batch_norm=st.booleans(),
    shared_convolutions=st.booleans(),
    dueling=st.sampled_from(["false", "avg", "max", "naive"]),
    dueling_streams=st.booleans(),
)
RECORDED = [
    {},
    {"network": "nature", "dense_units": None},
    {"network": "conv8x8s4,32", "dense_units": "7"},
    {"network": 7, "dense_units": True},
    {"network": "conv8x8s4,no", "dense_units": "1,000000"},
    {"network": "conv", "dense_units": ""},
]


@given(architecture=architectures, recorded=st.sampled_from(RECORDED))
def test_the_flags_of_a_network_make_it_again(architecture, recorded):
    flags = flags_of(architecture, recorded)
    args = parse(["breakout", *as_arguments(flags)], PROJECT)
    assert network_flags.architecture(args, 4, (4, 84, 84)) == architecture
    assert contradicting(args, flags) is None


@pytest.mark.parametrize(
    "recorded",
    [
        {"network": "conv8x8s4,32", "dense_units": None},
        {"network": "conv8x8s4", "dense_units": "32"},
    ],
)
def test_layers_are_written_as_the_user_did(recorded):
    architecture = Architecture(4, convolutions=(Convolution(8, 8, 8, 4),), dense_units=(32,))
    flags = flags_of(architecture, recorded)
    assert {name: flags[name] for name in recorded} == recorded


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ([], None),
        (["--network", "conv8x8s4", "--dense_units", "32"], None),
        (["--network", "nature"], "network"),
        (["--network", "conv8x8s4,33"], "network"),
        (["--network", "conv8x8s4"], "network"),
        (["--activation", "elu"], "activation"),
        (["--biases", "true"], "biases"),
        (["--batch_norm", "yes"], "batch_norm"),
        (["--shared_convolutions", "true"], "shared_convolutions"),
        (["--dueling", "naive"], "dueling"),
        (["--dueling_streams", "false"], None),  # without effect
        (["--initializer", "fan_in", "--optimizer", "adam"], None),
    ],
)
def test_a_flag_that_makes_another_network_is_found(arguments, name):
    architecture = Architecture(4, convolutions=(Convolution(8, 8, 8, 4),), dense_units=(32,))
    flags = flags_of(architecture, {})
    words = ["breakout", *as_arguments(flags), *arguments]
    assert contradicting(parse(words, PROJECT, is_complete=False), flags) == name

"""How layers are written on the command line."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

import main
from dqn.networks.architecture import NATURE_CONVOLUTIONS, Convolution
from dqn.options import network_flags, network_spec
from dqn.options import parser as options
from helpers.paths import PROJECT

GAME = "roms/breakout.bin"


def parse(*arguments):
    return options.parse([GAME, *arguments], PROJECT)


def architecture(*arguments, state_shape=(4, 84, 84)):
    return network_flags.architecture(parse(*arguments), 6, state_shape)


@pytest.mark.parametrize(
    ("flags", "convolutions", "units"),
    [
        ([], NATURE_CONVOLUTIONS, (512,)),
        (["--network", "nature"], NATURE_CONVOLUTIONS, (512,)),
        (["--network", "Nature", "--dense_units", "256"], NATURE_CONVOLUTIONS, (256,)),
        (["--network", "dense"], (), (512,)),
        (["--network", "DENSE", "--dense_units", "128,64"], (), (128, 64)),
        (["--network", "conv16x8s4"], (Convolution(16, 8, 8, 4),), (512,)),
        (["--network", "conv16x8x4s2,32"], (Convolution(16, 8, 4, 2),), (32,)),
        (
            ["--network", "conv16x8s4,conv32x4s2", "--dense_units", "256"],
            (Convolution(16, 8, 8, 4), Convolution(32, 4, 4, 2)),
            (256,),
        ),
        (["--network", "64,32"], (), (64, 32)),
        (["--network", "conv32x8s4,conv64x4s2,conv64x3s1,512"], NATURE_CONVOLUTIONS, (512,)),
    ],
)
def test_a_text_stands_for_layers(flags, convolutions, units):
    network = architecture(*flags)
    assert (network.convolutions, network.dense_units) == (convolutions, units)


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("NATURE", "nature"),
        ("CONV8x3X3s1", "conv8x3s1"),
        ("conv08x3x4s1, 0512", "conv8x3x4s1,512"),
        (" 64 , 32", "64,32"),
    ],
)
def test_a_text_has_one_spelling(text, spelling):
    assert network_spec.network(text) == spelling
    assert network_spec.network(spelling) == spelling


@given(
    st.lists(st.tuples(*[st.integers(1, 1000)] * 4), max_size=8),
    st.lists(st.integers(1, 100_000), max_size=8),
)
def test_what_is_written_is_read_again(convolutions, units):
    layers = [Convolution(*numbers) for numbers in convolutions]
    text = ",".join(map(str, [*layers, *units]))
    if text:
        assert network_spec.network(text) == text
        assert network_spec.layers(text) == (tuple(layers), tuple(units) or (512,))
        assert network_spec.has_own_units(text) == bool(units)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("natura", "neither a convolution nor a number of units: write it as in conv32x8s4,"),
        ("conv32x8", "'conv32x8' is neither"),
        ("conv32x8s4x2", "neither"),
        ("conv-3x8s4", "neither"),
        ("", "'' is neither"),
        ("512,", "'' is neither"),
        ("12.5", "neither"),
        ("٣", "neither"),
        ("conv٣x8s4", "neither"),
        ("512,conv32x8s4", "conv32x8s4 stands after a dense layer: put it before"),
        ("0", "in the layer '0', 0 is not from 1 to 100000"),
        ("100001", "not from 1 to 100000"),
        ("conv0x8s4", "in the layer 'conv0x8s4', 0 is not from 1 to 10000"),
        ("conv10001x8s4", "10001 is not from 1 to 10000"),
        ("conv8x0s4", "0 is not from 1 to 1000"),
        ("conv8x8x1001s4", "1001 is not from 1 to 1000"),
        ("conv8x8s0", "0 is not from 1 to 1000"),
        ("8" * 5000, "neither"),
        (",".join(["8"] * 21), "21 layers are more than 20"),
    ],
)
def test_what_is_no_network_is_refused_with_the_reason(text, reason, capsys):
    with pytest.raises(argparse.ArgumentTypeError) as error:
        network_spec.network(text)
    assert reason in str(error.value)
    assert len(str(error.value)) < 200
    with pytest.raises(SystemExit) as exit_:
        parse("--network", text)
    assert exit_.value.code == 2
    assert reason in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("text", ["", "512,", "nature", "conv8x8s4", "0", "-5", "100001"])
def test_dense_units_are_numbers(text):
    with pytest.raises(argparse.ArgumentTypeError):
        network_spec.dense_units(text)


def test_units_are_said_in_one_place(capsys):
    with pytest.raises(SystemExit):
        parse("--network", "conv8x8s4,64", "--dense_units", "32")
    assert "leave --dense_units out" in capsys.readouterr().err


def test_help_shows_the_group_of_the_architecture(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    text = capsys.readouterr().out
    group = text[text.index("Network architecture:") :]
    group = group[: group.index("\n\n")]
    flags = (
        "network dense_units activation biases initializer shared_convolutions dueling "
        "dueling_streams"
    )
    for name in flags.split():
        assert f"--{name} " in group


def test_a_screen_that_is_too_small_for_a_layer_ends_in_one_line(capsys):
    flags = "--network conv8x8s4,conv8x30s1 --replay_size 100 --log_level ERROR"
    assert main.main(["breakout", *flags.split()]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "conv8x30s1 is larger than what reaches it, 20×20" in line


@pytest.mark.parametrize(
    "flags",
    [
        ["--network", ",".join(["conv8x1s1"] * 20)],
        ["--network", "conv8x1s1", "--dense_units", ",".join("9" * 20)],
    ],
)
def test_more_layers_than_a_snapshot_may_have_take_one_line(flags, capsys):
    with pytest.raises(SystemExit):
        parse(*flags)
    (line,) = capsys.readouterr().err.splitlines()
    assert "21 layers before the last one: use at most" in line

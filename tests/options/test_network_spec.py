"""Layers on the command line: what is written is what is made."""

import pytest

from dqn.options.parser import parse
from helpers.paths import PROJECT


@pytest.mark.parametrize(
    ("arguments", "network", "dense_units"),
    [
        (["--network", "conv8x8s4"], "conv8x8s4", None),
        (["--network", "CONV8x8s4, conv4x3x2s1"], "conv8x8s4,conv4x3x2s1", None),
        (["--network", "conv8x8s4", "--dense_units", "32,16"], "conv8x8s4", "32,16"),
        (["--network", "conv8x8x8s4,32"], "conv8x8s4,32", None),
        (["--network", "dense", "--dense_units", "9"], "dense", "9"),
    ],
)
def test_a_network_keeps_its_own_layers_and_takes_those_of_dense_units(
    arguments, network, dense_units
):
    args = parse(["breakout", *arguments], PROJECT)
    assert (args.network, args.dense_units) == (network, dense_units)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--network", "conv8x8s4,32", "--dense_units", "16"], "leave --dense_units out"),
        (["--network", ",".join(["conv8x1s1"] * 20)], "21 layers before the last one: use at most"),
        (["--network", "conv8x1s1", "--dense_units", ",".join("9" * 20)], "21 layers before"),
    ],
)
def test_layers_that_cannot_be_take_one_line(arguments, words, capsys):
    with pytest.raises(SystemExit):
        parse(["breakout", *arguments], PROJECT)
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line

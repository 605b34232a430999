"""A network that is too large for the machine ends with one line, not with a killed process."""

import numpy as np
import pytest

import main
from dqn.errors import UserError
from dqn.networks import memory_need
from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.create import create_network
from dqn.networks.memory_need import check_memory, memory_needs
from dqn.networks.settings import Compute, Optimization, Targets

SHAPE = (2, 3, 9, 9)
ARCHITECTURE = Architecture(3, SHAPE, (Convolution(4, 3, 3, 2),), (50,))
WEIGHTS = np.array([2 * 3 * 9 * 4, 50 * 64, 3 * 50])
OUTPUTS = np.array([64, 50, 3])


@pytest.mark.parametrize(
    ("optimizer", "datatype", "has_target", "of_weight", "of_output"),
    [
        # Networks, states, twice memory to compute in, the gradient; 16-bit copies of the networks
        ("rmsprop", "float32", True, 4 * (2 + 1 + 2 + 1), 4),
        ("rmsprop", "float32", False, 4 * (1 + 1 + 2 + 1), 4),
        ("adam", "float64", True, 8 * (2 + 2 + 2 + 1), 8),
        ("adadelta", "bfloat16", True, 4 * (2 + 3 + 2) + 2 * (1 + 2), 2),
        ("rmsprop_graves", "float16", False, 4 * (1 + 2 + 2) + 2 * (1 + 1), 2),
    ],
)
def test_the_need_counts_everything_that_is_of_the_weights_size(
    optimizer, datatype, has_target, of_weight, of_output
):
    needs = memory_needs(
        ARCHITECTURE,
        Optimization(optimizer, batch_size=10),
        Targets(has_network=has_target),
        Compute(datatype=datatype),
    )
    np.testing.assert_array_equal(needs, WEIGHTS * of_weight + 4 * 10 * OUTPUTS * of_output)


def parts(architecture=ARCHITECTURE):
    return architecture, Optimization(), Targets(), Compute(backend="cpu")


def test_a_network_that_does_not_fit_is_refused_with_its_largest_layer(monkeypatch):
    need = sum(memory_needs(*parts()))
    monkeypatch.setattr(memory_need, "available_memory", lambda: need)
    create_network(*parts(), np.random.default_rng(0))
    monkeypatch.setattr(memory_need, "available_memory", lambda: need - 1)
    with pytest.raises(UserError, match=r"the layer of 50 units with 50×64 weights.*--dense_units"):
        create_network(*parts(), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("architecture", "name"),
    [
        (Architecture(3, SHAPE, (Convolution(500, 9, 9, 1),), (2,)), "conv500x9s1 with 486×500"),
        (Architecture(900, (4, 10), (), (30,)), "the last layer with 900×30"),
    ],
)
def test_any_layer_may_be_the_largest(architecture, name, monkeypatch):
    monkeypatch.setattr(memory_need, "available_memory", lambda: 1000)
    with pytest.raises(UserError, match=name):
        create_network(*parts(architecture), np.random.default_rng(0))


def test_a_network_on_a_gpu_takes_the_memory_of_its_initial_weights(monkeypatch):
    monkeypatch.setattr(memory_need, "available_memory", lambda: 8 * WEIGHTS.sum())
    check_memory(*parts(), on_gpu=True)
    with pytest.raises(UserError, match="are free"):
        check_memory(*parts(), on_gpu=False)
    monkeypatch.setattr(memory_need, "available_memory", lambda: 8 * WEIGHTS.sum() - 1)
    with pytest.raises(UserError, match="are free"):
        check_memory(*parts(), on_gpu=True)


def test_the_command_line_says_it_in_one_line(capsys):
    flags = "breakout --network dense --dense_units 100000,100000 --replay_size 100 --backend cpu"
    assert main.main([*flags.split(), "--log_level", "ERROR"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the layer of 100000 units with 100000×100000 weights" in line

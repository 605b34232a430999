"""A network as PyTorch's own modules, for those who have nothing else."""

import io
import warnings

import numpy as np
import pytest
import torch

from dqn.errors import UserError
from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.create import export_network
from dqn.networks.torch_engine.inspector import TorchInspector
from helpers.snapshots import VARIANT, make_snapshot_of

SMALL = (Convolution(4, 4, 3, 2), Convolution(3, 2, 2, 1))
ARCHITECTURES = {
    "the default": Architecture(4),
    "normalised, with biases": Architecture(
        3, (2, 12, 10), SMALL, (6,), biases=True, batch_norm=True, activation="elu"
    ),
    "each of the colour screens by itself, two streams": VARIANT,
    "each of the gray screens by itself": Architecture(
        3, (2, 12, 10), SMALL, (6,), shared_convolutions=True, dueling="max"
    ),
    "colours": Architecture(3, (2, 3, 12, 10), SMALL, (6, 7)),
    "RAM, one stream": Architecture(
        5, (4, 128), (), (7, 8), biases=True, dueling="naive", dueling_streams=False
    ),
    "a vector": Architecture(2, (1, 4), (), (9,), state_dtype="float32", dueling="avg"),
    "choices": Architecture(2, (1, 4), (), (9,), state_dtype="bool", batch_norm=True),
}


def make_layers(architecture):
    layers = make_snapshot_of(architecture, states=1).layers
    for layer in layers:
        layer.weights *= np.float32(0.1)
        if layer.batch_norm:
            layer.batch_norm.gvar = np.abs(layer.batch_norm.gvar)
    return layers


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_the_code_and_the_program_give_the_q_values_of_the_network(architecture):
    layers = make_layers(architecture)
    exported = export_network(architecture, layers)
    states = np.random.default_rng(1).integers(256, size=(3, *architecture.state_shape))
    states = states.astype(architecture.state_dtype)
    expected = TorchInspector(architecture, layers).predict(states)
    tolerance = {"rtol": 1e-5, "atol": 1e-5}

    names = {"nn": torch.nn, "Tensor": torch.Tensor}
    exec(exported.classes, names)
    modules = eval(exported.code, names)
    modules.load_state_dict({n: torch.from_numpy(a) for n, a in exported.arrays.items()})
    x = torch.from_numpy(states).float()
    x = x / 255 if architecture.state_dtype == "uint8" else x
    np.testing.assert_allclose(modules.eval()(x).detach().numpy(), expected, **tolerance)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        program = torch.jit.load(io.BytesIO(exported.program))
    q_values = program(torch.from_numpy(states)).detach().numpy()
    np.testing.assert_allclose(q_values, expected, **tolerance)


def test_the_default_takes_a_line_for_each_layer():
    architecture = Architecture(4)
    exported = export_network(architecture, make_layers(architecture))
    assert exported.code.splitlines() == [
        "nn.Sequential(",
        "    nn.Conv2d(4, 32, (8, 8), 4, bias=False), nn.ReLU(),",
        "    nn.Conv2d(32, 64, (4, 4), 2, bias=False), nn.ReLU(),",
        "    nn.Conv2d(64, 64, (3, 3), 1, bias=False), nn.ReLU(), nn.Flatten(),",
        "    nn.Linear(3136, 512, bias=False), nn.ReLU(),",
        "    nn.Linear(512, 4, bias=False),",
        ")",
    ]
    assert exported.classes == ""


def test_a_network_that_plain_modules_would_compute_differently_is_refused(monkeypatch):
    architecture = Architecture(3, (4, 8), (), (7,))
    layers = make_layers(architecture)
    monkeypatch.setattr(TorchInspector, "predict", lambda *_: np.zeros((3, 3), np.float32))
    with pytest.raises(UserError, match="their Q-values would differ"):
        export_network(architecture, layers)


def test_layers_that_do_not_fit_are_refused():
    layers = make_layers(Architecture(3, (4, 128), (), (7,)))
    with pytest.raises(UserError, match="shapes"):
        export_network(Architecture(3, (4, 128), (), (8,)), layers)

"""Networks of other libraries, as their files hold them, made without those libraries."""

import io
import json
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

UNITS = 24  # of the dense layer, which has 512 there


class Hostile:
    """Unpickled, it would write a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def convolutions(channels: int = 4) -> list[nn.Module]:
    return [
        *(nn.Conv2d(channels, 32, 8, 4), nn.ReLU()),
        *(nn.Conv2d(32, 64, 4, 2), nn.ReLU()),
        *(nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten()),
    ]


class NatureCnn(nn.Module):
    """As Stable-Baselines3 puts it together: `cnn`, then `linear`."""

    def __init__(self, channels: int = 4):
        super().__init__()
        self.cnn = nn.Sequential(*convolutions(channels))
        self.linear = nn.Sequential(nn.Linear(3136, UNITS), nn.ReLU())

    def forward(self, x):
        return self.linear(self.cnn(x))


class Sb3Network(nn.Module):
    """The `q_net` of a policy: features of screens, or the numbers themselves, and a head."""

    def __init__(self, features: nn.Module | None, head: nn.Sequential):
        super().__init__()
        if features is not None:
            self.features_extractor = features
        self.q_net = head

    def forward(self, x):
        features = getattr(self, "features_extractor", None)
        return self.q_net(x if features is None else features(x))


class Sb3Policy(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.q_net, self.q_net_target = make(), make()


class CleanRlNetwork(nn.Module):
    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.network = nn.Sequential(*layers)

    def forward(self, x):
        return self.network(x / 255.0)


def cnn_policy(num_actions: int = 4, channels: int = 4) -> Sb3Policy:
    torch.manual_seed(5)
    return Sb3Policy(
        lambda: Sb3Network(NatureCnn(channels), nn.Sequential(nn.Linear(UNITS, num_actions)))
    )


def mlp_policy(*sizes: int, activation: type[nn.Module] = nn.ReLU) -> Sb3Policy:
    torch.manual_seed(6)

    def make() -> Sb3Network:
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            layers += [nn.Linear(n_in, n_out), activation()]
        return Sb3Network(None, nn.Sequential(*layers[:-1]))

    return Sb3Policy(make)


def cleanrl_network(num_actions: int = 4) -> CleanRlNetwork:
    torch.manual_seed(7)
    return CleanRlNetwork(
        *convolutions(), nn.Linear(3136, UNITS), nn.ReLU(), nn.Linear(UNITS, num_actions)
    )


def saved(value: Any, **settings: Any) -> bytes:
    """What torch.save writes."""
    buffer = io.BytesIO()
    torch.save(value, buffer, **settings)
    return buffer.getvalue()


def write_sb3(path: Path, of: Any, **changes: Any) -> Path:
    """As `model.save` does of the policy `of`.

    `changes` are keys of `data`, or "policy" and "optimizer", entries of which None leaves one out.
    """
    screens = {"_shape": [4, 84, 84], "dtype": "uint8", ":serialized:": "gAWVBAAA"}
    data: dict[str, Any] = {
        "policy_class": {"__module__": "stable_baselines3.dqn.policies", ":serialized:": "gAWV"},
        "policy_kwargs": {},
        "observation_space": screens,
        "learning_rate": 0.0001,
        "gamma": 0.98,
        "num_timesteps": 1234,
        "_n_updates": 300,
        "_total_timesteps": 10_000,
        "exploration_fraction": 0.1,
    }
    entries: dict[str, Any] = {
        "policy.pth": saved(of.state_dict()),
        "_stable_baselines3_version": "2.9.2",
    }
    for name, value in changes.items():
        entry = {"policy": "policy.pth", "optimizer": "policy.optimizer.pth"}.get(name)
        if entry:
            entries[entry] = value
        else:
            data[name] = value
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data", json.dumps(data))
        for entry, content in entries.items():
            if content is not None:
                archive.writestr(entry, content)
    return path


def haiku_parameters(num_actions: int = 4, shared_bias: bool = False) -> dict[str, dict[str, Any]]:
    """Those of DQN Zoo's network, named as Haiku names them."""
    generator = np.random.default_rng(8)

    def draw(*shape: int) -> np.ndarray:
        return (generator.standard_normal(shape) / np.prod(shape[:-1]) ** 0.5).astype(np.float32)

    torso, head = "sequential/sequential", "sequential/sequential_1"
    parameters = {
        f"{torso}/conv2_d": {"w": draw(8, 8, 4, 32), "b": draw(32)},
        f"{torso}/conv2_d_1": {"w": draw(4, 4, 32, 64), "b": draw(64)},
        f"{torso}/conv2_d_2": {"w": draw(3, 3, 64, 64), "b": draw(64)},
        f"{head}/linear": {"w": draw(3136, UNITS), "b": draw(UNITS)},
        f"{head}/linear_1": {"w": draw(UNITS, num_actions)},
    }
    if shared_bias:
        parameters[head] = {"b": draw(1)}
    else:
        parameters[f"{head}/linear_1"]["b"] = draw(num_actions)
    return parameters


def q_values_of_haiku(parameters: dict[str, dict[str, Any]], states: np.ndarray) -> np.ndarray:
    """Computed with NumPy as Haiku does: channels last."""
    x = states.transpose(0, 2, 3, 1) / np.float32(255)
    modules = list(parameters.values())
    for of, stride in zip(modules[:3], (4, 2, 1), strict=True):
        height, width = of["w"].shape[:2]
        windows = np.lib.stride_tricks.sliding_window_view(x, (height, width), (1, 2))
        windows = windows[:, ::stride, ::stride]  # (n, rows, columns, channels, height, width)
        x = np.maximum(np.einsum("nrcihw,hwio->nrco", windows, of["w"], optimize=True) + of["b"], 0)
    x = np.maximum(x.reshape(len(x), -1) @ modules[3]["w"] + modules[3]["b"], 0)
    return x @ modules[4]["w"] + modules[-1]["b"]


def write_npz(path: Path, parameters: dict[str, dict[str, Any]]) -> Path:
    arrays = {f"{m}/{n}": a for m, of in parameters.items() for n, a in of.items()}
    np.savez(path, **arrays)
    return path

"""DQNs of Stable-Baselines3 (Raffin et al. 2021), as `model.save` writes them.

A ZIP archive holds `data`, JSON in which what is no plain value is a pickle as text (never looked
into) beside its attributes, and `policy.pth`, the state_dict of network and target network.
"""

import json
import re
from typing import Any, BinaryIO

import numpy as np

from dqn.networks.layers import Layer
from dqn.sharing.importing.foreign import ForeignNetwork, make_layers, screen_of
from dqn.snapshots.snapshot import AnotherNetwork, Unusable
from dqn.snapshots.torch_format import read_state_dict, read_values
from dqn.snapshots.zip_file import ZipFile

MAX_DATA = 2**26  # bytes; it has the last observations in it
NETWORK = "q_net."
TARGET = "q_net_target."
CONVOLUTIONS = tuple(f"features_extractor.cnn.{i}" for i in (0, 2, 4))
FEATURES = (*CONVOLUTIONS, "features_extractor.linear.0")
ACTIVATIONS = {"ReLU": "relu", "ELU": "elu"}


def read(file: BinaryIO) -> ForeignNetwork:
    """Read a DQN; raises Unusable."""
    archive = ZipFile(file)
    data = _read_data(archive)
    arrays = _network_of(read_state_dict(archive.read("policy.pth")), data)
    names = _names_of_layers(arrays)
    try:
        pairs = [(arrays.pop(f"{name}.weight"), arrays.pop(f"{name}.bias")) for name in names]
    except KeyError as error:
        raise AnotherNetwork(f"it has no {error}") from error
    if arrays:
        raise AnotherNetwork(f"it has {min(arrays)[:60]!a}, which a DQN has not")
    layers, units = make_layers(pairs)
    policy = data.get("policy_kwargs")
    policy = policy if isinstance(policy, dict) else {}
    has_convolutions = pairs[0][0].ndim == 4
    _set_states(layers, archive)
    return ForeignNetwork(
        _name_with_version(archive),
        "stable-baselines3",
        layers,
        units,
        _screen(layers, data) if has_convolutions else None,
        _activation(policy, has_convolutions, units),
        _flags(data),
        _count(data.get("num_timesteps")),
        _count(data.get("_n_updates")),
        is_scaled=has_convolutions and policy.get("normalize_images") is not False,
    )


def _read_data(archive: ZipFile) -> dict[str, Any]:
    try:
        data = json.loads(archive.read("data", MAX_DATA))
    except (ValueError, RecursionError) as error:
        raise Unusable("is damaged: its data is no JSON") from error
    if not isinstance(data, dict):
        raise Unusable("is damaged: its data is no dictionary")
    return data


def _network_of(arrays: dict[str, np.ndarray], data: dict[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of the network, without those of the target network."""
    if not any(name.startswith(NETWORK) for name in arrays):
        module = str(_attribute(data, "policy_class", "__module__"))
        found = re.match(r"(?:stable_baselines3|sb3_contrib)\.(\w+)\.", module)
        kind = f"a model of {found[1]}" if found else f"one with {min(arrays)[:60]!a}"
        raise AnotherNetwork(f"{kind}, and only DQN's can be imported")
    return {
        name.removeprefix(NETWORK): array
        for name, array in arrays.items()
        if not name.startswith(TARGET)
    }


def _names_of_layers(arrays: dict[str, np.ndarray]) -> list[str]:
    """The layers' names in their order; their numbers leave room for the activations."""
    features = FEATURES if any(name.startswith(CONVOLUTIONS) for name in arrays) else ()
    numbers = [re.fullmatch(r"q_net\.([0-9]{1,3})\.weight", name) for name in arrays]
    heads = sorted(int(found[1]) for found in numbers if found)
    if heads != list(range(0, 2 * len(heads), 2)):
        raise AnotherNetwork("its layers do not alternate with activations")
    return [*features, *(f"q_net.{number}" for number in heads)]


def _screen(layers: list[Layer], data: dict[str, Any]) -> tuple[int, int, int]:
    history, *_ = screen_of(layers)
    shape = _attribute(data, "observation_space", "_shape")
    if not isinstance(shape, list) or len(shape) != 3 or history not in (shape[0], shape[2]):
        raise AnotherNetwork("its observations are no stack of gray screens")
    if _attribute(data, "observation_space", "dtype") != "uint8":
        raise AnotherNetwork("its screens are no bytes")
    if history == 3:
        raise AnotherNetwork("it sees red, green and blue of one screen, not a stack of gray ones")
    height, width = shape[1:] if shape[0] == history else shape[:2]
    return history, height, width


def _activation(policy: dict[str, Any], has_convolutions: bool, units: tuple[int, ...]) -> str:
    """The activation between the layers; those of NatureCNN are rectifiers in any case."""
    found = re.search(r"(\w+)'>$", str(policy.get("activation_fn", "ReLU'>")))
    name = found[1] if found else "another"
    has_own = not has_convolutions or len(units) > 1  # beside those of the features
    if not has_own:
        return "relu"
    if name not in ACTIVATIONS or (has_convolutions and name != "ReLU"):
        raise AnotherNetwork(f"its activation is {name[:40]}: supported are relu, and elu alone")
    return ACTIVATIONS[name]


def _set_states(layers: list[Layer], archive: ZipFile) -> None:
    """Give the layers Adam's states, if the archive has them whole: m and v of each array."""
    try:
        content = read_values(archive.read("policy.optimizer.pth"))
    except Unusable:  # no optimizer, or one of another kind: training begins with new states
        return
    states = content.get("state") if isinstance(content, dict) else None
    if not isinstance(states, dict) or len(states) != 2 * len(layers):
        return
    taken = []
    for number, layer in enumerate(layers):
        assert layer.biases
        for index, array in ((2 * number, layer.weights), (2 * number + 1, layer.biases.values)):
            match states.get(index):
                case {"exp_avg": np.ndarray() as m, "exp_avg_sq": np.ndarray() as v}:
                    pair = [_as_layer(of, array) for of in (m, v)]
                case _:
                    return
            if any(of is None for of in pair):
                return
            taken.append(pair)
    for number, layer in enumerate(layers):
        assert layer.biases
        layer.states, layer.biases.states = taken[2 * number], taken[2 * number + 1]


def _as_layer(state: np.ndarray, like: np.ndarray) -> Any:
    """A state in the layout of its weights; None if it is not one of them."""
    array = state.reshape(len(state), -1) if state.ndim else state
    array = array.T if state.ndim == 4 else array
    if array.shape != like.shape or array.dtype != np.float32 or not np.isfinite(array).all():
        return None
    return np.array(array, order="C")


def _flags(data: dict[str, Any]) -> dict[str, Any]:
    """The settings of the training that the file has, by the names of this program's flags."""
    start, end = data.get("exploration_initial_eps"), data.get("exploration_final_eps")
    steps = None
    match data.get("exploration_fraction"), data.get("_total_timesteps"):
        case (int() | float() as fraction, int(total)):
            steps = fraction * total
    flags = {
        "optimizer": "adam",
        "initializer": "fan_in",
        "learning_rate": data.get("learning_rate"),
        "discount_rate": data.get("gamma"),
        "batch_size": data.get("batch_size"),
        "gradient_norm_clip": data.get("max_grad_norm"),
        "target_steps": data.get("target_update_interval"),
        "target_update_rate": data.get("tau"),
        "exploration_rate_start": start,
        "exploration_rate_end": end,
        "exploration_decay_steps": steps,
        "replay_size": data.get("buffer_size"),
    }
    return {name: value for name, value in flags.items() if type(value) in (int, float, str)}


def _attribute(data: dict[str, Any], key: str, name: str) -> Any:
    """What stands beside a pickle of `data`."""
    of = data.get(key)
    return of.get(name) if isinstance(of, dict) else None


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 2**63 else 0


def _name_with_version(archive: ZipFile) -> str:
    try:
        version = archive.read("_stable_baselines3_version", 100).decode("ascii").strip()
    except (Unusable, ValueError):
        version = ""
    is_version = re.fullmatch(r"[0-9][0-9a-z.]{0,20}", version)
    return f"Stable-Baselines3 {version}" if is_version else "Stable-Baselines3"

"""DQNs of CleanRL (Huang et al. 2022): dqn_atari.py and dqn.py write a state_dict.

Those of its JAX scripts are read from an .npz file, as DQN Zoo's.
"""

import re
from typing import BinaryIO

from dqn.sharing.importing import channels_last
from dqn.sharing.importing.foreign import ForeignNetwork, make_layers, screen_of
from dqn.snapshots.snapshot import AnotherNetwork
from dqn.snapshots.torch_format import read_state_dict

# As the scripts have them where no flag says otherwise; the file itself tells nothing.
DEFAULTS = {
    "optimizer": "adam",
    "initializer": "fan_in",
    "learning_rate": 0.0001,
    "clip_error": 0,
    "target_steps": 1000,
    "exploration_rate_end": 0.01,
}
MODULE = "network."


def read(file: BinaryIO) -> ForeignNetwork:
    """Read the QNetwork; raises Unusable."""
    read_pairs = channels_last.read if channels_last.is_npz(file) else _read_state_dict
    pairs = read_pairs(file)
    layers, units = make_layers(pairs)
    has_convolutions = pairs[0][0].ndim == 4
    return ForeignNetwork(
        "CleanRL",
        "cleanrl",
        layers,
        units,
        screen_of(layers) if has_convolutions else None,
        flags=dict(DEFAULTS),
        is_scaled=has_convolutions,
    )


def _read_state_dict(file: BinaryIO) -> list[channels_last.Pair]:
    file.seek(0)
    arrays = read_state_dict(file.read())
    numbers = []
    for name in arrays:
        found = re.fullmatch(r"network\.([0-9]{1,3})\.(weight|bias)", name)
        if not found:
            raise AnotherNetwork(f"it has {name[:60]!a}, which a QNetwork of dqn_atari.py has not")
        numbers.append(int(found[1]))
    try:
        return [
            (arrays[f"{MODULE}{number}.weight"], arrays[f"{MODULE}{number}.bias"])
            for number in sorted(set(numbers))
        ]
    except KeyError as error:
        raise AnotherNetwork(f"it has no {error}") from error

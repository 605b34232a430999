"""DQNs of DeepMind's DQN Zoo (Quan & Ostrovski 2020): its `dqn`, `double_q` and `prioritized`.

DQN Zoo has no files of its own: what is read are the parameters, saved at home in an .npz file, or
as a pickle of plain arrays.
"""

from typing import BinaryIO

from dqn.sharing.importing import channels_last
from dqn.sharing.importing.foreign import ForeignNetwork, make_layers, screen_of
from dqn.snapshots.snapshot import AnotherNetwork

# As in its dqn/run_atari.py
DEFAULTS = {
    "optimizer": "rmsprop_graves",
    "initializer": "fan_in",
    "learning_rate": 0.00025,
    "exploration_rate_end": 0.1,
}


def read(file: BinaryIO) -> ForeignNetwork:
    """Read the parameters; raises Unusable."""
    pairs = channels_last.read(file)
    if pairs[0][0].ndim != 4:
        raise AnotherNetwork("it has no convolutions")
    layers, units = make_layers(pairs)
    screen = screen_of(layers)
    return ForeignNetwork("DQN Zoo", "dqn_zoo", layers, units, screen, flags=dict(DEFAULTS))

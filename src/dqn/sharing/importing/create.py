"""Imports a network of another library; the only place that names the libraries."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dqn.environments.settings import ObservationSettings
from dqn.errors import UserError, explain
from dqn.networks.architecture import Architecture
from dqn.sharing.importing import cleanrl, dqn_zoo, stable_baselines3
from dqn.sharing.importing.foreign import ForeignNetwork
from dqn.sharing.importing.games import Game, find_game
from dqn.snapshots.file import check_file
from dqn.snapshots.snapshot import AnotherNetwork, Metadata, Snapshot, Unusable
from dqn.snapshots.validation import validate

logger = logging.getLogger(__name__)

READERS: dict[str, Callable[[BinaryIO], ForeignNetwork]] = {
    "sb3": stable_baselines3.read,
    "cleanrl": cleanrl.read,
    "dqn_zoo": dqn_zoo.read,
}
# What turns a file that cannot be read into one that can, where it was made
AT_HOME = {
    "sb3": 'DQN.load("it.zip").save("again.zip")',
    "cleanrl": 'torch.save(q_network.state_dict(), "it.cleanrl_model")',
    "dqn_zoo": (
        'numpy.savez("it.npz", **{f"{m}/{n}": a for m, p in agent.online_params.items() '
        "for n, a in p.items()})"
    ),
}
# What their wrappers make of the frames of a game of Atari, before a network sees them
SCREENS: dict[str, dict[str, str]] = {
    "stable-baselines3": {"grayscale": "opencv", "interpolation": "area"},
    "cleanrl": {"grayscale": "opencv_last", "interpolation": "area"},
    "dqn_zoo": {"grayscale": "truncated", "interpolation": "pillow"},
}


def split(text: str) -> tuple[str | None, Path]:
    """The kind of a file that is named `kind:path`, None without one of READERS, and the path."""
    kind, colon, path = text.partition(":")
    return (kind, Path(path)) if colon and kind in READERS else (None, Path(text))


def import_network(
    kind: str, path: Path, output: Path, roms: Path, *, game: str | None = None, imports: str = ""
) -> Snapshot:
    """The network in the file `path` of one of READERS, which plays as it does at home.

    `game` is its name, which else one of the files has. ROMs are looked for in `roms`; `imports`
    are those of GymSettings. Nothing of the file is run. Raises UserError.
    """
    try:
        check_file(path)
        with open(path, "rb") as file:
            network = _read(kind, file)
        snapshot = _make_snapshot(network, find_game(game, (path, output), roms, imports))
        validate(snapshot)
        return snapshot
    except Unusable as error:
        reason = str(error)
    except MemoryError:
        reason = "does not fit into memory: close other programs"
    except OSError as error:
        reason = f"cannot be read {explain(error)}"
    raise UserError(f"{path} cannot be imported: it {reason}")


def _read(kind: str, file: BinaryIO) -> ForeignNetwork:
    """Read a network; where the file itself is to blame, what is raised says how to write one."""
    try:
        return READERS[kind](file)
    except AnotherNetwork:
        raise
    except Unusable as error:
        raise Unusable(
            f"{error}; where it was made, {AT_HOME[kind]} writes one that can be imported"
        ) from error


def _make_snapshot(network: ForeignNetwork, game: Game) -> Snapshot:
    actions, is_minimal = game.actions(network.num_actions)
    flags = {**_flags_of_training(network), **game.flags(), "minimal_action_set": is_minimal}
    if network.screen:
        flags |= _flags_of_screens(network)
        state_shape: tuple[int, ...] = network.screen
        dtype = np.dtype(np.uint8)
    else:
        state_shape, dtype = _vectors(network, game)
    if dtype == np.uint8:
        network.divide_by_255()
    architecture = Architecture(
        network.num_actions,
        state_shape,
        network.convolutions,
        network.dense_units,
        activation=network.activation,
        biases=True,
        state_dtype=str(dtype),
    )
    flags["history_length"] = state_shape[0]
    metadata = Metadata(
        game.name,
        actions,
        state_shape,
        train_steps=network.train_steps,
        weight_updates=network.weight_updates,
        flags=flags,
    )
    logger.info(
        "Read a DQN of %s: %s, %d actions, %s",
        network.library,
        game.name,
        len(actions),
        _said(flags),
    )
    return Snapshot(network.layers, architecture, metadata)


def _flags_of_training(network: ForeignNetwork) -> dict[str, Any]:
    return {"observation": "screen", "datatype": "float32", "biases": True, **network.flags}


def _flags_of_screens(network: ForeignNetwork) -> dict[str, Any]:
    """The flags by which screens are made as at home, and episodes begin."""
    assert network.screen
    _, height, width = network.screen
    return {
        "frame_skip": 4,
        "frame_pooling": "max",
        **SCREENS[network.style],
        "screen_height": height,
        "screen_width": width,
        "max_game_frames": 108_000,
        "random_starts": 30,
        "episode_start": network.style,
    }


def _vectors(network: ForeignNetwork, game: Game) -> tuple[tuple[int, ...], np.dtype]:
    """The shape and dtype of a state, if it is made of the game's observations; else UserError."""
    if game.rom:
        raise UserError(
            f"the network sees {network.num_inputs} numbers, not screens: name the environment of "
            "Gymnasium that it was trained on, such as --game CartPole-v1"
        )
    space = game.space(ObservationSettings())
    numbers = space.shape[0]
    if len(space.shape) != 1 or network.num_inputs % numbers:
        raise UserError(
            f"the network sees {network.num_inputs} numbers, but {game.name} shows "
            f"{'×'.join(map(str, space.shape))}: name the environment that it was trained on, with "
            "--game"
        )
    return (network.num_inputs // numbers, numbers), space.dtype


def _said(flags: dict[str, Any]) -> str:
    """The flags that say how it sees the game."""
    names = "frame_pooling grayscale interpolation episode_start repeat_action_probability".split()
    return " ".join(f"--{name} {flags[name]}" for name in names if name in flags) or "vectors"

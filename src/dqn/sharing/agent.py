"""A trained agent for other people's programs: observations in, actions out.

    from dqn.sharing.agent import load_agent

    agent = load_agent("snapshots/breakout_77.pkl")
    agent.reset()
    action = agent.act(observation)

It needs no ALE, no window and no file but the snapshot.
"""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from dqn.actors.state_buffer import StateBuffer
from dqn.environments.pictures import create_converter
from dqn.environments.settings import GRAYSCALES, INTERPOLATIONS, ObservationSettings
from dqn.errors import UserError
from dqn.networks.create import create_network
from dqn.networks.deepqnetwork import DeepQNetwork
from dqn.networks.settings import Compute, Optimization, Targets
from dqn.snapshots.file import load_snapshot
from dqn.snapshots.snapshot import Snapshot, without_states


class LoadedAgent:
    """Chooses actions as in a test, from the observations of one game after another.

    `game` and `actions` are those that it was trained on (ALE's numbers, or those of Gymnasium's
    action space), `state_shape` is what the network sees: (history, *observation).
    """

    def __init__(
        self,
        snapshot: Snapshot,
        network: DeepQNetwork,
        *,
        exploration_rate: float,
        seed: int | None,
    ):
        assert snapshot.architecture
        assert snapshot.metadata
        self.game = snapshot.metadata.game
        self.actions = snapshot.metadata.actions
        self.state_shape = snapshot.architecture.state_shape
        self.exploration_rate = exploration_rate
        self._network = network
        self._generator = np.random.default_rng(seed)
        self._dtype = np.dtype(snapshot.architecture.state_dtype)
        self._buffer = StateBuffer(self.state_shape, self._dtype)
        self._is_new_game = True
        self._convert: Callable[[np.ndarray], np.ndarray] = self._convert_numbers
        if len(self.state_shape) > 2:
            self._convert = self._convert_picture
            self._to_observation = create_converter(_observation_settings(snapshot))

    def reset(self) -> None:
        """A new game has begun: its first observation fills the whole state."""
        self._is_new_game = True

    def act(self, observation: Any) -> int:
        """The action to take after an observation, a number from 0 on.

        An observation is what a Gymnasium environment gives: a picture, uint8 (height, width[, 1 or
        3]), which is grayed and resized as in training, or is so already; a vector; or, for a
        network that was trained on Discrete observations, their number. Raises UserError for one
        that the network cannot see.
        """
        q_values = self.q_values(observation)
        if self.exploration_rate and self._generator.random() < self.exploration_rate:
            return int(self._generator.integers(len(q_values)))
        return int(q_values.argmax())

    def q_values(self, observation: Any) -> np.ndarray:
        """The same as `act`, but the Q-value of each action, float (num_actions,)."""
        converted = self._convert(np.asarray(observation))
        times = self.state_shape[0] if self._is_new_game else 1
        self._is_new_game = False
        for _ in range(times):
            self._buffer.add(converted)
        return self._network.predict(self._buffer.state[np.newaxis])[0]

    def _convert_picture(self, picture: np.ndarray) -> np.ndarray:
        if picture.dtype == np.uint8 and picture.shape == self.state_shape[1:]:
            return picture
        needs_colours = len(self.state_shape) == 4
        is_gray = picture.ndim == 2 or picture.shape[2:] == (1,)
        is_picture = picture.dtype == np.uint8 and (is_gray or picture.shape[2:] == (3,))
        if not is_picture or (needs_colours and is_gray):
            raise self._unfitting(picture)
        return self._to_observation(picture)

    def _convert_numbers(self, numbers: np.ndarray) -> np.ndarray:
        count = self.state_shape[1]
        is_choice = self._dtype.kind == "b" and numbers.ndim == 0
        if is_choice and numbers.dtype.kind in "iu" and 0 <= numbers < count:
            return np.arange(count) == numbers
        if numbers.size != count:
            raise self._unfitting(numbers)
        return numbers.reshape(-1).astype(self._dtype)

    def _unfitting(self, observation: np.ndarray) -> UserError:
        shape = "×".join(map(str, self.state_shape[1:]))
        return UserError(
            f"the network sees {shape} {self._dtype}, and no observation {observation.dtype} "
            f"{observation.shape}: give it those of {self.game}"
        )


def load_agent(
    path: str | PathLike[str],
    *,
    exploration_rate: float = 0,
    seed: int | None = None,
    backend: str = "cpu",
) -> LoadedAgent:
    """The agent of a snapshot, .pkl, .prm or .safetensors.

    With probability `exploration_rate` it acts at random, drawn from `seed`; tests use 0.05.
    `backend` is "cpu", "gpu" or "auto". Raises UserError, whose text is one line, for a file that
    is no snapshot or does not say what it was trained on. Reading one runs no code.
    """
    snapshot = load_snapshot(Path(path))
    if not snapshot.architecture or not snapshot.metadata:
        raise UserError(
            f"the snapshot {path} does not say what it was trained on: test.sh can use it all the "
            "same, and writes one that does when it is trained on"
        )
    network = create_network(
        snapshot.architecture,
        Optimization(),
        Targets(has_network=False),
        Compute(backend=backend),
        np.random.default_rng(0),
    )
    network.set_layers(without_states(snapshot.layers))
    return LoadedAgent(snapshot, network, exploration_rate=exploration_rate, seed=seed)


def _observation_settings(snapshot: Snapshot) -> ObservationSettings:
    """How the pictures were made that the network was trained on."""
    assert snapshot.architecture
    assert snapshot.metadata
    *_, height, width = shape = snapshot.architecture.state_shape
    flags = snapshot.metadata.flags
    default = ObservationSettings()
    grayscale, interpolation = flags.get("grayscale"), flags.get("interpolation")
    return ObservationSettings(
        kind="rgb" if len(shape) == 4 else "screen",
        width=width,
        height=height,
        grayscale=grayscale if grayscale in GRAYSCALES else default.grayscale,
        interpolation=interpolation if interpolation in INTERPOLATIONS else default.interpolation,
    )

"""Makes a game; the only place that names the kinds of environments."""

import logging
from pathlib import Path

from dqn.environments.atari import AleEnvironment
from dqn.environments.environment import Environment, ObservationSpace
from dqn.environments.settings import GameSettings, GymSettings, ObservationSettings
from dqn.machine.setup import set_up_emulators

logger = logging.getLogger(__name__)


def create_environment(
    rom: Path | None,
    name: str,
    settings: GameSettings,
    observation: ObservationSettings,
    gym: GymSettings | None = None,
    *,
    life_loss_is_terminal: bool,
    seed: int,
    sound: bool = False,
    has_pictures: bool = False,
) -> Environment:
    """The game `name` of the file `rom`, or of Gymnasium if there is none, with its own `seed`.

    The seed is a number from 0 on. A game of Gymnasium is only shown with `has_pictures`, and all
    others always. Raises UserError if Gymnasium cannot make it.
    """
    set_up_emulators()
    seed &= 0x7FFFFFFF  # ALE takes a signed 32-bit number
    if gym is not None:
        from dqn.environments.gym import GymEnvironment

        return GymEnvironment(
            name,
            settings,
            observation,
            gym,
            life_loss_is_terminal=life_loss_is_terminal,
            seed=seed,
            has_pictures=has_pictures,
        )
    assert rom, "a game of ALE has a ROM"
    return AleEnvironment(
        rom,
        name,
        settings,
        observation,
        life_loss_is_terminal=life_loss_is_terminal,
        seed=seed,
        sound=sound,
    )


def find_observation_space(
    name: str,
    settings: GameSettings,
    observation: ObservationSettings,
    gym: GymSettings | None = None,
) -> ObservationSpace:
    """What the observations of a game are like; the log says what one of Gymnasium does.

    Raises UserError if Gymnasium cannot make it.
    """
    if gym is None:
        return ObservationSpace(observation.shape)
    set_up_emulators()
    from dqn.environments.gym import GymEnvironment

    environment = GymEnvironment(
        name, settings, observation, gym, life_loss_is_terminal=False, seed=0
    )
    logger.info("%s", environment.describe())
    environment.close()
    return environment.space


def find_gym_id(name: str, imports: str) -> str:
    """The id of an environment of Gymnasium; raises UserError if there is none, or no Gymnasium."""
    from dqn.environments.gym_registry import find_id

    return find_id(name, imports)

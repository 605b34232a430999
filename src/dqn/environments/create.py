"""Makes a game; the only place that names the kinds of environments."""

from pathlib import Path

from dqn.environments.atari import AleEnvironment
from dqn.environments.atari import restores_exactly as restores_exactly
from dqn.environments.environment import Environment
from dqn.environments.settings import GameSettings, ObservationSettings
from dqn.machine.setup import set_up_emulators


def create_environment(
    rom: Path,
    name: str,
    settings: GameSettings,
    observation: ObservationSettings,
    *,
    life_loss_is_terminal: bool,
    seed: int,
    sound: bool = False,
) -> Environment:
    """The game `name` of the file `rom`, with its own `seed`, a number from 0 on."""
    set_up_emulators()
    return AleEnvironment(
        rom,
        name,
        settings,
        observation,
        life_loss_is_terminal=life_loss_is_terminal,
        seed=seed & 0x7FFFFFFF,  # ALE takes a signed 32-bit number
        sound=sound,
    )

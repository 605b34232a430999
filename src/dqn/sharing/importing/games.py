"""Which game a network from elsewhere plays: its name, and what must agree with the network."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dqn.environments.create import create_environment, find_gym_id, find_observation_space
from dqn.environments.environment import ObservationSpace
from dqn.environments.roms import find_rom, game_called, game_of_file_name
from dqn.environments.settings import GameSettings, GymSettings, ObservationSettings
from dqn.errors import UserError

# Gymnasium's ids of the games as ALE runs them frame by frame, and their sticky actions
NO_FRAME_SKIP = re.compile(r"(\w+)NoFrameskip-v([04])")
STICKY = {"0": 0.25, "4": 0}
ID = re.compile(r"(?:^|[^A-Za-z0-9])([A-Z][A-Za-z0-9]*-v[0-9]+)")


@dataclass(frozen=True)
class Game:
    """A game of ALE, of the ROM `rom`, or one of Gymnasium's.

    sticky: the probability of sticky actions, on top of what Gymnasium's has.
    """

    name: str
    rom: Path | None
    sticky: float = 0
    imports: str = ""

    def flags(self) -> dict[str, Any]:
        """The flags that choose it."""
        if self.rom:
            return {"environment": "ale", "repeat_action_probability": self.sticky}
        return {"environment": "gym"}

    def actions(self, wanted: int) -> tuple[list[int], bool]:
        """The actions, `wanted` of them, and whether they are the minimal ones.

        Raises UserError if the game has another number of them.
        """
        counts = []
        for is_minimal in (True, False) if self.rom else (True,):
            environment = create_environment(
                self.rom,
                self.name,
                GameSettings(minimal_action_set=is_minimal),
                ObservationSettings(),
                self._gym,
                life_loss_is_terminal=False,
                seed=0,
            )
            actions = list(environment.actions)
            environment.close()
            if len(actions) == wanted:
                return actions, is_minimal
            counts.append(str(len(actions)))
        raise UserError(
            f"the network has {wanted} actions, but {self.name} has {' or '.join(counts)}: name "
            "the game that it was trained on, with --game"
        )

    def space(self, observation: ObservationSettings) -> ObservationSpace:
        """What is observed of it."""
        return find_observation_space(self.name, GameSettings(frame_skip=0), observation, self._gym)

    @property
    def _gym(self) -> GymSettings | None:
        return None if self.rom else GymSettings(imports=self.imports)


def find_game(name: str | None, paths: Iterable[Path], roms: Path, imports: str = "") -> Game:
    """The game `name`, else the one that one of the files, or its folder, is named after.

    A name is one of ALE, such as breakout, or one of Gymnasium's ids. Raises UserError.
    """
    if name is None:
        name = _name_in(paths)
    found = NO_FRAME_SKIP.fullmatch(name.rpartition("/")[2])
    if found:
        game = game_called(found[1])
        if game is None:
            raise UserError(f"there is no game {name[:60]!a}: name another one with --game")
        return Game(game, find_rom(str(roms / f"{game}.bin"), roms)[0], STICKY[found[2]])
    if game_called(name) or name.endswith(".bin"):
        rom, game = find_rom(name, roms)
        return Game(game, rom)
    return Game(find_gym_id(name, imports), None, imports=imports)


def _name_in(paths: Iterable[Path]) -> str:
    paths = list(paths)
    for path in paths:
        for name in (path.name, path.absolute().parent.name):
            found = ID.search(name)
            if found:
                return found[1]
    for path in paths:
        game = game_of_file_name(path)
        if game:
            return game
    raise UserError(
        "neither file is named after a game: add --game with its name, such as --game breakout or "
        "--game CartPole-v1"
    )

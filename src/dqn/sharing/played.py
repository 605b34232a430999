"""Games that a shared network played, and what only they show of it."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dqn.errors import UserError
from dqn.options import continuing, game_flags
from dqn.report.protocol import protocol
from dqn.results.statistics import Scores
from dqn.sharing.contents import Subject
from dqn.sharing.scores import Evaluation
from dqn.sharing.source import Source
from dqn.snapshots.snapshot import Metadata


@dataclass(frozen=True)
class Played:
    """Games that were played, and by which options."""

    args: Namespace
    game: str
    rom: Path | None
    actions: list[int]
    action_names: list[str]
    scores: Scores
    has_sound: bool

    @property
    def environment(self) -> str:
        """Gymnasium's id of the game."""
        if self.rom is None:
            return self.game
        name = self.game.title().replace("_", "")
        is_sticky = self.args.repeat_action_probability > 0
        return f"ALE/{name}-v5" if is_sticky else f"{name}NoFrameskip-v4"


# Plays games by these arguments of main.py
Play = Callable[[list[str]], Played]


def subject_of(source: Source, played: Played) -> Subject:
    """The network, with what only playing shows of a file that does not say it."""
    snapshot = source.snapshot
    if snapshot.architecture is None:
        raise UserError(
            f"{source.path.name} does not say how large its screens are: train on for an epoch "
            "with ./resume.sh, and share the new snapshot"
        )
    shape = snapshot.architecture.state_shape
    metadata = snapshot.metadata or Metadata(played.game, played.actions, shape)
    of_game = {
        name: value
        for name, value in continuing.flags_for_snapshots(played.args).items()
        if name in continuing.OF_THE_GAME
    }
    return Subject(
        snapshot.architecture,
        metadata,
        {**of_game, **metadata.flags},
        played.environment,
        played.action_names,
        played.rom,
        game_flags.observation_settings(played.args),
    )


def protocol_of(subject: Subject, played: Played, evaluation: Evaluation) -> list[tuple[str, str]]:
    """How the games were played: what → how."""
    values = {**subject.flags, "test_games": len(evaluation.scores)}
    words = [word[2:].partition("=") for word in continuing.as_arguments(values)]
    rows = protocol({name: text for name, _, text in words}, evaluation.exploration_rate, 0)
    if played.rom is None:  # all else is as the environment has it
        return [row for row in rows if row[0] in ("ε in tests", "Start of a game", "A test")]
    return list(rows)

"""How the wrappers of other libraries begin an episode."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WrappedStart:
    """What is done before an agent first sees an episode.

    All let some frames of a new game pass. `in_every_life`: they also press FIRE and take the third
    action, in games that have FIRE, and do so again after each lost life, which follows one no-op
    (EpisodicLifeEnv and FireResetEnv of OpenAI Baselines). `repeats_screen`: the first screen fills
    the state; else it follows zeros.
    """

    in_every_life: bool
    repeats_screen: bool


# None: as the Nature paper does, with no-ops that fill the state
STARTS: dict[str, WrappedStart | None] = {
    "nature": None,
    "stable-baselines3": WrappedStart(in_every_life=True, repeats_screen=False),
    "cleanrl": WrappedStart(in_every_life=True, repeats_screen=True),
    "dqn_zoo": WrappedStart(in_every_life=False, repeats_screen=False),
}
THIRD_ACTION = 2


def tests_end_with_lives(start: str) -> bool:
    """Whether an episode begins after each lost life in tests, too."""
    style = STARTS[start]
    return style is not None and style.in_every_life

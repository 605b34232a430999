"""Makes the actors of training and those of testing, spread over the cores."""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from dqn.actors.actor import Actor
from dqn.actors.processes import ActorProcesses as ActorProcesses
from dqn.environments.environment import Environment
from dqn.machine.cores import usable_cores

# Makes a game, which takes `seed`; it travels to other processes
MakeEnvironment = Callable[..., Environment]


def create_actors(
    make_environments: dict[str, MakeEnvironment],
    *,
    num_actors: int,
    state_shape: tuple[int, ...],
    dtype: npt.DTypeLike = np.uint8,
    random_starts: int,
    fires_on_start: bool,
    episode_start: str = "nature",
    game_seeds: np.random.SeedSequence,
    seeds: dict[str, np.random.SeedSequence],
    generators: dict[str, np.random.Generator],
    is_stopping: Callable[[], bool],
    is_busy: bool = False,
) -> ActorProcesses:
    """`num_actors` actors in each group of `make_environments`, "train" or "test".

    One actor alone draws its random starts from the generator of its group, as the policy of the
    group draws its actions; of several, each has one of its own. Raises UserError if they cannot be
    made.
    """
    drawn = game_seeds.generate_state(2 * num_actors).reshape(num_actors, 2).tolist()
    makers: dict[str, list[Callable[[], Actor]]] = {group: [] for group in make_environments}
    for of_actor in drawn:
        for group, seed in zip(("train", "test"), of_actor, strict=True):
            generator = generators[group]
            if num_actors > 1:
                generator = np.random.default_rng(seeds[group].spawn(1)[0])
            if group in makers:
                makers[group].append(
                    partial(
                        create_actor,
                        partial(make_environments[group], seed=seed),
                        state_shape=state_shape,
                        dtype=dtype,
                        random_starts=random_starts,
                        fires_on_start=fires_on_start,
                        episode_start=episode_start,
                        spreads_starts=num_actors > 1,
                        generator=generator,
                    )
                )
    return ActorProcesses(
        makers,
        num_processes=min(num_actors, usable_cores()),
        state_shape=state_shape,
        dtype=dtype,
        is_stopping=is_stopping,
        is_busy=is_busy,
    )


def create_actor(
    make_environment: Callable[[], Environment],
    *,
    state_shape: tuple[int, ...],
    dtype: npt.DTypeLike = np.uint8,
    random_starts: int,
    fires_on_start: bool,
    episode_start: str = "nature",
    spreads_starts: bool = False,
    generator: np.random.Generator,
) -> Actor:
    """An actor with a game of its own."""
    return Actor(
        make_environment(),
        state_shape=state_shape,
        dtype=dtype,
        random_starts=random_starts,
        fires_on_start=fires_on_start,
        episode_start=episode_start,
        spreads_starts=spreads_starts,
        generator=generator,
    )

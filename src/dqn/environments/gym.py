"""Any environment of Gymnasium with discrete actions (Towers et al. 2024), as an Environment."""

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import gymnasium
import numpy as np
from ale_py import Action
from ale_py.env import AtariEnv
from gymnasium import spaces

from dqn.environments.environment import Environment, Frame, ObservationSpace
from dqn.environments.gym_keys import read_keys
from dqn.environments.gym_observing import create_observer
from dqn.environments.gym_registry import close, describe, import_packages, read_arguments
from dqn.environments.gym_state import Keeper, is_restorable
from dqn.environments.restoring import restores_exactly
from dqn.environments.settings import GameSettings, GymSettings, ObservationSettings
from dqn.errors import UserError
from dqn.machine.state_values import take, take_flag, take_integer

logger = logging.getLogger(__name__)

MAX_ACTIONS = 256  # that the replay memory's byte holds
FRAMES_A_SECOND = 60  # of an Atari
DEFAULT_FRAME_RATE = 30  # of an environment that tells none, as Gymnasium's own videos
SEED_LIMIT = 2**31

Pool = Callable[[np.ndarray, np.ndarray], np.ndarray]  # makes one picture of the last two


class GymEnvironment(Environment):
    """The environment that Gymnasium makes of an id.

    `terminated` is terminal and `truncated` is not. Lives are what `info` has under "lives", and
    with `life_loss_is_terminal` a lost one ends the episode, but the game goes on. The environment
    keeps its own frame skip and sticky actions; `settings.frame_skip`, whose 0 means 4 for an Atari
    that skips no frames and 1 for all else, and `settings.repeat_action_probability` come on top:
    each of our frames is one step of the environment. Of two frames, pictures are pooled as
    `observation` says. With `has_pictures` it can be shown.

    Raises UserError for what cannot be made, or not be learned, and wherever its code raises
    something or returns no finite numbers.
    """

    sample_rate = 0

    def __init__(
        self,
        name: str,
        settings: GameSettings,
        observation: ObservationSettings,
        gym: GymSettings,
        *,
        life_loss_is_terminal: bool,
        seed: int,
        has_pictures: bool = False,
    ):
        self.name = name
        self._settings = gym
        self._life_loss_is_terminal = life_loss_is_terminal
        self._seed = seed
        self._max_game_frames = settings.max_game_frames
        self._env = make(name, gym, has_pictures)
        base: Any = self._env.unwrapped
        self._atari = base if isinstance(base, AtariEnv) else None
        self.frame_skip = settings.frame_skip or (4 if self._skips_no_frames else 1)
        self.frame_rate = self._frame_rate
        self._set_up_actions(self._env.action_space)
        self._set_up_showing()
        self._observer = create_observer(self._env.observation_space, observation, name)
        pools = self._observer.is_picture and self.frame_skip > 1
        self._pool = POOLS[observation.pooling if pools else "none"]
        self._pooling = observation.pooling
        self._repeat_action_probability = settings.repeat_action_probability
        self._sticky_generator = np.random.default_rng(seed)
        self._sticky_action = self.no_op or 0
        self._games = 0
        self._frames = 0
        self._life_lost = self._terminated = self._truncated = False
        self._observation = np.empty(self.space.shape, self.space.dtype)

    @property
    def space(self) -> ObservationSpace:
        """What the observations are like."""
        return self._observer.space

    @property
    def fire(self) -> int | None:
        return self._meanings.index("FIRE") if "FIRE" in self._meanings else None

    def _set_up_actions(self, space: Any) -> None:
        if not isinstance(space, spaces.Discrete):
            raise UserError(
                f"the actions of {self.name} are {str(space)[:90]}: supported is Discrete, since "
                "Q-learning chooses from a list of actions; use another environment"
            )
        if space.n > MAX_ACTIONS:
            raise UserError(
                f"{self.name} has {space.n} actions: at most {MAX_ACTIONS} are supported"
            )
        self._first_action = int(space.start)
        get_meanings = getattr(self._env.unwrapped, "get_action_meanings", None)
        meanings = list(map(str, get_meanings())) if get_meanings else []
        self._meanings = meanings if len(meanings) == space.n else []
        self.no_op = self._meanings.index("NOOP") if "NOOP" in self._meanings else None
        self.actions = list(range(int(space.n)))
        if self._meanings and set(self._meanings) <= set(Action.__members__):
            self.actions = [Action.__members__[meaning].value for meaning in self._meanings]

    def _set_up_showing(self) -> None:
        self.has_square_pixels = self._atari is None
        if not set(self._meanings) <= set(Action.__members__) or not self._meanings:
            self.action_names = self._meanings or [f"action {i}" for i in range(self.num_actions)]
            self.keys = read_keys(self._env.unwrapped, self.num_actions, self._first_action)

    @property
    def _skips_no_frames(self) -> bool:
        return self._atari is not None and self._atari._frameskip == 1

    @property
    def _frame_rate(self) -> int:
        if self._atari is not None:
            skipped = self._atari._frameskip
            # A tuple is a range that is drawn from, without its end.
            mean = skipped if isinstance(skipped, int) else (skipped[0] + skipped[1] - 1) / 2
            return max(1, round(FRAMES_A_SECOND / mean))
        rate = (self._env.metadata or {}).get("render_fps")
        return max(1, round(rate)) if isinstance(rate, int | float) else DEFAULT_FRAME_RATE

    def describe(self) -> str:
        """What the environment does by itself to actions and games, and what comes on top."""
        does = []
        if self._atari is not None:
            skipped = self._atari._frameskip
            if skipped != 1:
                frames = (
                    skipped if isinstance(skipped, int) else f"{skipped[0]} to {skipped[1] - 1}"
                )
                does.append(f"repeats each action for {frames} frames")
            if sticky := self._atari.ale.getFloat("repeat_action_probability"):
                does.append(f"the action before with probability {sticky:g}")
        limit = self._env.spec and self._env.spec.max_episode_steps
        if limit:
            does.append(f"truncates games after {limit} steps")
        adds = []
        if self.frame_skip > 1:
            pooled = {"max": "the maximum", "average": "the mean", "none": "the last"}
            adds.append(f"repeat each action {self.frame_skip} times (--frame_skip)")
            if self._observer.is_picture:
                adds.append(f"see {pooled[self._pooling]} of two frames (--frame_pooling)")
        if self._repeat_action_probability:
            adds.append(
                f"repeat the action before with probability {self._repeat_action_probability:g} "
                "(--repeat_action_probability)"
            )
        nothing = "skips no frames and repeats no actions" if self._atari else "is taken as it is"
        itself = " and ".join(does) or nothing
        return f"{self.name} {itself}; we {' and '.join(adds) or 'add nothing'}"

    @property
    def is_restored(self) -> bool:
        return self._atari is not None or _is_restorable(self.name, self._settings)

    @property
    def is_restored_exactly(self) -> bool:
        if self._atari is not None:
            skipped = self._atari._frameskip
            fewest = skipped if isinstance(skipped, int) else skipped[0]
            return restores_exactly(self._atari._game, fewest * self.frame_skip)
        return self.is_restored

    def restart(self) -> None:
        # Only the first game is seeded: a seed makes an environment begin its random numbers anew.
        raw, info = self._reset(self._seed if self._games == 0 else None)
        self._games += 1
        self._frames = 0
        self._life_lost = self._terminated = self._truncated = False
        self._sticky_action = self.no_op or 0
        self.is_in_play = True
        self._note(info)
        self._observation = self._observe(raw)
        if self.on_frame:  # what a person sees before they choose
            self.on_frame(Frame(self._picture(), np.empty(0, np.uint8)))

    def act(self, action: int) -> float:
        return self._act_for(action, self.frame_skip, self._pool)

    def idle(self, frames: int) -> float:
        return self._act_for(self.no_op or 0, frames, _last)

    def _act_for(self, action: int, frames: int, pool: Pool) -> float:
        """Take an action for some frames, or until the game is over, and pool the last two."""
        lives = self.lives
        reward = 0.0
        before: Any = None
        raw: Any = None
        for _ in range(frames):
            before = raw if raw is None else np.array(raw)  # it may be written over
            raw, step_reward, info = self._step(self._stick(action))
            reward += step_reward
            if self.on_frame:
                self.on_frame(Frame(self._picture(), np.empty(0, np.uint8)))
            if self.is_game_over():
                break
        self._note(info)
        self._life_lost = self.lives < lives
        self._observation = self._observe(raw if before is None else pool(before, raw))
        return reward

    def _stick(self, action: int) -> int:
        probability = self._repeat_action_probability
        if not probability or self._sticky_generator.random() >= probability:
            self._sticky_action = action
        return self._sticky_action

    def observe(self) -> np.ndarray:
        return self._observation.copy()

    def is_terminal(self) -> bool:
        return self._terminated or (self._life_loss_is_terminal and self._life_lost)

    def is_game_over(self) -> bool:
        is_cut_off = 0 < self._max_game_frames <= self._frames
        return self._terminated or self._truncated or is_cut_off

    def frame_number(self) -> int:
        return self._frames

    def get_state(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "game": self._get_game(),
            "games": self._games,
            "frames": self._frames,
            "lives": self.lives,
            "life_lost": self._life_lost,
            "sticky_action": self._sticky_action,
            "sticky_generator": self._sticky_generator.bit_generator.state,
        }

    def _get_game(self) -> list[Any] | None:
        """The state of the game, which is empty before the first one; None if there is none."""
        if not self.is_restored:
            return None
        return Keeper(self._env).get() if self._games else []

    def set_state(self, state: dict[str, Any]) -> None:
        if take(state, "name") != self.name:
            raise ValueError(f"a state of {state['name']!r} does not fit {self.name!r}")
        self._games = take_integer(state, "games")
        game = take(state, "game")
        if game is None:
            # It goes on with games that are not the first ones once more.
            seed = np.random.SeedSequence([self._seed, self._games]).generate_state(1)[0]
            self._reset(int(seed) % SEED_LIMIT)
        elif self._games:
            self._reset(self._seed)
            Keeper(self._env).set(game)
        self.is_in_play = game is not None
        self._frames = take_integer(state, "frames")
        self.lives = take_integer(state, "lives", minimum=-(2**31))
        self._life_lost = take_flag(state, "life_lost")
        self._sticky_action = take_integer(state, "sticky_action", maximum=len(self.actions) - 1)
        self._sticky_generator.bit_generator.state = take(state, "sticky_generator")

    def close(self) -> None:
        """Close the environment; one that hangs is left behind."""
        close(self._env, self.name)

    def _reset(self, seed: int | None) -> tuple[Any, dict[str, Any]]:
        result = self._call("reset", seed=seed)
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
            raise self._failed("reset returned something else than an observation and info")
        return result

    def _step(self, action: int) -> tuple[Any, float, dict[str, Any]]:
        result = self._call("step", self._first_action + action)
        if not (isinstance(result, tuple) and len(result) == 5 and isinstance(result[4], dict)):
            raise self._failed(
                "step returned something else than observation, reward, terminated, truncated and "
                "info"
            )
        raw, reward, terminated, truncated, info = result
        self._terminated, self._truncated = bool(terminated), bool(truncated)
        self._frames = info.get("episode_frame_number", self._frames + 1)
        reward = float(reward)
        if not np.isfinite(reward):
            raise self._failed(f"step returned a reward of {reward}")
        return raw, reward, info

    def _note(self, info: dict[str, Any]) -> None:
        lives = info.get("lives", 0)
        self.lives = int(lives) if isinstance(lives, int | np.integer) else 0

    def _observe(self, raw: Any) -> np.ndarray:
        try:
            return self._observer.observe(raw)
        except (ValueError, TypeError) as error:
            raise self._failed(f"returned {error}") from error

    def _picture(self) -> np.ndarray:
        picture = self._call("render")
        is_picture = isinstance(picture, np.ndarray) and picture.ndim == 3
        if not is_picture or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise self._failed("render returned no picture, uint8 (height, width, 3)")
        return picture.copy()

    def _call(self, method: str, *arguments: Any, **named: Any) -> Any:
        try:
            return getattr(self._env, method)(*arguments, **named)
        except MemoryError:
            raise
        except Exception as error:  # whatever somebody else's code raises
            logger.debug("This came of %s of %s", method, self.name, exc_info=True)
            raise self._failed(f"{method} raised {describe(error)}") from error

    def _failed(self, what: str) -> UserError:
        return UserError(
            f"{self.name} failed after {self._frames} frames of game {self._games}: {what}; it "
            "must be repaired, then the same command resumes from the checkpoint, if there is one"
        )


def make(name: str, gym: GymSettings, has_pictures: bool = False) -> Any:
    """The environment as Gymnasium makes it; raises UserError."""
    import_packages(gym.imports)
    arguments = {"disable_env_checker": True, **read_arguments(gym.arguments)}
    if has_pictures:
        arguments["render_mode"] = "rgb_array"
    try:
        env = gymnasium.make(name, **arguments)
        modes = (env.metadata or {}).get("render_modes") or []
    except Exception as error:  # whatever somebody else's code raises
        logger.debug("This came of making %s", name, exc_info=True)
        raise UserError(
            f"Gymnasium cannot make {name} ({describe(error)}): see --env_args, and install what "
            "it needs"
        ) from error
    if has_pictures and "rgb_array" not in modes:
        close(env, name)
        known = ", ".join(map(str, modes)) or "nothing"
        raise UserError(
            f"{name} cannot be shown or recorded: it renders {known}, and not rgb_array"
        )
    return env


@lru_cache
def _is_restorable(name: str, gym: GymSettings) -> bool:
    return is_restorable(lambda: make(name, gym))


def _maximum(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    return np.maximum(before, now)


def _mean(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    return ((before.astype(np.uint16) + now) // 2).astype(np.uint8)


def _last(before: np.ndarray, now: np.ndarray) -> np.ndarray:  # noqa: ARG001 (as the others)
    return now


# How two pictures become one
POOLS: dict[str, Pool] = {
    "max": _maximum,
    "average": _mean,
    "none": _last,
}

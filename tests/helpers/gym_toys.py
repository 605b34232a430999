"""Small environments that register themselves with Gymnasium when this module is imported."""

import itertools
import time
from typing import ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces


class Toy(gymnasium.Env):
    """Observes [games, steps, last action] for ever, or until `length` steps; each is worth 0.5.

    A life is lost in every step in `deaths`. `kind` says what is observed, and `fault` what goes
    wrong after three steps of the second game.
    """

    metadata: ClassVar = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        kind="vector",
        fault=None,
        length=10**9,
        deaths=(),
        start=0,
        render_mode=None,
    ):
        self.kind, self.fault, self.length, self.deaths = kind, fault, length, tuple(deaths)
        self.render_mode = render_mode
        self.action_space = spaces.Discrete(3, start=start)
        if fault == "continuous":
            self.action_space = spaces.Box(-1, 1, (1,))
        self.observation_space = {
            "vector": spaces.Box(-np.inf, np.inf, (3,), np.float64),
            "matrix": spaces.Box(-np.inf, np.inf, (1, 3), np.float32),
            "bytes": spaces.Box(0, 255, (3,), np.uint8),
            "gray": spaces.Box(0, 255, (48, 60, 1), np.uint8),
            "colours": spaces.Box(0, 255, (48, 60, 3), np.uint8),
            "dict": spaces.Dict(a=spaces.Discrete(2)),
            "pair": spaces.MultiDiscrete([4, 3]),
        }[kind]
        self.games = 0
        if fault == "not plain":
            self.counter = itertools.count()

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.games += 1
        self.steps, self.action, self.lives = 0, 0, 5
        self.luck = self.np_random.random()
        return self.observe(), {"lives": self.lives}

    def step(self, action):
        assert self.action_space.contains(action)
        self.steps += 1
        self.action = int(action)
        self.lives -= self.steps in self.deaths
        reward = 0.5 + 0.1 * self.luck
        if self.games == 2 and self.steps == 3:
            match self.fault:
                case "raises":
                    raise RuntimeError("the toy\nbroke")
                case "nan":
                    return np.full(3, np.nan), 0, False, False, {}
                case "reward":
                    return self.observe(), np.nan, False, False, {}
                case "shape":
                    return np.zeros(4), 0, False, False, {}
                case "old":
                    return self.observe(), 0, False, {}
        return self.observe(), reward, self.steps >= self.length, False, {"lives": self.lives}

    def observe(self):
        numbers = [self.games, self.steps, self.action]
        match self.kind:
            case "gray" | "colours":
                screen = np.zeros(self.observation_space.shape, np.uint8)
                screen[...] = 20 * self.games + self.steps + np.arange(screen.shape[2])
                return screen
            case "matrix":
                return np.array([numbers], np.float32)
            case "bytes":
                return np.array(numbers, np.uint8)
            case "pair":
                return np.array([self.steps % 4, self.action % 3])
        return np.array(numbers, np.float64)

    def render(self):
        picture = np.zeros((48, 60, 3), np.uint8)
        picture[: self.steps % 48 + 1] = 20 * self.games % 256
        return picture

    def close(self):
        if self.fault == "hangs":
            time.sleep(1000)
        if self.fault == "close":
            raise RuntimeError("cannot close")


gymnasium.register("Toys/Toy-v0", Toy)
gymnasium.register("Toys/Toy-v1", Toy)
gymnasium.register("Toys/Short-v0", Toy, max_episode_steps=7)

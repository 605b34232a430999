"""Small games for tests: one that follows a script, and one that can be learned in seconds."""

import numpy as np

from dqn.environments.environment import Environment


class ScriptedGame(Environment):
    """Plays the letters of each script, one a step, no-ops included, and records what is asked.

    '.' goes on, 'r' gives a reward of 5, 'l' loses a life (terminal, the game goes on), 'o' ends
    the game, 'c' cuts it off. After the last script the first one follows again. The screen of
    step t of game g is filled with 10·g + t.
    """

    name = "scripted"
    frame_rate, sample_rate = 60, 30720

    def __init__(self, *scripts, num_actions=3, size=(2, 2)):
        self.actions = list(range(num_actions))
        self.tape = []
        self._scripts = scripts
        self._size = size
        self._game = -1
        self._time = 0

    def restart(self):
        self._game += 1
        self._time = 0
        self.tape.append("restart")

    def act(self, action):
        assert not self.is_game_over(), "acted after the game had ended"
        self._time += 1
        self.tape.append(action)
        return 5 if self._letter() == "r" else 0

    def observe(self):
        return np.full(self._size, 10 * self._game + self._time, np.uint8)

    def is_terminal(self):
        return self._letter() in "lo"

    def is_game_over(self):
        return self._letter() in "oc"

    def frame_number(self):
        return 4 * self._time

    def get_state(self):
        return {"game": self._game, "time": self._time}

    def set_state(self, state):
        self._game, self._time = state["game"], state["time"]

    def _letter(self):
        script = self._scripts[self._game % len(self._scripts)]
        return "." if self._time == 0 else script[min(self._time, len(script)) - 1]


class Catch(Environment):
    """A ball falls, a paddle moves left or right: caught +1, missed −1 (as in bsuite's catch)."""

    name = "catch"
    frame_rate, sample_rate = 60, 30720
    HEIGHT, WIDTH, CELL = 9, 6, 6

    def __init__(self, seed=0):
        self.actions = [0, 1, 2]  # stay, left, right
        self._generator = np.random.default_rng(seed)
        self.restart()

    def restart(self):
        self._ball_x = int(self._generator.integers(self.WIDTH))
        self._ball_y = 0
        self._paddle = self.WIDTH // 2
        self._steps = 0

    def act(self, action):
        self._paddle = min(max(self._paddle + (0, -1, 1)[action], 0), self.WIDTH - 1)
        self._ball_y += 1
        self._steps += 1
        if not self.is_terminal():
            return 0
        return 1 if self._paddle == self._ball_x else -1

    def observe(self):
        cells = np.zeros((self.HEIGHT, self.WIDTH), np.uint8)
        cells[self._ball_y, self._ball_x] = 255
        cells[-1, self._paddle] = 255
        return np.kron(cells, np.ones((self.CELL, self.CELL), np.uint8))

    def is_terminal(self):
        return self._ball_y == self.HEIGHT - 1

    def is_game_over(self):
        return self.is_terminal()

    def frame_number(self):
        return self._steps

    def get_state(self):
        names = ("_ball_x", "_ball_y", "_paddle", "_steps")
        values = {name: getattr(self, name) for name in names}
        return {"values": values, "generator": self._generator.bit_generator.state}

    def set_state(self, state):
        vars(self).update(state["values"])
        self._generator.bit_generator.state = state["generator"]

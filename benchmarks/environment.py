"""How fast random play fills the replay memory, beside the same with ALE averaging the frames.

    python benchmarks/environment.py [--rounds 7] [--steps 2000] [games]

The two take turns in one process. A step is one action, 4 frames, the gray screen of 84×84 and its
entry in the replay memory. A Markdown table of medians goes to standard output.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from ale_py import ALEInterface, LoggerMode
from ale_py.roms import get_rom_path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from dqn.environments.ale import AleEnvironment
from dqn.replay_memory import ReplayMemory

GAMES = ("breakout", "pong", "space_invaders", "seaquest")
FRAME_SKIP = 4
SIZE = 84


def our_game(name: str) -> Callable[[int], tuple[float, np.ndarray, bool]]:
    """A function that takes a step in our environment."""
    game = AleEnvironment(
        get_rom_path(name),
        name,
        frame_skip=FRAME_SKIP,
        repeat_action_probability=0,
        minimal_action_set=True,
        color_averaging=True,
        screen_width=SIZE,
        screen_height=SIZE,
        max_game_frames=0,
        life_loss_is_terminal=False,
        seed=0,
    )
    game.restart()

    def step(action: int) -> tuple[float, np.ndarray, bool]:
        reward = game.act(action % game.num_actions)
        screen = game.get_screen()
        over = game.is_game_over()
        if over:
            game.restart()
        return reward, screen, over

    return step


def ales_game(name: str) -> Callable[[int], tuple[float, np.ndarray, bool]]:
    """A function that takes the same step in ALE, which averages each frame itself."""
    ale = ALEInterface()
    ale.setInt("random_seed", 0)
    ale.setInt("frame_skip", FRAME_SKIP)
    ale.setFloat("repeat_action_probability", 0)
    ale.setBool("color_averaging", True)
    ale.loadROM(str(get_rom_path(name)))
    actions = ale.getMinimalActionSet()
    gray = np.empty(ale.getScreenDims(), np.uint8)
    ale.reset_game()

    def step(action: int) -> tuple[float, np.ndarray, bool]:
        reward = ale.act(actions[action % len(actions)])
        ale.getScreenGrayscale(gray)
        screen = cv2.resize(gray, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
        over = ale.game_over()
        if over:
            ale.reset_game()
        return reward, screen, over

    return step


def steps_per_second(step: Callable, memory: ReplayMemory, actions: list[int]) -> float:
    """Speed of these steps, each of which the replay memory keeps."""
    start = time.perf_counter()
    for action in actions:
        reward, screen, over = step(action)
        memory.add(action, reward, screen, over, over)
    return len(actions) / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="Turns of each.")
    parser.add_argument("--steps", type=int, default=2000, help="Steps in a turn.")
    parser.add_argument("games", nargs="*", default=GAMES)
    arguments = parser.parse_args()
    ALEInterface.setLoggerMode(LoggerMode.Error)
    generator = np.random.default_rng(0)
    memory = ReplayMemory(
        arguments.steps,
        screen_height=SIZE,
        screen_width=SIZE,
        history_length=4,
        batch_size=32,
        generator=generator,
    )
    print("| game | ALE averages, steps/s | here, steps/s | ratio |\n|---|---|---|---|")
    for name in arguments.games:
        games = ales_game(name), our_game(name)
        speeds = ([], [])
        for _ in range(arguments.rounds):
            actions = generator.integers(18, size=arguments.steps).tolist()
            for game, speed in zip(games, speeds, strict=True):
                speed.append(steps_per_second(game, memory, actions))
        theirs, ours = map(statistics.median, speeds)
        print(f"| {name} | {theirs:.0f} | {ours:.0f} | {ours / theirs:.2f} |")


if __name__ == "__main__":
    main()

"""What CleanRL's dqn_atari.py learns in an hour of one core, as it is but for the exploration.

    python benchmarks/hour_of_cleanrl.py /path/to/cleanrl Breakout [--quarters 4] [--seed 1]

needs a checkout of https://github.com/vwxyzjn/cleanrl and what it asks for (gymnasium 0.29, ale-py
0.8 with the ROMs, tyro, tensorboard). It prints one line of JSON for each quarter of an hour, with
the scores of its test. ε falls over the first 100,000 steps, of which 50,000 are without training,
as of the other trainers.
"""

import argparse
import ast
import contextlib
import os
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from quarters import EPSILON, FRAMES, GAMES, HourIsOver, Quarters, report

FLAGS = "--no-cuda --total-timesteps 10000000 --exploration-fraction 0.01 --learning-starts 50000"
FRAMES_OF_A_STEP = 4


def main() -> None:
    """Train, then test what each quarter saved."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("checkout", type=Path, help="Folder of CleanRL's repository.")
    parser.add_argument("game", help="The game, as Gymnasium writes it.")
    parser.add_argument("--quarters", type=int, default=4, help="Quarters of an hour.")
    parser.add_argument("--buffer_size", type=int, default=100_000, help="A million take 7 GB.")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    sys.path.insert(0, str(args.checkout.resolve()))
    script = args.checkout.resolve() / "cleanrl" / "dqn_atari.py"
    definitions, program = split(script)
    env_id = f"{args.game}NoFrameskip-v4"
    sys.argv = [str(script), *FLAGS.split(), "--env-id", env_id, "--seed", str(args.seed)]
    sys.argv += ["--buffer-size", str(args.buffer_size)]
    names: dict[str, Any] = {"__name__": "dqn_atari", "__file__": str(script)}
    exec(definitions, names)
    sys.modules["dqn_atari"] = type(sys)("dqn_atari")
    sys.modules["dqn_atari"].__dict__.update(names)

    networks = []

    def save(_quarter: int, _steps: int) -> None:
        state = names["q_network"].state_dict()
        networks.append({name: values.clone() for name, values in state.items()})

    quarters = Quarters(save, args.quarters)
    schedule = names["linear_schedule"]

    def step(start: float, end: float, duration: int, steps: int) -> float:
        quarters.after_step(steps)
        return schedule(start, end, duration, steps)

    names["linear_schedule"] = step  # which the program calls in every step
    results = os.dup(1)  # CleanRL prints on standard output
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with contextlib.suppress(HourIsOver):
            exec(program, names)
        os.dup2(results, 1)
        for quarter, (state, steps) in enumerate(zip(networks, quarters.steps, strict=True), 1):
            report(quarter, steps, scores_of(names, state, env_id, args.seed))


def split(script: Path) -> tuple[Any, Any]:
    """What a script defines, and what it runs, both compiled."""
    tree = ast.parse(script.read_text())
    *definitions, program = tree.body
    assert isinstance(program, ast.If)
    parts = (ast.Module(definitions, []), ast.Module(program.body, []))
    defined, run = (compile(part, str(script), "exec") for part in parts)
    return defined, run


def scores_of(names: dict[str, Any], state: Any, env_id: str, seed: int) -> list[float]:
    """Scores of whole games, preprocessed as in training: FIRE after each lost life, say."""
    env = names["make_env"](env_id, 1000 + seed, 0, False, "test")()
    network = names["QNetwork"](type("Envs", (), {"single_action_space": env.action_space}))
    network.load_state_dict(state)
    generator = random.Random(seed)
    return [
        play(env, network, generator, seed=None if game else 1000 + seed) for game in range(GAMES)
    ]


def play(env: Any, network: Any, generator: random.Random, seed: int | None) -> float:
    """The score of a game, or of what was played of it when its frames are used up."""
    statistics = find_wrapper(env, "RecordEpisodeStatistics")
    find_wrapper(env, "EpisodicLifeEnv").was_real_done = True  # the next reset begins a game
    observation, _ = env.reset(seed=seed)
    for _ in range(FRAMES // FRAMES_OF_A_STEP):
        if generator.random() < EPSILON:
            action = generator.randrange(env.action_space.n)
        else:
            with torch.no_grad():
                values = network(torch.Tensor(np.asarray(observation))[None])
            action = int(values.argmax())
        observation, _, terminated, truncated, info = env.step(action)
        if "episode" in info:
            return float(info["episode"]["r"][0])
        if terminated or truncated:
            observation, _ = env.reset()
    return float(statistics.episode_returns[0])


def find_wrapper(env: Any, name: str) -> Any:
    """The wrapper of this class around an environment."""
    while type(env).__name__ != name:
        env = env.env
    return env


if __name__ == "__main__":
    main()

"""What Stable-Baselines3's DQN learns in an hour of one core, with the settings of RL Zoo.

    python benchmarks/hour_of_stable_baselines3.py Breakout [--quarters 4] [--seed 1]

prints one line of JSON for each quarter of an hour, with the scores of its test. ε falls over the
first 100,000 steps, of which 50,000 are without training, as of the other trainers.
"""

import argparse
import contextlib
import random
import tempfile
from pathlib import Path
from typing import Any

import ale_py
import gymnasium
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.vec_env import VecFrameStack

from quarters import EPSILON, FRAMES, GAMES, HourIsOver, Quarters, report

gymnasium.register_envs(ale_py)


def main() -> None:
    """Train, then test what each quarter saved."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("game", help="The game, as Gymnasium writes it.")
    parser.add_argument("--quarters", type=int, default=4, help="Quarters of an hour.")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i + 1}.zip" for i in range(args.quarters)]
        model = make_model(args.game, args.seed)
        quarters = Quarters(lambda quarter, _: model.save(files[quarter - 1]), args.quarters)

        def after_step(_locals: dict[str, Any], _globals: dict[str, Any]) -> bool:
            quarters.after_step(model.num_timesteps)
            return True

        with contextlib.suppress(HourIsOver):
            model.learn(10_000_000, callback=after_step)
        for quarter, (file, steps) in enumerate(zip(files, quarters.steps, strict=True), 1):
            report(quarter, steps, scores_of(DQN.load(file, device="cpu"), args.game, args.seed))


def make_model(game: str, seed: int) -> DQN:
    """The learner with RL Zoo's settings of Atari games but for the exploration."""
    env = VecFrameStack(make_atari_env(f"{game}NoFrameskip-v4", seed=seed), n_stack=4)
    return DQN(
        "CnnPolicy",
        env,
        buffer_size=100_000,
        learning_rate=1e-4,
        batch_size=32,
        learning_starts=50_000,
        target_update_interval=1000,
        train_freq=4,
        gradient_steps=1,
        exploration_fraction=0.01,  # of ten million steps
        exploration_final_eps=0.01,
        seed=seed,
        device="cpu",
    )


def scores_of(model: DQN, game: str, seed: int) -> list[float]:
    """Scores of whole games, preprocessed as in training: FIRE after each lost life, say."""
    options = {"max_num_frames_per_episode": FRAMES}
    env = VecFrameStack(
        make_atari_env(f"{game}NoFrameskip-v4", seed=1000 + seed, env_kwargs=options), n_stack=4
    )
    generator = random.Random(seed)
    assert isinstance(env.action_space, gymnasium.spaces.Discrete)
    observation: Any = env.reset()
    scores: list[float] = []
    while len(scores) < GAMES:
        action = model.predict(observation, deterministic=True)[0]
        if generator.random() < EPSILON:
            action[0] = generator.randrange(int(env.action_space.n))
        observation, _, _, infos = env.step(action)
        if "episode" in infos[0]:
            scores.append(infos[0]["episode"]["r"])
    return scores


if __name__ == "__main__":
    main()

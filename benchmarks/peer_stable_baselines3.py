"""How fast Stable-Baselines3 trains a DQN on Breakout, on the CPU, with simple_dqn's settings.

    python benchmarks/peer_stable_baselines3.py --steps 5000 --warmup 1000 --threads 2 --seed 1

prints one line of JSON.
"""

import argparse
import json
import time

import ale_py
import gymnasium
import stable_baselines3
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.vec_env import VecFrameStack

BATCH_SIZE = 32

gymnasium.register_envs(ale_py)


def measure(steps: int, warmup: int, threads: int, seed: int) -> float:
    """Training speed in agent steps (4 frames each) per second of wall-clock time.

    `steps` training steps are timed, after `warmup` that are not (the first 32 of those are random
    and without training). The network computes in float32 on `threads` threads.
    """
    torch.set_num_threads(threads)
    # 84×84 gray, 4 frames a step, up to 30 no-ops, a lost life is terminal, rewards by their sign
    env = VecFrameStack(make_atari_env("BreakoutNoFrameskip-v4", seed=seed), n_stack=4)
    model = DQN(
        "CnnPolicy",
        env,
        learning_rate=0.00025,
        buffer_size=10_000,  # both states of each transition: simple_dqn's 1,000,000 take 56 GB
        learning_starts=BATCH_SIZE,
        batch_size=BATCH_SIZE,
        gamma=0.99,
        train_freq=4,
        gradient_steps=1,
        target_update_interval=10_000,
        exploration_initial_eps=0.1,
        exploration_final_eps=0.1,
        policy_kwargs={
            "optimizer_class": torch.optim.RMSprop,
            "optimizer_kwargs": {"alpha": 0.95, "eps": 1e-6},
        },
        seed=seed,
        device="cpu",
    )
    model.learn(warmup)
    first_step = model.num_timesteps
    start = time.perf_counter()
    model.learn(steps, reset_num_timesteps=False)
    seconds = time.perf_counter() - start
    return (model.num_timesteps - first_step) / seconds


def main() -> None:
    """Measure once and print the result, with what it was measured with, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5000, help="Training steps that are timed.")
    parser.add_argument("--warmup", type=int, default=1000, help="Steps before them.")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="Of torch.")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    result = {
        "steps_per_second": measure(**vars(args)),
        **vars(args),
        "stable_baselines3": stable_baselines3.__version__,
        "gymnasium": gymnasium.__version__,
        "torch": torch.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

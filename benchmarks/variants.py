"""Each variant beside the default: how fast it trains, and how well it learns a toy game.

    python benchmarks/variants.py [--rounds 3] [--seeds 5] [--only double_q]

The speed is that of training on Breakout, at the same time as the default, each on one core. In the
toy game Catch (bsuite) a ball that is caught counts 1, one that is missed −1; it is tested after
2,500 steps. Markdown tables go to standard output.
"""

import argparse
import statistics
import sys
from argparse import Namespace

import numpy as np

from checkout import PROJECT
from two_trees import measure_both

sys.path.insert(0, str(PROJECT / "tests"))

from dqn.actors.actor import Actor
from dqn.actors.local import LocalActors
from dqn.agent import Agent, Periods
from dqn.exploration import EpsilonGreedy, LinearDecay
from dqn.learner import Learner
from dqn.networks.create import create_network
from dqn.options import network_flags, parser, replay_flags
from dqn.replay.create import create_sampler
from dqn.replay.memory import ReplayMemory
from dqn.replay.storage import Observations
from helpers.toy_games import Catch

VARIANTS = {
    "double_q": "--double_q true",
    "n_steps": "--n_steps 3",
    "prioritized": "--prioritized true",
    "dueling avg": "--dueling avg",
    "dueling max": "--dueling max",
    "dueling naive": "--dueling naive",
    "dueling avg, one stream": "--dueling avg --dueling_streams false",
    "soft targets": "--target_update_rate 0.05 --target_steps 10",
    "biases": "--biases true",
    "fan_in": "--biases true --initializer fan_in",
    "elu": "--activation elu",
    "batch_norm": "--batch_norm true",
    "rmsprop_graves": "--optimizer rmsprop_graves",
    "adam": "--optimizer adam",
    "gradient_norm_clip": "--gradient_norm_clip 10",
    "shared_convolutions": "--shared_convolutions true",
    "small network": "--network conv16x8s4,conv32x4s2,256",
}
CATCH_SHAPE = (2, 54, 36)
TRAIN_STEPS, TEST_GAMES = 2500, 100


def main() -> None:
    """Measure and print both tables."""
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--rounds", type=int, default=3, help="Measurements of speed; 0: none.")
    flags.add_argument("--seeds", type=int, default=5, help="Trainings on Catch; 0: none.")
    flags.add_argument("--steps", type=int, default=1000, help="Steps in a measurement of speed.")
    flags.add_argument("--only", help="The one variant to measure.")
    args = flags.parse_args()
    variants = {name: VARIANTS[name] for name in VARIANTS if args.only in (None, name)}
    if args.rounds:
        print_speeds(variants, args.rounds, args.steps)
    if args.seeds:
        print_scores({"the default": "", **variants}, args.seeds)


def print_speeds(variants: dict[str, str], rounds: int, steps: int) -> None:
    """Print the speed of training with each variant as a ratio to the default's."""
    print("| variant | flags | speed of training ÷ the default's: median | rounds |")
    print("|---|---|---|---|")
    for name, flags in variants.items():
        ratios = []
        for number in range(rounds):
            programs = [(PROJECT, flags.split()), (PROJECT, [])]
            variant, default = measure_both(programs, steps, number)
            ratios.append(variant["train"] / default["train"])
        texts = " ".join(f"{ratio:.2f}" for ratio in sorted(ratios))
        print(f"| {name} | `{flags}` | {statistics.median(ratios):.2f} | {texts} |", flush=True)


def print_scores(variants: dict[str, str], seeds: int) -> None:
    """Print what is learned of Catch: the mean score of each seed's test."""
    print(f"| variant | mean of {seeds} seeds | seeds |\n|---|---|---|")
    for name, flags in variants.items():
        args = parser.parse(["catch", *CATCH_FLAGS.split(), *flags.split()], PROJECT)
        scores = [score_on_catch(args, seed) for seed in range(seeds)]
        texts = " ".join(f"{score:.2f}" for score in scores)
        print(f"| {name} | {statistics.mean(scores):.2f} | {texts} |", flush=True)


CATCH_FLAGS = (
    "--history_length 2 --learning_rate 0.0005 --discount_rate 0.9 --target_steps 200 "
    "--train_frequency 2 --backend cpu"
)


def score_on_catch(args: Namespace, seed: int) -> float:
    """The mean score in −1..1 of a test after training with the flags `args`."""
    chance = [np.random.default_rng((seed, number)) for number in range(4)]
    network = create_network(
        network_flags.architecture(args, 3, CATCH_SHAPE),
        network_flags.optimization(args),
        network_flags.targets(args),
        network_flags.compute(args),
        chance[0],
    )
    planned = TRAIN_STEPS // args.train_frequency
    memory = ReplayMemory(
        Observations(5000, shape=CATCH_SHAPE[1:]),
        history_length=args.history_length,
        batch_size=args.batch_size,
        generator=chance[1],
        returns=replay_flags.returns(args),
        make_sampler=create_sampler(
            replay_flags.priorities(args), planned_minibatches=planned, num_minibatches=0
        ),
    )
    actors = [LocalActors([catch_actor(2 * seed + i, chance[2 + i])]) for i in range(2)]
    policies = [EpsilonGreedy(network, 3, generator) for generator in chance[2:]]
    agent = Agent(
        actors[0],
        actors[1],
        policies[0],
        policies[1],
        memory,
        Learner(network, memory),
        exploration=LinearDecay(1, 0.1, 2000),
        exploration_rate_test=0,
        periods=Periods(args.train_frequency, target_steps=args.target_steps),
    )
    list(agent.explore(300, exploration_rate=1))
    list(agent.train(TRAIN_STEPS))
    games = [game for step in agent.test_games(TEST_GAMES) for game in step.games]
    return statistics.mean(game.score for game in games)


def catch_actor(seed: int, generator: np.random.Generator) -> Actor:
    """Somebody who plays Catch."""
    return Actor(Catch(seed), state_shape=CATCH_SHAPE, random_starts=0, generator=generator)


if __name__ == "__main__":
    main()

"""Train and test a deep Q-network on an Atari game: parse, build, run."""

import logging
import secrets
import sys
from pathlib import Path

import numpy as np
from ale_py.roms import get_all_rom_ids

from dqn import options
from dqn.actors import Actor
from dqn.agent import Agent, EpsilonGreedy
from dqn.environments.ale import AleEnvironment
from dqn.environments.roms import find_rom, game_of_file_name
from dqn.errors import UserError
from dqn.experiment import Experiment, SnapshotSaver
from dqn.exploration import LinearDecay
from dqn.networks.deepqnetwork import DeepQNetwork, create_network
from dqn.replay_memory import ReplayMemory
from dqn.snapshot import Metadata, Snapshot, check_snapshot, load_snapshot
from dqn.statistics import Statistics

PROJECT = Path(__file__).resolve().parent.parent

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> int:
    """Run what the command line says and return the exit status."""
    args = options.parse(arguments, PROJECT)
    logging.basicConfig(format="%(asctime)s %(message)s", level=args.log_level)
    try:
        run(args)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
    return 0


def run(args: options.Namespace) -> None:
    """Build the parts, each from its own options, and run the experiment."""
    random_seed = secrets.randbits(32) if args.random_seed is None else args.random_seed
    logger.info("Using random seed %d", random_seed)
    seeds = np.random.SeedSequence(random_seed).spawn(5)
    train_seed, test_seed, game_seed, memory_seed, network_seed = seeds
    shape = {
        "history_length": args.history_length,
        "screen_height": args.screen_height,
        "screen_width": args.screen_width,
    }

    snapshot = load_snapshot(args.load_weights) if args.load_weights else None
    rom, game = find_rom(args.game or rom_of(snapshot, args.load_weights), PROJECT / "roms")
    train_game_seed, test_game_seed = map(int, game_seed.generate_state(2))
    train_game = build_game(args, rom, game, life_loss_is_terminal=True, seed=train_game_seed)
    test_game = build_game(args, rom, game, life_loss_is_terminal=False, seed=test_game_seed)
    metadata = Metadata(game, train_game.actions, **shape)
    network = build_network(args, train_game.num_actions, shape, network_seed)
    total_train_steps = args.start_epoch * args.train_steps
    if snapshot:
        check_snapshot(snapshot, args.load_weights, metadata)
        network.set_layers(snapshot.layers)
        if snapshot.metadata:
            total_train_steps = snapshot.metadata.train_steps
            network.train_iterations = snapshot.metadata.weight_updates
        logger.info("Loaded weights from %s", args.load_weights)
    memory = ReplayMemory(
        args.replay_size if args.random_steps or args.train_steps else 0,  # a test needs none
        **shape,
        batch_size=args.batch_size,
        generator=np.random.default_rng(memory_seed),
    )

    train_actor, train_policy = build_player(args, train_game, network, shape, train_seed)
    test_actor, test_policy = build_player(args, test_game, network, shape, test_seed)
    agent = Agent(
        train_actor,
        test_actor,
        train_policy,
        test_policy,
        memory,
        network,
        exploration=LinearDecay(
            args.exploration_rate_start, args.exploration_rate_end, args.exploration_decay_steps
        ),
        exploration_rate_test=args.exploration_rate_test,
        train_frequency=args.train_frequency,
        train_repeat=args.train_repeat,
        target_steps=args.target_steps,
        total_train_steps=total_train_steps + args.trained_steps,
    )
    saver = None
    if args.save_weights_prefix:
        saver = SnapshotSaver(
            args.save_weights_prefix, network, agent, metadata, last_good=args.load_weights
        )
    experiment = Experiment(
        agent,
        Statistics(agent, network, memory, args.csv_file),
        saver,
        random_steps=args.random_steps,
        random_exploration_rate=agent.exploration_rate if snapshot else 1,
        train_steps=args.train_steps,
        test_steps=args.test_steps,
        test_games=args.test_games,
        start_epoch=args.start_epoch,
        epochs=args.epochs,
    )
    tests = experiment.run()
    if not args.train_steps:
        for scores in tests:
            print(scores)


def rom_of(snapshot: Snapshot, path: Path) -> str:
    """A ROM of the game recorded in a snapshot, else of the one that its file name begins with."""
    game = snapshot.metadata.game if snapshot.metadata else game_of_file_name(path)
    if game not in get_all_rom_ids():
        raise UserError(f"the snapshot {path} tells no game that ALE knows: name the ROM too")
    return f"roms/{game}.bin"


def build_game(
    args: options.Namespace, rom: Path, name: str, *, life_loss_is_terminal: bool, seed: int
) -> AleEnvironment:
    """A game for training or testing."""
    return AleEnvironment(
        rom,
        name,
        frame_skip=args.frame_skip,
        repeat_action_probability=args.repeat_action_probability,
        minimal_action_set=args.minimal_action_set,
        color_averaging=args.color_averaging,
        screen_width=args.screen_width,
        screen_height=args.screen_height,
        max_game_frames=args.max_game_frames,
        life_loss_is_terminal=life_loss_is_terminal,
        seed=seed & 0x7FFFFFFF,  # ALE takes a signed 32-bit number
    )


def build_network(
    args: options.Namespace, num_actions: int, shape: dict[str, int], seed: np.random.SeedSequence
) -> DeepQNetwork:
    """The network with its initial weights."""
    return create_network(
        args.engine,
        num_actions,
        **shape,
        learning_rate=args.learning_rate,
        discount_rate=args.discount_rate,
        batch_size=args.batch_size,
        optimizer=args.optimizer,
        decay_rate=args.decay_rate,
        clip_error=args.clip_error,
        min_reward=args.min_reward,
        max_reward=args.max_reward,
        batch_norm=args.batch_norm,
        has_target_network=args.target_steps > 0,
        backend=args.backend,
        device_id=args.device_id,
        datatype=args.datatype,
        stochastic_round=args.stochastic_round,
        generator=np.random.default_rng(seed),
    )


def build_player(
    args: options.Namespace,
    game: AleEnvironment,
    network: DeepQNetwork,
    shape: dict[str, int],
    seed: np.random.SeedSequence,
) -> tuple[Actor, EpsilonGreedy]:
    """What plays a game, and its policy; both draw from one generator."""
    generator = np.random.default_rng(seed)
    actor = Actor(game, **shape, random_starts=args.random_starts, generator=generator)
    return actor, EpsilonGreedy(network, game.num_actions, generator)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

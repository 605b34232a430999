"""A game in which a network is looked into."""

from dataclasses import dataclass

import numpy as np

from dqn.actors.events import FinishedGame
from dqn.agent import Tester
from dqn.assembly.acting import find_space, make_actors, settle
from dqn.assembly.chance import Chance
from dqn.assembly.learning import make_architecture, make_network
from dqn.assembly.run import Run
from dqn.errors import UserError
from dqn.experiment import Experiment
from dqn.exploration import EpsilonGreedy
from dqn.machine.interruption import Interruption
from dqn.machine.wording import counted
from dqn.networks.architecture import Architecture
from dqn.networks.create import create_inspector
from dqn.networks.inspector import NetworkInspector
from dqn.networks.layers import initial_layers
from dqn.options import phase_flags
from dqn.origin import Origin
from dqn.player.keyboard import names_of_actions
from dqn.results.statistics import Statistics
from dqn.snapshots.snapshot import Metadata
from dqn.visualization.look import GameWatch
from dqn.visualization.settings import FilterSettings


@dataclass
class Look:
    """A game in which a network is looked into.

    `finished` are the games that ended; `actions` are the actions' names; `first_weights` are
    those of the first layer, in Neon's layout; `random` is a network with random weights, if one is
    wanted.
    """

    run: Run
    watch: GameWatch
    architecture: Architecture
    actions: list[str]
    first_weights: np.ndarray
    random: NetworkInspector | None
    finished: list[FinishedGame]


def assemble_look(origin: Origin, interruption: Interruption) -> Look:
    """A game of the snapshot's network, the same as in a test, in which it is looked into.

    Raises UserError.
    """
    args, snapshot = origin.args, origin.snapshot
    assert snapshot, "there is a network to look into"
    settle(origin)
    chance = Chance(args.random_seed)
    space = find_space(origin)
    actors = make_actors(origin, space, chance, interruption, groups=("test",))
    game = actors.groups["test"].first.environment
    architecture = make_architecture(args, game.num_actions, space)
    _check_filters(args.visualization_filters, architecture)
    metadata = Metadata(origin.game, game.actions, architecture.state_shape)
    network = make_network(origin, architecture, metadata, chance.generators["network"])
    policy = EpsilonGreedy(network, game.num_actions, chance.generators["test"])
    watch = GameWatch(create_inspector(architecture, snapshot.layers), policy)
    game.on_frame = watch.on_frame
    tester = Tester(actors.groups["test"], watch.choose_actions, args.exploration_rate_test)
    statistics = Statistics(tester, None, None, args.csv_file)
    finished: list[FinishedGame] = []
    experiment = Experiment(
        tester,
        statistics,
        None,
        phase_flags.phases(args),
        listeners=[lambda step: finished.extend(step.games)],
    )
    random = None
    if args.sanity:
        layers = initial_layers(architecture, chance.generators["network"])
        random = create_inspector(architecture, layers)
    return Look(
        Run(actors, statistics, experiment),
        watch,
        architecture,
        names_of_actions(game),
        snapshot.layers[0].weights,
        random,
        finished,
    )


def _check_filters(wanted: int, architecture: Architecture) -> None:
    """Raises UserError if no layer has as many filters as are wanted; the default always passes."""
    most = max((layer.filters for layer in architecture.convolutions), default=wanted)
    if wanted > max(most, FilterSettings.filters):
        raise UserError(
            f"--visualization_filters {wanted}: no layer of the network has more than "
            f"{counted(most, 'filter')}"
        )

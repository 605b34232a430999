"""What is kept of a run: snapshots and checkpoints."""

import logging
from argparse import Namespace
from collections.abc import Callable, Mapping

from dqn.assembly.chance import Chance
from dqn.checkpoints.checkpointer import Checkpointer, Part
from dqn.checkpoints.folder import CheckpointFolder
from dqn.environments.environment import Environment
from dqn.networks.architecture import Architecture
from dqn.networks.deepqnetwork import DeepQNetwork
from dqn.options import continuing
from dqn.options.checkpoint_flags import number_of_snapshots
from dqn.origin import Origin
from dqn.replay.memory import ReplayMemory
from dqn.snapshots.saver import SnapshotSaver
from dqn.snapshots.snapshot import Metadata

logger = logging.getLogger(__name__)


def make_saver(
    args: Namespace, network: DeepQNetwork, architecture: Architecture, metadata: Metadata
) -> SnapshotSaver | None:
    """What saves snapshots, if any are wanted."""
    if not args.save_weights_prefix:
        return None
    return SnapshotSaver(
        args.save_weights_prefix,
        network,
        architecture,
        metadata,
        last_good=args.load_weights,
        num_newest=number_of_snapshots(args.keep_snapshots),
    )


def make_checkpointer(
    origin: Origin,
    folder: CheckpointFolder,
    memory: ReplayMemory,
    parts: Mapping[str, Part],
    episodes: Mapping[str, Part],
    chance: Chance,
    check: Callable[[], None],
) -> Checkpointer:
    """What makes checkpoints of `parts`, of the recordings of `episodes` and of what is random."""
    args = origin.args
    kept = dict(parts)
    if args.prioritized:  # the uniform sampler has no state
        kept["sampler"] = memory.sampler
    # A run that goes on may have recorded none before.
    known = origin.checkpoint["parts"] if origin.checkpoint else episodes
    kept |= {name: part for name, part in episodes.items() if name in known}
    options = continuing.as_plain_values(args)
    return Checkpointer(
        folder,
        memory,
        kept,
        chance.generators,
        values={"game": origin.game, "rom_sha256": origin.rom_sha256, "options": options},
        every_steps=args.checkpoint_steps,
        check=check,
    )


def warn_if_not_restored_exactly(game: Environment) -> None:
    """Say so in the log if a stop changes how the game goes on."""
    if not game.is_restored:
        logger.warning("%s cannot be restored: after a stop, new games of it begin", game.name)
    elif not game.is_restored_exactly:
        logger.warning("ALE does not restore %s exactly: a stop changes how it goes on", game.name)

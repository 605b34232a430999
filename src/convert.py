"""Convert a snapshot between Neon's pickles (.pkl, .prm) and safetensors (.safetensors).

A network that another library trained becomes a snapshot, too: sb3:dqn.zip (Stable-Baselines3),
cleanrl:dqn_atari.cleanrl_model, dqn_zoo:parameters.npz.
"""

from dqn.machine import console

with console.starting(__name__):
    import logging
    import os
    import sys
    from dataclasses import replace
    from pathlib import Path

    from dqn.errors import ArgumentParser, UserError, explain, one_line
    from dqn.machine.files import move_aside
    from dqn.options.continuing import as_arguments
    from dqn.options.parser import find_unusable
    from dqn.options.types import boolean
    from dqn.sharing.importing.create import import_network, split
    from dqn.snapshots.file import load_snapshot, save_snapshot
    from dqn.snapshots.snapshot import Snapshot, without_states

ROMS = Path(console.PROJECT) / "roms"
ENDINGS = (".pkl", ".prm", ".safetensors")


def main(arguments: list[str]) -> int:
    """Convert what the command line names; returns the exit status."""
    logging.basicConfig(format="%(message)s", level="INFO")
    parser = ArgumentParser(prog="convert.py", description=__doc__)
    parser.add_argument(
        "snapshot",
        help="snapshot to read, of any version of Neon; or, after sb3:, cleanrl: or dqn_zoo:, a "
        "file of that library",
    )
    parser.add_argument(
        "output", type=Path, help=f"file to write; it ends with {', '.join(ENDINGS)}"
    )
    parser.add_argument(
        "--weights_only",
        type=boolean,
        default=False,
        help="leave out the optimizer's state, which only further training needs (default: false)",
    )
    parser.add_argument(
        "--game",
        help="game of a network of another library: ALE's name, or an id of Gymnasium (default: "
        "the one that a file is named after)",
    )
    parser.add_argument(
        "--env_import",
        default="",
        metavar="MODULE,…",
        help="modules to import, which register that id with Gymnasium",
    )
    try:
        args = parser.parse_args(arguments)
        kind, path = split(args.snapshot)
        check_output(path, args.output)
        if kind is None:
            snapshot = load_snapshot(path)
        else:
            snapshot = import_network(
                kind, path, args.output, ROMS, game=args.game, imports=args.env_import
            )
            drop_unusable_flags(snapshot)
        write(snapshot, args.output, args.weights_only)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def check_output(path: Path, output: Path) -> None:
    """Raises UserError if what the file `path` holds cannot be written to `output`."""
    if output.suffix.lower() not in ENDINGS:
        raise UserError(f"{output} must end with {', '.join(ENDINGS)}")
    if os.path.realpath(path) == os.path.realpath(output):
        raise UserError(f"{output} is the snapshot itself: choose another name")


def drop_unusable_flags(snapshot: Snapshot) -> None:
    """Drop the flags that no run could take, such as a learning rate of NaN, and log them."""
    assert snapshot.metadata
    flags = snapshot.metadata.flags
    for name, value in list(flags.items()):
        reason = find_unusable(as_arguments({name: value}))
        if reason:
            del flags[name]
            logging.warning("%s: the default is used instead", one_line(reason))


def write(snapshot: Snapshot, output: Path, weights_only: bool) -> None:
    """Write `snapshot` to `output`, in the format of its ending.

    With `weights_only`, the optimizer's state is left out. An older file `output` is moved aside.
    Raises UserError.
    """
    if weights_only:
        snapshot = replace(snapshot, layers=without_states(snapshot.layers))
    try:
        move_aside(output)
        save_snapshot(snapshot, output)
    except OSError as error:
        raise UserError(f"cannot write {output} {explain(error)}") from error
    logging.info("Wrote %s", output)


if __name__ == "__main__":
    console.run(main)

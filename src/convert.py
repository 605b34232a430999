"""Convert a snapshot between Neon's pickles (.pkl, .prm) and safetensors (.safetensors)."""

from dqn.machine import console

with console.starting(__name__):
    import logging
    import os
    import sys
    from dataclasses import replace
    from pathlib import Path

    from dqn.errors import ArgumentParser, UserError, explain
    from dqn.machine.files import move_aside
    from dqn.options.types import boolean
    from dqn.snapshots.file import load_snapshot, save_snapshot
    from dqn.snapshots.snapshot import without_states

ENDINGS = (".pkl", ".prm", ".safetensors")


def main(arguments: list[str]) -> int:
    """Convert what the command line names; returns the exit status."""
    logging.basicConfig(format="%(message)s", level="INFO")
    parser = ArgumentParser(prog="convert.py", description=__doc__)
    parser.add_argument("snapshot", type=Path, help="snapshot to read, of any version of Neon")
    parser.add_argument(
        "output", type=Path, help=f"file to write; it ends with {', '.join(ENDINGS)}"
    )
    parser.add_argument(
        "--weights_only",
        type=boolean,
        default=False,
        help="leave out the optimizer's state, which only further training needs (default: false)",
    )
    try:
        args = parser.parse_args(arguments)
        convert(args.snapshot, args.output, args.weights_only)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def convert(path: Path, output: Path, weights_only: bool) -> None:
    """Write the snapshot `path` to `output`, in the format that its ending stands for.

    With `weights_only`, the optimizer's state is left out. An older file `output` is moved aside.
    Raises UserError.
    """
    if output.suffix.lower() not in ENDINGS:
        raise UserError(f"{output} must end with {', '.join(ENDINGS)}")
    if os.path.realpath(path) == os.path.realpath(output):
        raise UserError(f"{output} is the snapshot itself: choose another name")
    snapshot = load_snapshot(path)
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

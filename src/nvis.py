"""Look inside a network: play a game, and write a page of what its filters and values depend on."""

from dqn.machine import console

with console.starting(__name__):
    import logging

    import numpy as np

    import main as training
    from dqn.actors.events import FinishedGame
    from dqn.assembly.look import Look, assemble_look
    from dqn.errors import UserError, explain
    from dqn.machine import start_log
    from dqn.machine.files import atomic_write, make_writable_folder, move_aside
    from dqn.machine.interruption import Interruption
    from dqn.machine.wording import size
    from dqn.options import visualization_flags
    from dqn.origin import Origin
    from dqn.visualization.findings import Subject
    from dqn.visualization.page.render import render
    from dqn.visualization.settings import FilterSettings

logger = logging.getLogger(__name__)

USAGE = "name a snapshot: ./nvis.sh SNAPSHOT, for example ./nvis.sh snapshots/breakout_77.pkl"


def main(arguments: list[str]) -> int:
    """Do what the command line says and return the exit status."""
    return training.main(arguments, run)


def run(origin: Origin, interruption: Interruption) -> None:
    """Play a game, look inside, and write the page; all that can fail is tried first."""
    settings = visualization_flags.filter_settings(origin.args)
    _check(origin, settings)
    look = assemble_look(origin, interruption)
    with look.run.in_use(interruption):
        start_log.release()  # from here on, files change
        look.run.statistics.open_files()
        look.run.experiment.run(interruption, None)
    page = _page(origin, look, settings)
    console.print_results(_write(page, settings))


def _check(origin: Origin, settings: FilterSettings) -> None:
    if origin.snapshot is None:
        raise UserError(USAGE)
    if settings.file is None:
        raise UserError("say where the page goes, with --visualization_file my.html")
    if settings.file.is_dir():
        raise UserError(f"{settings.file} is a folder: name a file for --visualization_file")
    if origin.args.display_screen != "false" or origin.args.record_games:
        raise UserError("nvis.sh neither shows nor records its game: use play.sh or record.sh")
    make_writable_folder(settings.file.parent)


def _page(origin: Origin, look: Look, settings: FilterSettings) -> str:
    logger.info("Looking inside the network")
    findings = look.watch.findings(settings.filters, look.first_weights, look.random)
    if not look.architecture.convolutions:
        logger.info(
            "The network has no convolutions, and so no filters: the page shows what its values "
            "depend on"
        )
    return render(_subject(origin, look), findings)


def _subject(origin: Origin, look: Look) -> Subject:
    args, snapshot, architecture = origin.args, origin.snapshot, look.architecture
    units = [f"{count} units" for count in architecture.dense_units]
    layers = [*map(str, architecture.convolutions), *units]
    facts = [("Network", ", ".join(layers) or "one layer")]
    if snapshot and snapshot.metadata:
        trained = f"epoch {snapshot.metadata.epoch}, {snapshot.metadata.train_steps:,} steps"
        facts.append(("Trained", trained))
    game = look.finished[0] if look.finished else FinishedGame(0, 0, 0)
    facts += [
        ("This game", f"score {game.score:g} in {game.steps:,} steps"),
        ("ε", f"{args.exploration_rate_test:g}"),
        ("Seed", str(args.random_seed)),
    ]
    return Subject(
        snapshot=args.load_weights.name,
        game=origin.game.replace("_", " ").title() if origin.rom else origin.game,
        facts=facts,
        architecture=architecture,
        actions=look.actions,
        q_values=np.stack(look.watch.q_values),
    )


def _write(page: str, settings: FilterSettings) -> str:
    """Write the page, move an older one aside, and return where it is."""
    path = settings.file
    assert path is not None, "checked before"
    content = page.encode()
    try:
        move_aside(path)
        with atomic_write(path) as file:
            file.write(content)
    except OSError as error:
        raise UserError(f"cannot write {path} {explain(error)}") from error
    logger.info("Wrote a page of %s: open it in a browser", size(len(content)))
    return console.as_typed(path)


if __name__ == "__main__":
    console.run(main)

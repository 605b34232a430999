"""Writing a report into its folder."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dqn.errors import UserError, explain
from dqn.machine.files import atomic_write, make_writable_folder, move_aside
from dqn.machine.wording import counted
from dqn.report.markdown import markdown
from dqn.report.page import GENERATOR, page
from dqn.report.pictures import all_pictures
from dqn.report.scores_csv import scores_csv
from dqn.report.style import write_picture
from dqn.report.summary import Summary
from dqn.report.tables import all_tables, notes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE, MARKDOWN, SCORES = "report.html", "report.md", "scores.csv"
DPI = 150


def write(summary: Summary, folder: Path) -> Path:
    """Write page, Markdown, scores and pictures into a folder; returns the page.

    An older report is replaced; any other file of one of these names is moved aside. Raises
    UserError.
    """
    tables, remarks = all_tables(summary), notes(summary)
    pictures = all_pictures(summary)
    pngs = {f"{name}.png": _png(figure) for name, (_, figure) in pictures.items()}
    captions = {f"{name}.png": what for name, (what, _) in pictures.items()}
    title, facts = f"Report: {summary.collection.title}", _facts(summary)
    shown = {name: (captions[name], png) for name, png in pngs.items()}
    contents = {
        PAGE: page(title, facts, tables, shown, remarks).encode(),
        MARKDOWN: markdown(title, facts, tables, captions, remarks).encode(),
        SCORES: scores_csv(summary.collection).encode(),
        **pngs,
    }
    make_writable_folder(folder)
    _write_all(folder, contents)
    return folder / PAGE


def _write_all(folder: Path, contents: Mapping[str, bytes]) -> None:
    """The page comes last: with it, the folder is known to hold a report."""
    is_report = _is_report(folder / PAGE)
    for name, content in sorted(contents.items(), key=lambda item: item[0] == PAGE):
        path = folder / name
        if not is_report:
            move_aside(path)
        try:
            with atomic_write(path) as file:
                file.write(content)
        except OSError as error:
            raise UserError(f"cannot write {path} {explain(error)}") from error


def _is_report(path: Path) -> bool:
    try:
        with open(path, errors="replace") as file:
            return GENERATOR in file.read(1000)
    except OSError:
        return False


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    write_picture(figure, buffer, "png", DPI)
    return buffer.getvalue()


def _facts(summary: Summary) -> str:
    collection = summary.collection
    facts = [
        counted(len(collection.games), "game"),
        counted(len(collection.results), "run"),
        *([f"{len(collection.variants)} variants"] if len(collection.variants) > 1 else []),
        *([f"{len(collection.missing)} without a score"] if collection.missing else []),
    ]
    return ", ".join(facts)

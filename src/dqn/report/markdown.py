"""A report in Markdown, as for a README."""

import re
from collections.abc import Mapping

from dqn.report.tables import Table

LEFT_OUT = ("Runs",)  # scores.csv has them


def markdown(
    title: str,
    facts: str,
    tables: Mapping[str, Table],
    pictures: Mapping[str, str],
    notes: list[str],
) -> str:
    """The text; `pictures` are names of files beside it → what they show."""
    parts = [f"# {_plain(title)}", _plain(facts)]
    for name, table in tables.items():
        if name == "Games":
            parts += [f"![{_plain(what)}]({file})" for file, what in pictures.items()]
        if name not in LEFT_OUT:
            parts += [f"## {name}", *([_plain(table.caption)] if table.caption else [])]
            parts.append(_table(table))
    parts += ["## Notes", "\n".join(f"* {_plain(note)}" for note in notes)]
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    rule = [":--" if place < table.num_names else "--:" for place in range(len(table.header))]
    rows = [[_plain(cell) for cell in row] for row in (table.header, *table.rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))


def _plain(text: str) -> str:
    """The text with a backslash before what Markdown, or HTML in it, would read as a command."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", text)

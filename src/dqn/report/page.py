"""A report as one HTML page that needs nothing else: no script, no other file, no network."""

import base64
from collections.abc import Mapping
from html import escape

from dqn.report.tables import Table

GENERATOR = '<meta name="generator" content="simple_dqn report">'

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1c1c; background: #fff;
       max-width: 76rem; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .4rem; }
p { margin: .3rem 0 .8rem; max-width: 60rem; }
.facts, .caption { color: #555; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .55rem; text-align: right; white-space: nowrap;
         border-bottom: 1px solid #e3e3e3; }
thead th { border-bottom: 2px solid #595959; vertical-align: bottom; white-space: normal; }
th.name, td.name { text-align: left; }
tbody tr:hover { background: #f4f8fb; }
figure { margin: 1.6rem 0; }
figure img { width: 100%; height: auto; }
summary { cursor: pointer; font-size: 1.2rem; font-weight: bold; margin: 1.6rem 0 .4rem; }
li { max-width: 60rem; margin: .15rem 0; }
@media print { details { display: block; } tbody tr { break-inside: avoid; } }
"""
FOLDED = ("Runs", "Runs without a score")  # long, and rarely looked at


def page(
    title: str,
    facts: str,
    tables: Mapping[str, Table],
    pictures: Mapping[str, tuple[str, bytes]],
    notes: list[str],
) -> str:
    """The page; `pictures` are PNGs, each with what it shows, in the order of the page."""
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        GENERATOR,
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="facts">{escape(facts)}</p>',
    ]
    for name, table in tables.items():
        if name == "Games":  # pictures of all games come between what is over all and the games
            parts += _pictures(pictures)
        parts.append(_section(name, table))
    parts.append("<h2>Notes</h2><ul>")
    parts += [f"<li>{escape(note)}</li>" for note in notes]
    parts.append("</ul></body></html>")
    return "\n".join(parts) + "\n"


def _pictures(pictures: Mapping[str, tuple[str, bytes]]) -> list[str]:
    parts = []
    for what, png in pictures.values():
        data = base64.b64encode(png).decode()
        parts.append(
            f'<figure><figcaption class="caption">{escape(what)}</figcaption>'
            f'<img alt="{escape(what)}" src="data:image/png;base64,{data}"></figure>'
        )
    return parts


def _section(name: str, table: Table) -> str:
    caption = f'<p class="caption">{escape(table.caption)}</p>' if table.caption else ""
    body = f'{caption}<div class="scroll">{_table(table)}</div>'
    if name in FOLDED:
        return f"<details><summary>{escape(name)} ({len(table.rows)})</summary>{body}</details>"
    return f"<h2>{escape(name)}</h2>{body}"


def _table(table: Table) -> str:
    def row(tag: str, texts: list[str]) -> str:
        cells = []
        for place, text in enumerate(texts):
            name = ' class="name"' if place < table.num_names else ""
            cells.append(f"<{tag}{name}>{escape(text)}</{tag}>")
        return f"<tr>{''.join(cells)}</tr>"

    rows = "\n".join(row("td", texts) for texts in table.rows)
    return f"<table><thead>{row('th', table.header)}</thead><tbody>\n{rows}\n</tbody></table>"

"""The page that shows all of it: one HTML file that needs nothing else."""

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path

import numpy as np

from dqn.visualization.findings import Findings, Subject
from dqn.visualization.page.filter_cards import filters_section, screen_names
from dqn.visualization.page.moment_figures import moments_section
from dqn.visualization.page.number_tables import inputs_section, sanity_section
from dqn.visualization.page.wording import number

CURVE_POINTS = 500


def render(subject: Subject, findings: Findings) -> str:
    """The page as text."""
    title = f"Inside {subject.snapshot}"
    body = [
        f"<header><p class=kicker>{escape(subject.game)}</p><h1>{escape(title)}</h1>",
        _facts(subject),
        "</header><main>",
        _limits(findings),
        *_game(subject),
        *filters_section(subject, findings),
        *moments_section(subject, findings),
        *inputs_section(subject, findings),
        *sanity_section(findings),
        _references(findings),
        "</main>",
        _dialog(subject),
    ]
    folder = Path(__file__).parent
    css, script = ((folder / f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    head = (
        "<meta charset=utf-8><meta name=viewport content='width=device-width, initial-scale=1'>"
        "<meta name=color-scheme content='light dark'><link rel=icon href='data:,'>"
        f"<title>{escape(title)}</title><style>{css}{_screen_rules(subject)}</style>"
    )
    return (
        f"<!DOCTYPE html>\n<html lang=en><head>{head}</head>\n<body>\n"
        + "\n".join(body)
        + f"\n<script>{script}</script></body></html>\n"
    )


def _screen_rules(subject: Subject) -> str:
    """What makes all filters show the screen that is chosen."""
    numbers = range(1, len(screen_names(subject.architecture.state_shape[0])))
    return "".join(
        f":root:has(input[name=screen][value='{n}']:checked){{--screen:{n}}}" for n in numbers
    )


def _facts(subject: Subject) -> str:
    pairs = "".join(
        f"<div><dt>{escape(n)}</dt><dd>{escape(v)}</dd></div>" for n, v in subject.facts
    )
    return f"<dl class=facts>{pairs}</dl>"


def _limits(findings: Findings) -> str:
    """What such pictures can show, and what they cannot."""
    what = (
        "These pictures show what a filter, or the value of an action, depends on in single states "
        "of one game: they suggest what the network may use, and do not prove why it acts."
    )
    if not findings.layers:
        what = (
            "These numbers show what the value of an action depends on in states of one game: they "
            "suggest what the network may use, and do not prove why it acts."
        )
    caution = (
        "Guided backpropagation in particular is known to draw what is on the screen and to change "
        "little when weights are random (Adebayo et al. 2018): "
        + (
            "the check at the end measures it for this network."
            if findings.has_random
            else "<code>--sanity true</code> measures it for this network."
        )
    )
    if not findings.layers:
        caution = (
            "To know whether the network needs a number, change that number in the game and see "
            "how it plays."
        )
    return f"<p class=lead>{what} {caution}</p>"


def _game(subject: Subject) -> Iterator[str]:
    """The highest Q-value over the game."""
    values = subject.q_values.max(1)
    chosen = np.linspace(0, len(values) - 1, min(len(values), CURVE_POINTS)).astype(int)
    lowest, highest = float(values.min()), float(values.max())
    scale = 100 / max(highest - lowest, 1e-6)
    width = max(len(values) - 1, 1)
    points = " ".join(
        f"{1000 * step / width:.1f},{100 - scale * (values[step] - lowest):.1f}" for step in chosen
    )
    label = (
        f"The highest Q-value in each of {len(values)} steps of the game, from {number(lowest)} to "
        f"{number(highest)}"
    )
    yield (
        "<section aria-labelledby=game><h2 id=game>The game</h2><figure class=curve>"
        f"<div class=axis><span>{number(highest)}</span><span>{number(lowest)}</span></div>"
        f"<svg viewBox='0 0 1000 100' preserveAspectRatio=none role=img aria-label='{label}'>"
        f"<polyline points='{points}'/></svg>"
        f"<figcaption>The highest Q-value in each of its {len(values):,} steps.</figcaption>"
        "</figure></section>"
    )


def _references(findings: Findings) -> str:
    works = [
        "J. Adebayo et al., Sanity checks for saliency maps. NeurIPS 2018, arXiv:1810.03292.",
        "A. Atrey et al., Exploratory not explanatory: counterfactual analysis of saliency maps "
        "for deep reinforcement learning. ICLR 2020, arXiv:1912.05743.",
    ]
    if findings.moments:
        works.append(
            "S. Greydanus et al., Visualizing and understanding Atari agents. ICML 2018, "
            "arXiv:1711.00138."
        )
    if findings.layers:
        works.append(
            "J. T. Springenberg et al., Striving for simplicity: the all convolutional net. ICLR "
            "workshop 2015, arXiv:1412.6806."
        )
    items = "".join(f"<li>{work}</li>" for work in works)
    return (
        "<section aria-labelledby=references><h2 id=references>References</h2>"
        f"<ul class=references>{items}</ul></section>"
    )


def _dialog(subject: Subject) -> str:
    """The window in which a filter is enlarged; the script fills it."""
    names = escape(json.dumps(screen_names(subject.architecture.state_shape[0])))
    return (
        f"<dialog aria-labelledby=enlarged data-screens='{names}'>"
        "<div class=bar><h2 id=enlarged></h2><p></p>"
        "<div class=tools><button type=button data-do=previous aria-label='Previous filter'>←"
        "</button><button type=button data-do=next aria-label='Next filter'>→</button>"
        "<button type=button data-do=out aria-label='Zoom out'>−</button>"
        "<button type=button data-do=in aria-label='Zoom in'>+</button>"
        "<button type=button data-do=close aria-label='Close'>×</button></div></div>"
        "<div class=canvas tabindex=0 role=group aria-label='All screens of the filter'>"
        "<div class=sheet></div></div></dialog>"
    )

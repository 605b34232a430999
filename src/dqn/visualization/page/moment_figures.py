"""The part of the page about moments of the game: what the chosen action's value depends on."""

from collections.abc import Iterator
from html import escape

import numpy as np

from dqn.visualization import pictures
from dqn.visualization.findings import Findings, Subject
from dqn.visualization.moments import MomentView
from dqn.visualization.overlay import coloured_layer, laid_over
from dqn.visualization.page.wording import number
from dqn.visualization.saliency import GRADIENT, OCCLUSION

METHOD_NAMES = {OCCLUSION: "by occlusion", GRADIENT: "by the gradient"}
TELEVISION = "4 / 3"  # the shape of an Atari's picture
ATARI_COLUMNS = 160
STRENGTH = 1.0  # of the colour


def moments_section(subject: Subject, findings: Findings) -> Iterator[str]:
    """Moments of the game; nothing for a network that sees no screens."""
    if not findings.moments:
        return
    yield (
        "<section aria-labelledby=moments><h2 id=moments>What the chosen action’s value depends on"
        "</h2><p>Moments of the game in which the choice mattered most. <b>By occlusion</b>: a "
        "place glows if the value changes when it is blurred, in all screens of the state "
        "(Greydanus et al. 2018, for the value of the chosen action). <b>By the gradient</b>: it "
        "glows if the value changes with its pixels.</p>"
    )
    for view in findings.moments:
        yield _moment(subject, view)
    yield "</section>"


def _moment(subject: Subject, view: MomentView) -> str:
    moment = view.moment
    picture = moment.picture if moment.picture is not None else _newest(moment.state)
    is_atari = picture.shape[1] == ATARI_COLUMNS
    ratio = TELEVISION if is_atari else f"{picture.shape[1]} / {picture.shape[0]}"
    large = pictures.enlarged(picture)
    at = f"step {moment.step:,}"
    rows, columns, _ = large.shape
    shown = [_figure("The screen", large, f"The screen at {at}", ratio)]
    for maps, whose in ((view.maps, ""), (view.of_random, ", random weights")):
        for method, saliency in maps.items():
            layer = coloured_layer(saliency, rows, columns, STRENGTH)
            name = f"{METHOD_NAMES[method].capitalize()}{whose}"
            painted = laid_over(large, layer)
            shown.append(_figure(name, painted, f"{name}, at {at}", ratio))
    values = "".join(
        f"<li{' class=taken' * (index == moment.action)}>{escape(name)} "
        f"<b>{number(moment.q_values[index])}</b></li>"
        for index, name in enumerate(subject.actions)
    )
    return (
        f"<article class=moment><h3>Step {moment.step:,}: {escape(subject.actions[moment.action])}"
        f"</h3><ul class=values aria-label='Q-values'>{values}</ul>"
        f"<div class=row>{''.join(shown)}</div></article>"
    )


def _newest(state: np.ndarray) -> np.ndarray:
    """The newest screen of a state as a picture."""
    newest = state[-1]
    gray = newest[..., np.newaxis].repeat(3, 2)
    return np.ascontiguousarray(np.moveaxis(newest, 0, -1)) if newest.ndim == 3 else gray


def _figure(name: str, picture: np.ndarray, description: str, ratio: str) -> str:
    height, width, _ = picture.shape
    return (
        f"<figure><img src='{pictures.webp(picture)}' alt='{description}' width={width} "
        f"height={height} style='aspect-ratio:{ratio}'><figcaption>{name}</figcaption></figure>"
    )

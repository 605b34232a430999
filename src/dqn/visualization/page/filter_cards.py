"""The part of the page about filters: a card for each."""

from collections.abc import Iterator
from html import escape

import numpy as np

from dqn.visualization import pictures
from dqn.visualization.filters import FilterView
from dqn.visualization.findings import Findings, LayerView, Subject
from dqn.visualization.page.wording import number
from dqn.visualization.receptive_field import ReceptiveField


def filters_section(subject: Subject, findings: Findings) -> Iterator[str]:
    """The filters of each layer; nothing for a network without convolutions."""
    if not findings.layers:
        return
    history = subject.architecture.state_shape[0]
    yield (
        "<section aria-labelledby=filters><h2 id=filters>What each filter responds to</h2>"
        "<p>For each filter, the state and the place of the game in which it responds most. "
        "<b>Screen</b>: what the network saw, with the filter’s receptive field as a frame. "
        "<b>Field</b>: the part in the frame. <b>Guided</b>: guided backpropagation from the "
        "response to that part (Springenberg et al. 2015); a pixel lighter than gray would raise "
        "the response if it were lighter, one darker than gray if it were darker. "
        + (
            "<b>Random</b>: the same for a network with random weights, in the same state and "
            "place. "
            if findings.has_random
            else ""
        )
        + f"{_explain_trace(history)} Click a filter to enlarge it.</p>"
        f"{_screen_choice(history)}"
    )
    for index, layer in enumerate(findings.layers):
        yield from _layer(subject, index, layer)
    yield "</section>"


def _explain_trace(history: int) -> str:
    if history == 1:
        return ""
    if history == 2:
        return "Both screens are laid over one another, the older red: what moves leaves a trace."
    return (
        "The last three screens are laid over one another in red, green and blue, from old to new: "
        "what rests is gray, and what moves leaves a trace."
    )


def screen_names(history: int) -> list[str]:
    """What the tiles of a picture are called: the trace, then each screen, if there are several."""
    if history == 1:
        return ["screen"]
    steps = range(history - 1, 0, -1)
    ago = [f"{n} step{'s' * (n > 1)} earlier" for n in steps]
    return ["trace", *ago, "newest"]


def _screen_choice(history: int) -> str:
    """Buttons that choose which screen all filters show, if there are several."""
    if history == 1:
        return ""
    choices = "".join(
        f"<label><input type=radio name=screen value={index}{' checked' * (index == 0)}>"
        f"<span>{name}</span></label>"
        for index, name in enumerate(screen_names(history))
    )
    return f"<fieldset class=choice><legend>Show</legend>{choices}</fieldset>"


def _layer(subject: Subject, index: int, layer: LayerView) -> Iterator[str]:
    convolution = subject.architecture.convolutions[index]
    size = f"{convolution.height}×{convolution.width}"
    field = layer.filters[0].field
    shown = len(layer.filters)
    of_all = f"{shown} of {convolution.filters}" if shown < convolution.filters else f"all {shown}"
    yield (
        f"<section class=layer id=layer{index}-section aria-labelledby=layer{index}>"
        f"<h3 id=layer{index}>Layer {index + 1}</h3>"
        f"<p>{convolution.filters} filters of {size}, stride {convolution.stride}; each sees "
        f"{field.height}×{field.width} pixels of the screen. Here are {of_all}. "
        f"{_dead(layer.dead, convolution.filters)}</p><div class=cards>"
    )
    for view in layer.filters:
        yield _card(subject, view)
    yield "</div></section>"


def _dead(dead: list[int], count: int) -> str:
    if not dead:
        return f"All {count} fired in this game."
    are = "is" if len(dead) == 1 else "are"
    return f"{len(dead)} of {count} {are} dead, never above 0: {', '.join(map(str, dead))}."


def _card(subject: Subject, view: FilterView) -> str:
    found, unit = view.strongest, view.strongest.unit
    name = f"Layer {unit.layer + 1}, filter {unit.filter}"
    if found.is_dead:
        return (
            f"<div class='card dead'><h4>{name}</h4><p>Dead in this game: its greatest response "
            f"was {number(found.response)}.</p>{_weights(subject, view)}</div>"
        )
    facts = f"step {found.step:,}, response {number(found.response)}"
    place = f"row {unit.row}, column {unit.column}"
    if subject.architecture.shared_convolutions:
        place += f", screen {unit.image + 1}"
    label = f"{name}: {facts}, {place}"
    return (
        f"<button class=card type=button aria-haspopup=dialog aria-label='Enlarge {label}' "
        f"data-title='{name}' data-facts='{facts}, {place}'>"
        f"<span class=heading><b>{name}</b> <span>{facts}</span></span>"
        f"<span class=views>{''.join(_views(view))}</span>"
        f"{_weights(subject, view)}</button>"
    )


def _views(view: FilterView) -> Iterator[str]:
    """The pictures of a filter, each with a tile for the trace and for each screen."""
    field, found = view.field, view.strongest
    state = found.state.astype(np.float32) / 255
    *_, height, width = state.shape
    names = f"step {found.step} of the game"
    box = (
        f"<span class=frame style='left:{100 * field.left / width:.2f}%;"
        f"top:{100 * field.top / height:.2f}%;width:{100 * field.width / width:.2f}%;"
        f"height:{100 * field.height / height:.2f}%'></span>"
    )
    crop = (..., field.rows, field.columns)
    yield _tiles("Screen", state, f"What the network saw at {names}", box)
    yield _tiles("Field", state[crop], f"The receptive field of {_place(field)}")
    yield _tiles(
        "Guided", pictures.signed(view.gradient[crop]), "Guided backpropagation to that field"
    )
    if view.of_random is not None:
        of_random = pictures.signed(view.of_random[crop])
        yield _tiles("Random", of_random, "The same with random weights")


def _place(field: ReceptiveField) -> str:
    return f"{field.height}×{field.width} pixels from row {field.top}, column {field.left}"


def _tiles(caption: str, screens: np.ndarray, description: str, over: str = "") -> str:
    *_, height, width = screens.shape
    count = len(screen_names(len(screens)))
    source = pictures.png(pictures.tiles(screens))
    return (
        f"<span class=view><span class=window "
        f"style='aspect-ratio:{width}/{height};--tiles:{count}'>"
        f"<img src='{source}' alt='{escape(description)}' width={width * count} height={height}>"
        f"{over}</span><span class=caption>{caption}</span></span>"
    )


def _weights(subject: Subject, view: FilterView) -> str:
    if view.weights is None:
        return ""
    architecture = subject.architecture
    screens = 1 if architecture.shared_convolutions else architecture.state_shape[0]
    picture = pictures.weight_tiles(view.weights, screens)
    height, width, _ = picture.shape
    what = "its weights for each screen, the oldest first" if screens > 1 else "its weights"
    return (
        f"<span class=weights><img src='{pictures.png(picture)}' width={width} height={height} "
        f"alt='{what.capitalize()}: light is positive, dark negative'>"
        f"<span class=caption>{what}</span></span>"
    )

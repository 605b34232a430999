"""The parts of the page in numbers: which inputs matter, and the sanity check."""

from collections.abc import Iterator

import numpy as np

from dqn.visualization.findings import Findings, Subject
from dqn.visualization.likeness import rank_correlation
from dqn.visualization.page.moment_figures import METHOD_NAMES
from dqn.visualization.page.wording import number

TABLE_ROWS = 24
GRID_COLUMNS = 16  # of a grid of numbers: the RAM takes eight rows


def inputs_section(subject: Subject, findings: Findings) -> Iterator[str]:
    """How much each number matters; nothing for a network that sees screens."""
    view = findings.inputs
    if view is None:
        return
    numbers = len(view.occlusion)
    yield (
        "<section aria-labelledby=inputs><h2 id=inputs>Which inputs matter</h2>"
        f"<p>The network sees {numbers} numbers. <b>Occlusion</b>: by how much the value of the "
        "chosen action changes, on average over the game, when a number is replaced by its mean. "
        "<b>Gradient</b>: the slope of that value, times how much the number varies (its standard "
        "deviation). Both are in units of Q.</p>"
    )
    greatest = max(float(view.occlusion.max()), 1e-12)
    if numbers > GRID_COLUMNS:
        cells = "".join(
            f"<td style='--part:{view.occlusion[index] / greatest:.3f}' "
            f"title='{_input_name(subject, index)}: {view.occlusion[index]:.4f}'>"
            f"<span class=hidden>{view.occlusion[index]:.4f}</span></td>"
            + ("</tr><tr>" if index % GRID_COLUMNS == GRID_COLUMNS - 1 else "")
            for index in range(numbers)
        )
        yield (
            "<figure><div class=scroll tabindex=0 role=region aria-label='All numbers'>"
            f"<table class=grid><caption>All {numbers} numbers, {GRID_COLUMNS} in a row: the "
            f"bluer, the more it matters by occlusion</caption><tbody><tr>{cells}</tr></tbody>"
            "</table></div></figure>"
        )
    rows = "".join(
        f"<tr><th scope=row>{_input_name(subject, index)}</th>"
        f"<td class=bar style='--part:{view.occlusion[index] / greatest:.3f}'>"
        f"{view.occlusion[index]:.4f}</td><td>{view.gradient[index]:.4f}</td></tr>"
        for index in view.order[:TABLE_ROWS]
    )
    yield (
        "<table class=inputs><thead><tr><th scope=col>Input</th><th scope=col>Occlusion</th>"
        f"<th scope=col>Gradient</th></tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _input_name(subject: Subject, index: int) -> str:
    """A byte of an Atari's RAM by its address, any other number by its index."""
    is_ram = subject.architecture.state_shape[1:] == (128,)
    return f"${index + 0x80:02X}" if is_ram else str(index)


def sanity_section(findings: Findings) -> Iterator[str]:
    """How alike the maps are of the trained network and of the one with random weights."""
    if not findings.has_random:
        return
    cells = "".join(
        f"<tr><th scope=row>{name}</th><td>{number(float(np.mean(found)))}</td>"
        f"<td>{len(found)}</td></tr>"
        for name, found in _correlations(findings)
        if found
    )
    about_filters = (
        " A random network has other filters than this one: compared are those of the same number."
    )
    yield (
        "<section aria-labelledby=sanity><h2 id=sanity>Sanity check</h2><p>How alike the maps of "
        "this network are to those of one with random weights, in the same states: the mean rank "
        "correlation of their numbers’ sizes (Adebayo et al. 2018). Near 1, a map does not depend "
        f"on what was learned; near 0, it does.{about_filters if findings.layers else ''}</p>"
        "<table class=inputs><thead><tr><th scope=col>Map</th><th scope=col>Correlation</th>"
        f"<th scope=col>Maps</th></tr></thead><tbody>{cells}</tbody></table></section>"
    )


def _correlations(findings: Findings) -> Iterator[tuple[str, list[float]]]:
    """Kinds of maps, and the rank correlation of each map with that of the random network."""
    yield (
        "Guided backpropagation from filters",
        [
            rank_correlation(
                view.gradient[..., view.field.rows, view.field.columns],
                view.of_random[..., view.field.rows, view.field.columns],
            )
            for layer in findings.layers
            for view in layer.filters
            if view.of_random is not None and not view.strongest.is_dead
        ],
    )
    yield (
        "Guided backpropagation from the chosen action’s value",
        [
            rank_correlation(view.guided, view.guided_of_random)
            for view in findings.moments
            if view.guided_of_random is not None
        ],
    )
    for method, name in METHOD_NAMES.items():
        yield (
            f"Value of the chosen action, {name}",
            [
                rank_correlation(view.maps[method], view.of_random[method])
                for view in findings.moments
                if method in view.of_random
            ],
        )
    ours, theirs = findings.inputs, findings.inputs_of_random
    if ours and theirs:
        yield "Inputs, by occlusion", [rank_correlation(ours.occlusion, theirs.occlusion)]
        yield "Inputs, by the gradient", [rank_correlation(ours.gradient, theirs.gradient)]

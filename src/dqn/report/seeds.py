"""Runs that differ in their seed alone, as one curve: their mean, in the range of all."""

import math
import re
from array import array
from collections.abc import Callable, Sequence

from dqn.errors import UserError
from dqn.report.columns import GAME_PHASES
from dqn.report.runs import Curves, Run

SEED = re.compile(r"[_-]?seed[_-]?\d+")


def means_of_seeds(runs: list[Run]) -> list[Run]:
    """Put runs together whose names differ in their seeds alone, each group as its mean and range.

    A mean is of the epochs that all of them have. Raises UserError for the games of runs.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if run.is_of_games:
            raise UserError("--group_seeds is for runs: their games have no common steps")
        groups.setdefault(SEED.sub("", run.name), []).append(run)
    return [
        _mean(f"{name} ({len(group)} seeds)", group) if len(group) > 1 else group[0]
        for name, group in groups.items()
    ]


def _mean(name: str, runs: list[Run]) -> Run:
    phases = [phase for phase in GAME_PHASES if all(phase in run.phases for run in runs)]
    mean = Run(name, {}, x=runs[0].x)
    lows: Curves = {}
    highs: Curves = {}
    for phase in phases:
        # Where an epoch stands twice, the last one counts.
        places = [{e: i for i, e in enumerate(run.phases[phase]["epoch"])} for run in runs]
        epochs = sorted(set.intersection(*(set(of_run) for of_run in places)))
        curves = mean.phases[phase] = {}
        lows[phase], highs[phase] = {}, {}
        for field in runs[0].phases[phase]:
            values = [
                [run.phases[phase][field][of_run[epoch]] for epoch in epochs]
                for run, of_run in zip(runs, places, strict=True)
            ]
            columns = list(zip(*values, strict=True))
            curves[field] = array("d", (sum(column) / len(column) for column in columns))
            lows[phase][field] = array("d", map(_or_nan(min), columns))
            highs[phase][field] = array("d", map(_or_nan(max), columns))
    mean.lows, mean.highs = lows, highs
    return mean


def _or_nan(of: Callable[[Sequence[float]], float]) -> Callable[[Sequence[float]], float]:
    """The same function of numbers, but NaN if one of them is."""
    return lambda numbers: math.nan if any(map(math.isnan, numbers)) else of(numbers)

"""The flags of looking inside a network."""

import argparse
from argparse import Namespace

from dqn.networks.architecture import MAX_FILTERS
from dqn.options.types import Integer, Number, boolean, choice, file
from dqn.visualization.settings import FilterSettings, SaliencySettings


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the group "Looking inside"."""
    group = parser.add_argument_group("Looking inside")
    group.add_argument(
        "--saliency",
        type=boolean,
        default=False,
        help="Show games that are recorded, or played in a window or a terminal, with what the "
        "value of the chosen action depends on as a coloured layer, and Q-values below.",
    )
    group.add_argument(
        "--saliency_method",
        **choice("occlusion", "gradient"),
        default=SaliencySettings.method,
        help="By blurring places of the screens, or by the gradient of the value. Without it, "
        "recordings take occlusion, and what is shown live the gradient, which is faster.",
    )
    group.add_argument(
        "--saliency_strength",
        type=Number(0, 1),
        default=SaliencySettings.strength,
        help="How strong the layer's colour is.",
    )
    group.add_argument(
        "--visualization_filters",
        type=Integer(1, MAX_FILTERS),
        default=FilterSettings.filters,
        help="nvis.sh: show this many filters of each convolutional layer.",
    )
    group.add_argument(
        "--visualization_file",
        type=file,
        metavar="FILE",
        help="nvis.sh: write the page to this file.",
    )
    group.add_argument(
        "--sanity",
        type=boolean,
        default=FilterSettings.sanity,
        help="nvis.sh: show the same for a network with random weights beside it.",
    )


def saliency_settings(args: Namespace) -> SaliencySettings:
    """How a game is shown with what values depend on."""
    return SaliencySettings(method=args.saliency_method, strength=args.saliency_strength)


def filter_settings(args: Namespace) -> FilterSettings:
    """The page of a network's filters."""
    return FilterSettings(
        filters=args.visualization_filters, file=args.visualization_file, sanity=args.sanity
    )

"""The flags that describe a trained network, and which flags contradict them."""

import argparse
from argparse import Namespace
from typing import Any

from dqn.networks.architecture import HIDDEN_UNITS, Architecture, Convolution
from dqn.options import network_spec

_AS_THEY_ARE = (
    "activation biases batch_norm shared_convolutions dueling dueling_streams"  # in both alike
).split()


def flags_of(architecture: Architecture, recorded: dict[str, Any]) -> dict[str, Any]:
    """The flags of `architecture`; its layers are written as in the flags `recorded` with it.

    (Unless those are of other layers, or none.)
    """
    layers = architecture.convolutions, architecture.dense_units
    network, units = recorded.get("network"), recorded.get("dense_units")
    if _layers(network, units) != layers:
        network, units = _texts_of(*layers)
    flags = {name: getattr(architecture, name) for name in _AS_THEY_ARE}
    return {"network": network, "dense_units": units, **flags}


def contradicting(args: Namespace, flags: dict[str, Any]) -> str | None:
    """The name of the first flag by which `args` ask for another network than `flags` do."""
    if _layers(args.network, args.dense_units) != _layers(flags["network"], flags["dense_units"]):
        return "network" if args.network != flags["network"] else "dense_units"
    for name, value in flags.items():
        has_effect = name != "dueling_streams" or flags["dueling"] != "false"
        is_compared = name in ("network", "dense_units")
        if has_effect and not is_compared and getattr(args, name) != value:
            return name
    return None


def _layers(network: Any, units: Any) -> network_spec.Layers | None:
    """The layers of two flags, which may come from a file; None if they are no valid texts."""
    if not isinstance(network, str) or not isinstance(units, str | None):
        return None
    try:
        return network_spec.layers(
            network_spec.network(network), units and network_spec.dense_units(units)
        )
    except argparse.ArgumentTypeError:
        return None


def _texts_of(
    convolutions: tuple[Convolution, ...], dense_units: tuple[int, ...]
) -> tuple[str, str | None]:
    """A --network and its --dense_units, None where that is the default."""
    units = None if dense_units == HIDDEN_UNITS else ",".join(map(str, dense_units))
    for name, layers in network_spec.NAMED.items():
        if layers == convolutions:
            return name, units
    return ",".join(map(str, (*convolutions, *dense_units))), None

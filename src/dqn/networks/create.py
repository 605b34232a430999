"""Makes the network of an engine; the only place that names the engines, which are heavy."""

import numpy as np

from dqn.machine.interruption import uninterrupted
from dqn.machine.setup import set_up_torch
from dqn.networks.architecture import Architecture
from dqn.networks.deepqnetwork import DeepQNetwork
from dqn.networks.exported import ExportedNetwork
from dqn.networks.inspector import NetworkInspector
from dqn.networks.layers import Layer, check_layers
from dqn.networks.memory_need import check_memory
from dqn.networks.settings import Compute, Optimization, Targets


def create_network(
    architecture: Architecture,
    optimization: Optimization,
    targets: Targets,
    compute: Compute,
    generator: np.random.Generator,
) -> DeepQNetwork:
    """A deep Q-network with initial weights drawn by `generator`.

    Raises UserError if its engine cannot run here, or it does not fit into memory.
    """
    check_memory(architecture, optimization, targets, compute, learns_on_gpu(compute))
    if compute.engine == "torch":
        with uninterrupted():
            from dqn.networks.torch_engine.network import TorchNetwork

            set_up_torch()
        return TorchNetwork(architecture, optimization, targets, compute, generator)
    if compute.engine == "neon":
        from dqn.networks.neon_engine.compatibility import make_neon_importable

        with uninterrupted():
            make_neon_importable()
            from dqn.networks.neon_engine.network import NeonNetwork

        return NeonNetwork(architecture, optimization, targets, compute, generator)
    raise ValueError(f"unknown engine {compute.engine}")


def create_inspector(architecture: Architecture, layers: list[Layer]) -> NetworkInspector:
    """What looks into a network with these layers, of any engine: PyTorch on the CPU.

    Raises UserError if the layers do not fit the architecture.
    """
    with uninterrupted():
        from dqn.networks.torch_engine.inspector import TorchInspector

        set_up_torch()
    return TorchInspector(architecture, layers)


def export_network(architecture: Architecture, layers: list[Layer]) -> ExportedNetwork:
    """The network with these layers, of any engine, for programs that have PyTorch alone.

    It computes in float32. Raises UserError if the layers do not fit the architecture, or are too
    large for float32.
    """
    check_layers(layers, architecture, "float32")
    with uninterrupted():
        from dqn.networks.torch_engine import plain_modules

        set_up_torch()
    return plain_modules.export(architecture, layers)


def choose_datatype(
    architecture: Architecture, optimization: Optimization, targets: Targets, compute: Compute
) -> str:
    """Choose a datatype for training: the faster one with PyTorch, float32 with Neon.

    Raises UserError if the engine cannot run here.
    """
    if compute.engine != "torch":
        return "float32"
    with uninterrupted():
        from dqn.networks.torch_engine import datatype

        set_up_torch()
    return datatype.choose(architecture, optimization, targets, compute)


def learns_on_gpu(compute: Compute) -> bool:
    """Whether the network will be on a GPU."""
    if compute.engine == "torch" and compute.backend == "auto":
        with uninterrupted():
            import torch

        return torch.cuda.is_available()
    return compute.backend == "gpu"

"""How much memory a network takes; one that does not fit is refused before it is made."""

from dqn.errors import UserError
from dqn.machine.memory_limit import available_memory
from dqn.machine.wording import size
from dqn.networks.architecture import Architecture
from dqn.networks.settings import NUM_STATES, Compute, Optimization, Targets


def check_memory(
    architecture: Architecture,
    optimization: Optimization,
    targets: Targets,
    compute: Compute,
    on_gpu: bool,
) -> None:
    """Raises UserError if a network takes more memory than there is on the machine.

    Of one `on_gpu`, only the initial weights are on the machine.
    """
    needs = _initial_needs(architecture)
    if not on_gpu:
        needs = memory_needs(architecture, optimization, targets, compute)
    available = available_memory()
    if sum(needs) > available:
        largest = max(range(len(needs)), key=needs.__getitem__)
        rows, columns = architecture.layer_shapes[largest]
        raise UserError(
            f"the network takes {size(sum(needs))}, of which {size(needs[largest])} are for "
            f"{_name(architecture, largest)} with {rows}×{columns} weights, but "
            f"{size(available)} are free: use a smaller --network or --dense_units, smaller "
            "screens, or a smaller --batch_size"
        )


def memory_needs(
    architecture: Architecture, optimization: Optimization, targets: Targets, compute: Compute
) -> list[int]:
    """About how many bytes each layer takes while it learns.

    These are its weights in both networks, the optimizer's states and memory to compute in, the
    gradient, and the copies of a 16-bit datatype; and what it gives for a minibatch, by both
    networks, with its gradient. Libraries take a copy of either, laid out for their kernels: with
    it, the sum was within a fifth of what processes took.
    """
    is_half = compute.datatype in ("float16", "bfloat16")
    of_weight = 8 if compute.datatype == "float64" else 4
    of_value = 2 if is_half else of_weight
    networks = 2 if targets.has_network else 1
    each = of_weight * (networks + NUM_STATES[optimization.optimizer] + 2) + of_value
    each += of_value * networks if is_half else 0
    outputs = architecture.layer_outputs
    return [
        rows * columns * each + 4 * optimization.batch_size * num_outputs * of_value
        for (rows, columns), num_outputs in zip(architecture.layer_shapes, outputs, strict=True)
    ]


def _initial_needs(architecture: Architecture) -> list[int]:
    """Bytes of the initial weights, float64, by layer."""
    return [8 * rows * columns for rows, columns in architecture.layer_shapes]


def _name(architecture: Architecture, index: int) -> str:
    names = [str(layer) for layer in architecture.convolutions]
    names += [f"the layer of {units} units" for units in architecture.dense_units]
    return [*names, "the last layer"][index]

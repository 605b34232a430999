"""Many small computations on a GPU as one."""

from collections.abc import Callable

import torch
from torch import Tensor

# Calls that are computed one by one: in the first ones, libraries choose kernels and take memory.
WARM_UPS = 3

TensorFunction = Callable[..., tuple[Tensor, ...]]


class RecordedFunction:
    """A function of tensors on a GPU, recorded as a CUDA graph, which later calls replay.

    An update of the network is a hundred kernels of a few microseconds each, which take longer to
    launch than to compute; a graph is launched at once. The `function` must launch the same kernels
    for all tensors of the same shapes, and wait for nothing. Its results are
    overwritten by the next call. With tensors of other shapes it is recorded anew. No other thread
    may use the GPU while it is recorded.
    """

    def __init__(self, function: TensorFunction):
        self._function = function
        self._shapes: list[torch.Size] = []
        self._num_calls = 0

    def __call__(self, *arguments: Tensor) -> tuple[Tensor, ...]:
        """What the function returns of `arguments`, which are copied."""
        shapes = [argument.shape for argument in arguments]
        if shapes != self._shapes:
            self._shapes, self._num_calls = shapes, 0
        self._num_calls += 1
        if self._num_calls <= WARM_UPS:
            return self._function(*arguments)
        if self._num_calls == WARM_UPS + 1:
            self._record(arguments)
        for recorded, argument in zip(self._arguments, arguments, strict=True):
            recorded.copy_(argument)
        self._graph.replay()
        return self._results

    def _record(self, arguments: tuple[Tensor, ...]) -> None:
        self._arguments = [
            torch.empty_like(a, memory_format=torch.contiguous_format) for a in arguments
        ]
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._results = self._function(*self._arguments)

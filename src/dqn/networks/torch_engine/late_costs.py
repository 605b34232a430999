"""The way of the costs from a GPU, which nobody waits for."""

import torch
from torch import Tensor

CHUNK = 64  # costs whose arrival is checked together


class LateCosts:
    """Costs on their way from a GPU, in the order in which they were sent."""

    def __init__(self, dtype: torch.dtype):
        self._dtype = dtype
        self._sent: list[tuple[Tensor, torch.cuda.Event]] = []  # full chunks
        self._begin_chunk()

    def send(self, cost: Tensor) -> None:
        """Let the scalar `cost` be copied when the GPU has computed it."""
        self._chunk[self._size].copy_(cost, non_blocking=True)
        self._size += 1
        if self._size == CHUNK:
            self._end_chunk()

    def arrived(self) -> list[float]:
        """Those that have arrived since the last call, without waiting for the others."""
        costs: list[float] = []
        while self._sent and self._sent[0][1].query():  # type: ignore[no-untyped-call]
            costs += self._sent.pop(0)[0].tolist()
        return costs

    def wait(self) -> list[float]:
        """All that were sent since the last call."""
        self._end_chunk()
        self._sent[-1][1].synchronize()
        return self.arrived()

    def _begin_chunk(self) -> None:
        self._chunk = torch.empty(CHUNK, dtype=self._dtype, pin_memory=True)
        self._size = 0

    def _end_chunk(self) -> None:
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        self._sent.append((self._chunk[: self._size], event))
        self._begin_chunk()

"""Computing two things beside each other on a GPU."""

from types import TracebackType

import torch


class Aside:
    """What is computed in its `with` block may run beside what follows, until `join`.

    The kernels of a minibatch are too small to fill a GPU. Unless `is_possible`, as on a CPU, all
    is computed in order.
    """

    def __init__(self, is_possible: bool):
        self.is_possible = is_possible
        self._stream = torch.cuda.Stream() if is_possible else None  # type: ignore[no-untyped-call]

    def __enter__(self) -> None:
        if self._stream is not None:
            self._outer = torch.cuda.current_stream()
            self._stream.wait_stream(self._outer)
            torch.cuda.set_stream(self._stream)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            torch.cuda.set_stream(self._outer)

    def join(self) -> None:
        """Let what follows wait for what was computed aside."""
        if self._stream is not None:
            self._outer.wait_stream(self._stream)

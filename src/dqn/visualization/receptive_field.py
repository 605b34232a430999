"""Which part of the screen a unit of a convolution can see."""

from dataclasses import dataclass

from dqn.networks.architecture import Architecture


@dataclass(frozen=True)
class ReceptiveField:
    """A rectangle of pixels of the screen that the network sees."""

    top: int
    left: int
    height: int
    width: int

    @property
    def rows(self) -> slice:
        """Its rows of a screen."""
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        """Its columns of a screen."""
        return slice(self.left, self.left + self.width)


def receptive_field(
    architecture: Architecture, layer: int, row: int, column: int
) -> ReceptiveField:
    """The pixels that a unit of convolution `layer` depends on; all count from 0.

    A convolution of size k adds k − 1 steps of the layers below it, each as long as the product of
    their strides.
    """
    height = width = step = 1
    for convolution in architecture.convolutions[: layer + 1]:
        height += (convolution.height - 1) * step
        width += (convolution.width - 1) * step
        step *= convolution.stride
    return ReceptiveField(row * step, column * step, height, width)

"""The optimizers as Nervana Neon 2.6 computes them (neon/optimizers/optimizer.py).

Neon divides the gradient, a sum over the batch, by the batch size n first. Here g is that sum and
1/n goes into the factors, which saves a pass over the weights and changes nothing when n is a
power of two.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

from dqn.networks.settings import Optimization


class Optimizer(ABC):
    """Updates weights in place and keeps `num_states` tensors of their shape for each of them.

    `num_updates` counts the updates since the beginning or a `restart`. `learning_rate` may be set
    at any time, for the updates to come.
    """

    num_states: int
    dtype_of_step: torch.dtype | None = None  # on a GPU; None: that of the weights

    def __init__(self, weights: Sequence[Tensor], learning_rate: float):
        self._weights = weights
        self.learning_rate = learning_rate
        self.num_updates = 0
        self._step_size: float | Tensor = learning_rate
        if weights[0].device.type == "cuda":
            self._step_size = weights[0].new_full((), learning_rate, dtype=self.dtype_of_step)
        self._states = {w: [torch.zeros_like(w) for _ in range(self.num_states)] for w in weights}

    def states_of(self, weights: Tensor) -> list[Tensor]:
        """The states of one of the weights, to be read or written in place."""
        return self._states[weights]

    def begin_update(self) -> None:
        """Count an update, before `optimize` makes it."""
        self.num_updates += 1
        step_size = self._next_step_size()
        if isinstance(self._step_size, Tensor):
            self._step_size.fill_(step_size)
        else:
            self._step_size = step_size

    def _next_step_size(self) -> float:
        return self.learning_rate

    @torch.no_grad()
    def optimize(self, gradients: Sequence[Tensor], batch_size: int) -> None:
        """Make one update from `gradients`, summed over a minibatch of `batch_size`.

        They may be overwritten. On a GPU this is recorded and replayed: what differs from one
        update to the next is a tensor, which `begin_update` sets.
        """
        pairs = zip(self._weights, gradients, strict=True)
        self._update([_laid_out_as(w, gradient) for w, gradient in pairs], batch_size)

    def restart(self) -> None:
        """Count updates from 0, as Neon does when it has loaded the states from a snapshot."""
        self.num_updates = 0

    def _descend(self, w: Tensor, g: Tensor, divisor: Tensor, n: int) -> None:
        """Let w ← w − lr·g / (n·divisor)."""
        if isinstance(self._step_size, Tensor):
            w.addcdiv_(g.mul_(self._step_size), divisor, value=-1 / n)
        else:
            w.addcdiv_(g, divisor, value=-self._step_size / n)

    @abstractmethod
    def _update(self, gradients: list[Tensor], n: int) -> None:
        """Update all weights and their states by their gradients, sums over `n` entries."""

    def _with_states(
        self, gradients: list[Tensor]
    ) -> Iterator[tuple[Tensor, Tensor, list[Tensor]]]:
        """Weights, their gradients, and their states, one after the other."""
        for w, g in zip(self._weights, gradients, strict=True):
            yield w, g, self._states[w]


class RMSProp(Optimizer):
    """s ← ρs + (1−ρ)g²; w ← w − lr·g / (√(s+ε) + ε), with ρ the decay rate and ε = 1e-6."""

    num_states = 1
    epsilon = 1e-6

    def __init__(self, weights: Sequence[Tensor], *, learning_rate: float, decay_rate: float):
        super().__init__(weights, learning_rate)
        self._decay_rate = decay_rate
        self._roots = {w: torch.empty_like(w) for w in weights}  # memory to compute in

    def _update(self, gradients: list[Tensor], n: int) -> None:
        for w, g, (s,) in self._with_states(gradients):
            s.mul_(self._decay_rate).addcmul_(g, g, value=(1 - self._decay_rate) / n**2)
            root = torch.add(s, self.epsilon, out=self._roots[w]).sqrt_().add_(self.epsilon)
            self._descend(w, g, root, n)


class RMSPropGraves(Optimizer):
    """Graves 2013 (arXiv 1308.0850), equations 38 to 41, with the constants of Mnih et al. 2015.

    s ← ρs + (1−ρ)g²; m ← ρm + (1−ρ)g; w ← w − lr·g / √(s − m² + 0.01), with ρ the decay rate, here
    of both means, and no momentum of the steps. As in DeepMind's own program (and unlike in the
    other optimizers), g is the sum over the minibatch, to which the 0.01 belongs.
    """

    num_states = 2
    min_squared_gradient = 0.01

    def __init__(self, weights: Sequence[Tensor], *, learning_rate: float, decay_rate: float):
        super().__init__(weights, learning_rate)
        self._decay_rate = decay_rate

    def _update(self, gradients: list[Tensor], n: int) -> None:  # noqa: ARG002
        for w, g, (s, m) in self._with_states(gradients):
            s.mul_(self._decay_rate).addcmul_(g, g, value=1 - self._decay_rate)
            m.mul_(self._decay_rate).add_(g, alpha=1 - self._decay_rate)
            root = s.addcmul(m, m, value=-1).add_(self.min_squared_gradient).sqrt_()
            self._descend(w, g, root, 1)


class Adam(Optimizer):
    """Kingma & Ba 2015, section 2, last paragraph: the step size carries the bias correction.

    m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; w ← w − lr·√(1−β₂ᵗ)/(1−β₁ᵗ) · m / (√v + ε), with
    β₁ = 0.9, β₂ = 0.999.

    It is computed in one pass over memory, by PyTorch's own fused Adam.
    """

    num_states = 2
    dtype_of_step = torch.float32  # as PyTorch's kernel takes it
    beta_1 = 0.9
    beta_2 = 0.999

    def __init__(self, weights: Sequence[Tensor], *, learning_rate: float, epsilon: float):
        super().__init__(weights, learning_rate)
        self._epsilon = epsilon
        # PyTorch would correct the bias, and ε with it; after this many steps there is none left.
        self._steps = [torch.full((), 1e9, device=w.device) for w in weights]

    def _next_step_size(self) -> float:
        t = self.num_updates
        correction = math.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        return self.learning_rate * correction

    def _update(self, gradients: list[Tensor], n: int) -> None:
        states = [self._states[w] for w in self._weights]
        adam(
            list(self._weights),
            gradients,
            [m for m, _ in states],
            [v for _, v in states],
            [],
            self._steps,
            fused=True,
            grad_scale=torch.full((), float(n), device=gradients[0].device),
            amsgrad=False,
            beta1=self.beta_1,
            beta2=self.beta_2,
            lr=self._step_size,
            weight_decay=0,
            eps=self._epsilon,
            maximize=False,
        )


class Adadelta(Optimizer):
    """Zeiler 2012, algorithm 1: E[g²], E[Δ²] and Δ, with ρ the decay rate and ε = 1e-6."""

    num_states = 3
    epsilon = 1e-6

    def __init__(self, weights: Sequence[Tensor], *, decay_rate: float):
        super().__init__(weights, learning_rate=1)  # the paper's, which has none
        self._decay_rate = decay_rate

    def _update(self, gradients: list[Tensor], n: int) -> None:
        for w, g, (mean_g2, mean_delta2, delta) in self._with_states(gradients):
            mean_g2.mul_(self._decay_rate).addcmul_(g, g, value=(1 - self._decay_rate) / n**2)
            torch.div(mean_delta2 + self.epsilon, mean_g2 + self.epsilon, out=delta)
            delta.sqrt_().mul_(g).div_(n)
            mean_delta2.mul_(self._decay_rate)
            mean_delta2.addcmul_(delta, delta, value=1 - self._decay_rate)
            w.sub_(delta)


def _laid_out_as(weights: Tensor, gradient: Tensor) -> Tensor:
    """A gradient in the datatype and the memory layout of its weights."""
    if gradient.dtype == weights.dtype and gradient.stride() == weights.stride():
        return gradient
    return torch.empty_like(weights).copy_(gradient)


def create_optimizer(settings: Optimization, weights: Sequence[Tensor]) -> Optimizer:
    """The optimizer that `settings` name; Adam has no decay rate, Adadelta no learning rate."""
    learning_rate, decay_rate = settings.learning_rate, settings.decay_rate
    match settings.optimizer:
        case "rmsprop":
            return RMSProp(weights, learning_rate=learning_rate, decay_rate=decay_rate)
        case "rmsprop_graves":
            return RMSPropGraves(weights, learning_rate=learning_rate, decay_rate=decay_rate)
        case "adam":
            return Adam(weights, learning_rate=learning_rate, epsilon=settings.adam_epsilon)
        case "adadelta":
            return Adadelta(weights, decay_rate=decay_rate)
    raise ValueError(f"unknown optimizer {settings.optimizer}")

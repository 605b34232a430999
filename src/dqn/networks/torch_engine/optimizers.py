"""The optimizers as Nervana Neon 2.6 computes them (neon/optimizers/optimizer.py).

Neon divides the gradient, a sum over the batch, by the batch size n first. Here g is that sum and
1/n goes into the factors, which saves a pass over the weights and changes nothing when n is a
power of two.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

from dqn.networks.settings import Optimization


class Optimizer(ABC):
    """Updates weights in place and keeps `num_states` tensors of their shape for each of them.

    `num_updates` counts the updates since the beginning or a `restart`.
    """

    num_states: int

    def __init__(self, weights: Sequence[Tensor]):
        self._weights = weights
        self.num_updates = 0
        self._states = {w: [torch.zeros_like(w) for _ in range(self.num_states)] for w in weights}

    def states_of(self, weights: Tensor) -> list[Tensor]:
        """The states of one of the weights, to be read or written in place."""
        return self._states[weights]

    @torch.no_grad()
    def optimize(self, gradients: Sequence[Tensor], batch_size: int) -> None:
        """Make one update from `gradients`, summed over a minibatch of `batch_size`.

        They may be overwritten.
        """
        self.num_updates += 1
        for w, gradient in zip(self._weights, gradients, strict=True):
            self._update(w, _laid_out_as(w, gradient), self._states[w], batch_size)

    def restart(self) -> None:
        """Count updates from 0, as Neon does when it has loaded the states from a snapshot."""
        self.num_updates = 0

    @abstractmethod
    def _update(self, w: Tensor, g: Tensor, states: list[Tensor], n: int) -> None:
        """Update weights `w` and their `states` by the gradient sum `g` over `n` entries."""


class RMSProp(Optimizer):
    """s ← ρs + (1−ρ)g²; w ← w − lr·g / (√(s+ε) + ε), with ρ the decay rate and ε = 1e-6."""

    num_states = 1
    epsilon = 1e-6

    def __init__(self, weights: Sequence[Tensor], *, learning_rate: float, decay_rate: float):
        super().__init__(weights)
        self._learning_rate = learning_rate
        self._decay_rate = decay_rate
        self._roots = {w: torch.empty_like(w) for w in weights}  # memory to compute in

    def _update(self, w: Tensor, g: Tensor, states: list[Tensor], n: int) -> None:
        (s,) = states
        s.mul_(self._decay_rate).addcmul_(g, g, value=(1 - self._decay_rate) / n**2)
        root = torch.add(s, self.epsilon, out=self._roots[w]).sqrt_().add_(self.epsilon)
        w.addcdiv_(g, root, value=-self._learning_rate / n)


class RMSPropGraves(Optimizer):
    """Graves 2013 (arXiv 1308.0850), equations 38 to 41, with the constants of Mnih et al. 2015.

    s ← ρs + (1−ρ)g²; m ← ρm + (1−ρ)g; w ← w − lr·g / √(s − m² + 0.01), with ρ the decay rate, here
    of both means, and no momentum of the steps. As in DeepMind's own program (and unlike in the
    other optimizers), g is the sum over the minibatch, to which the 0.01 belongs.
    """

    num_states = 2
    min_squared_gradient = 0.01

    def __init__(self, weights: Sequence[Tensor], *, learning_rate: float, decay_rate: float):
        super().__init__(weights)
        self._learning_rate = learning_rate
        self._decay_rate = decay_rate

    def _update(self, w: Tensor, g: Tensor, states: list[Tensor], n: int) -> None:  # noqa: ARG002
        s, m = states
        s.mul_(self._decay_rate).addcmul_(g, g, value=1 - self._decay_rate)
        m.mul_(self._decay_rate).add_(g, alpha=1 - self._decay_rate)
        root = s.addcmul(m, m, value=-1).add_(self.min_squared_gradient).sqrt_()
        w.addcdiv_(g, root, value=-self._learning_rate)


class Adam(Optimizer):
    """Kingma & Ba 2015, section 2, last paragraph: the step size carries the bias correction.

    m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; w ← w − lr·√(1−β₂ᵗ)/(1−β₁ᵗ) · m / (√v + ε), with
    β₁ = 0.9, β₂ = 0.999.

    It is computed in one pass over memory, by PyTorch's own fused Adam.
    """

    num_states = 2
    beta_1 = 0.9
    beta_2 = 0.999

    def __init__(self, weights: Sequence[Tensor], *, learning_rate: float, epsilon: float):
        super().__init__(weights)
        self._learning_rate = learning_rate
        self._epsilon = epsilon

    def _update(self, w: Tensor, g: Tensor, states: list[Tensor], n: int) -> None:
        m, v = states
        adam(
            [w],
            [g],
            [m],
            [v],
            [],
            [torch.tensor(self.num_updates - 1.0, device=w.device)],  # PyTorch counts this one
            fused=True,
            grad_scale=torch.tensor(float(n), device=w.device),
            amsgrad=False,
            beta1=self.beta_1,
            beta2=self.beta_2,
            lr=self._learning_rate,
            weight_decay=0,
            # PyTorch adds its ε to √(v / (1−β₂ᵗ))
            eps=self._epsilon / math.sqrt(1 - self.beta_2**self.num_updates),
            maximize=False,
        )


class Adadelta(Optimizer):
    """Zeiler 2012, algorithm 1: E[g²], E[Δ²] and Δ, with ρ the decay rate and ε = 1e-6."""

    num_states = 3
    epsilon = 1e-6

    def __init__(self, weights: Sequence[Tensor], *, decay_rate: float):
        super().__init__(weights)
        self._decay_rate = decay_rate

    def _update(self, w: Tensor, g: Tensor, states: list[Tensor], n: int) -> None:
        mean_g2, mean_delta2, delta = states
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

"""One weight update: from a minibatch on the device to new weights, a cost and errors."""

from collections.abc import Callable

import torch
from torch import Tensor

from dqn.networks.settings import Targets
from dqn.networks.torch_engine.aside import Aside
from dqn.networks.torch_engine.gradients import clip_norm_
from dqn.networks.torch_engine.input import NetworkInput
from dqn.networks.torch_engine.optimizers import Optimizer
from dqn.networks.torch_engine.q_function import QFunction
from dqn.networks.torch_engine.targets import Batch, create_targets
from dqn.replay.minibatch import States


class WeightUpdate:
    """Updates the weights of `online` (Mnih et al. 2015, algorithm 1), and all that follows them.

    Errors are clipped, and targets made, as `targets` say; the norm of the gradients is clipped to
    `gradient_norm_clip` (0: not at all). `round_weights` is called after the optimizer.
    """

    def __init__(
        self,
        online: QFunction,
        target: QFunction,
        optimizer: Optimizer,
        targets: Targets,
        make_input: Callable[[], NetworkInput],
        *,
        dtype: torch.dtype,
        gradient_norm_clip: float,
        round_weights: Callable[[], None],
        aside: Aside,
    ):
        self._online = online
        self._target = target
        self._optimizer = optimizer
        self._clip_error = targets.clip_error
        self._make_targets = create_targets(targets)
        self._input = make_input()
        self._next_input = make_input() if aside.is_possible else self._input
        self._dtype = dtype
        self._gradient_norm_clip = gradient_norm_clip
        self._round_weights = round_weights
        self._aside = aside

    def from_storage(
        self, observations: Tensor, windows: Tensor, numbers: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The same with `windows`, int64 (n, 2w), of `observations`, (size, *shape).

        The first half of a row is a state, the second one its next state.
        """
        n, width = windows.shape
        gathered = observations.index_select(0, windows.flatten())
        states, next_states = gathered.view(n, 2, width // 2, *observations.shape[1:]).unbind(1)
        return self(states, next_states, numbers)

    def __call__(
        self, states: States, next_states: States, numbers: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Make an update from n transitions; its cost (), and the absolute errors (n,).

        `numbers`, float64 (3 or 4, n), are actions, returns, discounts, and weights, if any. States
        are arrays, or tensors on the device.
        """
        batch = Batch(
            lambda: self._input.convert(states),
            numbers[0].long()[:, None],
            numbers[1].to(self._dtype),
            numbers[2].to(self._dtype),
            lambda: self._next_input.convert(next_states),
        )
        with torch.no_grad(), self._aside:
            targets = self._make_targets(self._online, self._target, batch)
        q_values = self._online(batch.states(), inference=False)
        self._aside.join()
        with torch.no_grad():
            delta = q_values.gather(1, batch.actions).to(targets.dtype) - targets[:, None]
            weights = numbers[3].to(targets.dtype)[:, None] if len(numbers) > 3 else None
            cost, errors = self._weigh(delta, weights)
            deltas = torch.zeros_like(q_values)
            deltas.scatter_(1, batch.actions, delta.to(q_values.dtype))
        gradients = torch.autograd.grad(q_values, self._online.leaves(), deltas)
        if self._gradient_norm_clip:
            clip_norm_(gradients, self._gradient_norm_clip, len(targets))
        self._optimizer.optimize(gradients, len(targets))
        self._round_weights()
        self._online.refresh()
        return cost, errors

    def _weigh(self, delta: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
        """Clip the errors (n, 1) in place, and weigh them; their cost, and what they were.

        The latter are absolute, (n,); weights, if any, are (n, 1).
        """
        squares, errors = delta.square(), delta.abs().squeeze(1)
        if self._clip_error:
            delta.clamp_(-self._clip_error, self._clip_error)
        if weights is not None:
            delta *= weights
            squares *= weights
        return squares.sum() / (2 * len(delta)), errors

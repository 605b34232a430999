"""What Q-values are learned towards: y = G + Γ · the value of the next state."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from dqn.networks.settings import Targets
from dqn.networks.torch_engine.q_function import QFunction


class Batch(NamedTuple):
    """A minibatch on the device.

    Calling `states` or `next_states` converts them for the network, and overwrites what the call
    before gave. actions: int64 (n, 1); returns and discounts: (n,).
    """

    states: Callable[[], Tensor]
    actions: Tensor
    returns: Tensor
    discounts: Tensor
    next_states: Callable[[], Tensor]


# Targets y, (n,), for a batch, by the online and the target network
LearningTargets = Callable[[QFunction, QFunction, Batch], Tensor]


def create_targets(settings: Targets) -> LearningTargets:
    """The targets that the settings ask for."""
    return double_q_learning if settings.double_q else q_learning


def q_learning(_: QFunction, target: QFunction, batch: Batch) -> Tensor:
    """Q-learning: y = G + Γ max Q(s′, a; θ⁻) (Mnih et al. 2015, algorithm 1)."""
    return _bootstrap(batch, greatest(target, batch.next_states()))


def double_q_learning(online: QFunction, target: QFunction, batch: Batch) -> Tensor:
    """Double Q-learning: y = G + Γ Q(s′, argmax Q(s′, a; θ); θ⁻) (van Hasselt et al. 2016)."""
    return _bootstrap(batch, chosen_by_online(online, target, batch.next_states()))


def greatest(target: QFunction, states: Tensor) -> Tensor:
    """The greatest of the target network's values, (n,), of n states."""
    q_values: Tensor = target(states, inference=True)
    return q_values.amax(1)


def chosen_by_online(online: QFunction, target: QFunction, states: Tensor) -> Tensor:
    """The target network's value, (n,), of the action that the online network chooses."""
    chosen: Tensor = online(states, inference=True).argmax(1, keepdim=True)
    q_values: Tensor = target(states, inference=True)
    return q_values.gather(1, chosen).squeeze(1)


def _bootstrap(batch: Batch, next_values: Tensor) -> Tensor:
    return batch.returns + batch.discounts * next_values.to(batch.returns.dtype)

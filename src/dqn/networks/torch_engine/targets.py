"""What a next state is worth: the greatest of its Q-values, or the one that θ chooses."""

from collections.abc import Callable

from torch import Tensor

from dqn.networks.torch_engine.q_function import QFunction

# Values (n,) of n states as `NetworkInput` converts them, by the online and the target network
NextValues = Callable[[QFunction, QFunction, Tensor], Tensor]


def greatest(online: QFunction, target: QFunction, states: Tensor) -> Tensor:  # noqa: ARG001
    """The greatest: max Q(s′, a; θ⁻) (Mnih et al. 2015, algorithm 1)."""
    q_values: Tensor = target(states, inference=True)
    return q_values.amax(1)


def chosen_by_online(online: QFunction, target: QFunction, states: Tensor) -> Tensor:
    """Double Q-learning: Q(s′, argmax Q(s′, a; θ); θ⁻) (van Hasselt et al. 2016, equation 4)."""
    chosen: Tensor = online(states, inference=True).argmax(1, keepdim=True)
    q_values: Tensor = target(states, inference=True)
    return q_values.gather(1, chosen).squeeze(1)

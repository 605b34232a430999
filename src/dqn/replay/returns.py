"""What a transition is worth: the only place that knows reward clipping and the discount."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class OneStepReturns:
    """Clipped rewards, bootstrapped one step later (Mnih et al. 2015, Methods, "Training details").

    Rewards below `min_reward` count as that much, those above `max_reward` likewise.
    """

    discount_rate: float = 0.99
    min_reward: float = -1
    max_reward: float = 1

    def __call__(self, rewards: np.ndarray, terminals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns G and discounts Γ, float64 (n,), of rewards, float32 (n,), and terminals, bool.

        Γ is γ, or 0 where the next state is terminal.
        """
        returns = rewards.astype(np.float64).clip(self.min_reward, self.max_reward)
        return returns, self.discount_rate * ~terminals

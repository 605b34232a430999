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


@dataclass(frozen=True)
class NStepReturns:
    """Clipped rewards of up to `num_steps` steps, bootstrapped after the last of them.

    G = Σ_{k<m} γ^k r_{k+1} and Γ = γ^m (Sutton & Barto 2018, equation 7.1; Hessel et al. 2018,
    "Multi-step learning"), with m = num_steps, or fewer where an episode ends before.
    """

    num_steps: int
    discount_rate: float = 0.99
    min_reward: float = -1
    max_reward: float = 1

    def __call__(
        self, rewards: np.ndarray, terminals: np.ndarray, lasts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns G and discounts Γ, float64 (n,), and the numbers m of steps, int64 (n,).

        In rewards, float32, terminals and lasts, bool, each (n, num_steps), a row holds the steps
        that follow one another; the first of `lasts` that is True is the row's last one, and what
        stands behind it does not matter. Γ is 0 where that step is terminal.
        """
        steps = np.arange(self.num_steps)
        lengths = np.where(lasts.any(axis=1), lasts.argmax(axis=1) + 1, self.num_steps)
        clipped = rewards.astype(np.float64).clip(self.min_reward, self.max_reward)
        counted = np.where(steps < lengths[:, np.newaxis], clipped, 0)
        returns = (counted * float(self.discount_rate) ** steps).sum(axis=1)
        is_terminal = terminals[np.arange(len(lengths)), lengths - 1]
        return returns, float(self.discount_rate) ** lengths * ~is_terminal, lengths

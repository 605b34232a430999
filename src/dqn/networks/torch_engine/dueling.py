"""How a value V and advantages A become Q-values (Wang et al. 2016, section 3).

The three forms have the names of keras-rl2.
"""

from torch import Tensor, nn


class Naive(nn.Module):
    """Q = V + A (equation 7)."""

    def forward(self, x: Tensor) -> Tensor:
        """Q-values (n, num_actions) of x, (n, 1 + num_actions): a value, then the advantages."""
        return x[:, :1] + x[:, 1:]


class Max(nn.Module):
    """Q = V + (A − max A) (equation 8)."""

    def forward(self, x: Tensor) -> Tensor:
        """Q-values (n, num_actions) of x, (n, 1 + num_actions): a value, then the advantages."""
        advantages = x[:, 1:]
        return x[:, :1] + (advantages - advantages.amax(1, keepdim=True))


class Average(nn.Module):
    """Q = V + (A − mean A) (equation 9)."""

    def forward(self, x: Tensor) -> Tensor:
        """Q-values (n, num_actions) of x, (n, 1 + num_actions): a value, then the advantages."""
        advantages = x[:, 1:]
        return x[:, :1] + (advantages - advantages.mean(1, keepdim=True))


DUELING = {"naive": Naive, "max": Max, "avg": Average}

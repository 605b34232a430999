"""The schedules of ε, the exploration rate of an ε-greedy policy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LinearDecay:
    """ε as a function of the training step (Mnih et al. 2015, Methods, "Training details").

    It falls linearly from `start` at step 0 to `end` at step `decay_steps`, and stays there.
    """

    start: float = 1
    end: float = 0.1
    decay_steps: float = 1000000

    def __call__(self, step: int) -> float:
        """The exploration rate, in 0..1, at training step `step`."""
        if step >= self.decay_steps:
            return self.end
        return self.start - step * (self.start - self.end) / self.decay_steps

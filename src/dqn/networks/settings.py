"""How a network is trained and computed: values, as the flags give them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Optimization:
    """How the weights are learned.

    `optimizer` is "rmsprop", "adam" or "adadelta"; `decay_rate` is that of RMSProp and Adadelta.
    Errors are clipped to ±`clip_error` (0: not at all). Without a target network the online
    network takes its place. Minibatches have `batch_size` transitions.
    """

    optimizer: str = "rmsprop"
    learning_rate: float = 0.00025
    decay_rate: float = 0.95
    clip_error: float = 1
    has_target_network: bool = True
    batch_size: int = 32


@dataclass(frozen=True)
class Compute:
    """What computes the network, and in which datatype.

    `engine` is "torch" or "neon"; `backend` is "auto", "cpu", "gpu" or, with Neon, "mkl";
    `stochastic_round` is the number of bits of mantissa that weights are rounded to (0: off).
    """

    engine: str = "torch"
    backend: str = "auto"
    device_id: int = 0
    datatype: str = "float32"
    stochastic_round: int = 0

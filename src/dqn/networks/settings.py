"""How a network is trained and computed: values, as the flags give them."""

from dataclasses import dataclass

# Numbers that each optimizer keeps of a weight
NUM_STATES = {"rmsprop": 1, "rmsprop_graves": 2, "adam": 2, "adadelta": 3}


@dataclass(frozen=True)
class Optimization:
    """How gradients change the weights.

    `optimizer` is "rmsprop", "rmsprop_graves", "adam" or "adadelta"; `decay_rate` is that of all
    but Adam, whose ε is `adam_epsilon`. `gradient_norm_clip` bounds the norm of the gradient (0:
    not at all). Minibatches have `batch_size` transitions.
    """

    optimizer: str = "rmsprop"
    learning_rate: float = 0.00025
    decay_rate: float = 0.95
    adam_epsilon: float = 1e-8
    gradient_norm_clip: float = 0
    batch_size: int = 32


@dataclass(frozen=True)
class Targets:
    """What is learned: the targets, and how errors count.

    Errors are clipped to ±`clip_error` (0: not at all). Without a target network the online
    network takes its place; `update_rate` is τ in θ⁻ := (1−τ)θ⁻ + τθ. With `double_q` the online
    network chooses the next action.
    """

    clip_error: float = 1
    has_network: bool = True
    update_rate: float = 1
    double_q: bool = False


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

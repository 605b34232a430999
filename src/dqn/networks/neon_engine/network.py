"""The deep Q-network on Nervana Neon itself, as the original simple_dqn computed it.

To be imported after `make_neon_importable`.
"""

import logging
import math
from typing import Any

import numpy as np
from neon import __version__ as neon_version
from neon.backends import gen_backend
from neon.backends.backend import Tensor
from neon.backends.util.check_gpu import get_compute_capability, get_device_count
from neon.backends.util.check_mkl import get_mkl_lib
from neon.initializers import Constant, Xavier
from neon.layers import Affine, BatchNorm, Conv, GeneralizedCost
from neon.layers.layer import Bias, Convolution_bias, Layer
from neon.models import Model
from neon.optimizers import Adadelta, Adam, RMSProp
from neon.optimizers.optimizer import Optimizer
from neon.transforms import Explin, Rectlin, SumSquared

from dqn.errors import UserError
from dqn.networks import layers as plain
from dqn.networks.architecture import Architecture, initial_weights
from dqn.networks.deepqnetwork import DeepQNetwork, Update
from dqn.networks.settings import NUM_STATES, Compute, Optimization, Targets
from dqn.replay.minibatch import Minibatch

logger = logging.getLogger(__name__)

DATATYPES = {
    "cpu": ("float16", "float32", "float64"),
    "mkl": ("float32",),
    "gpu": ("float16", "float32"),
}
AFTER_PASCAL = 7.0  # the first compute capability without hand-written kernels in Neon
BATCH_NORM = ("beta", "gamma", "gmean", "gvar")


class ELU(Explin):  # type: ignore[misc]
    """Neon's exponential linear unit, with the slope 1 at 0 where Neon takes 0.

    Whole layers are at 0 while biases are, below black screens.
    """

    def bprop(self, x: Tensor) -> Tensor:
        """The slope where the output was x: 1 above 0, else x + α, with α = 1."""
        return self.be.minimum(x, 0) + self.alpha


ACTIVATIONS = {"relu": Rectlin, "elu": ELU}


class NeonNetwork(DeepQNetwork):
    """The network of an architecture in Neon's layers; by default that of the original simple_dqn.

    The backend "auto" is the best that Neon finds. Neon has one backend, with one batch size, in a
    process: a second NeonNetwork ends the use of the first. Any number of states is predicted.
    Tensors are (…, batch_size). `stochastic_round` works on the GPU alone.
    Raises UserError for what Neon has not, and a backend or a datatype that it lacks here.
    """

    def __init__(
        self,
        architecture: Architecture,
        optimization: Optimization,
        targets: Targets,
        compute: Compute,
        generator: np.random.Generator,
    ):
        _refuse_what_neon_lacks(architecture, optimization, targets)
        self.train_iterations = 0
        self._optimization = optimization
        self._clip_error = targets.clip_error
        self._architecture = architecture
        self._stochastic_round = compute.stochastic_round
        self._batch_size = batch_size = optimization.batch_size
        self._datatype = compute.datatype

        backend = _choose_backend(compute.backend, compute.device_id, compute.datatype)
        initial_layers = [
            plain.Layer(weights, [], biases=plain.Biases(biases, []))
            for weights, biases in initial_weights(architecture, generator)
        ]
        self._backend = gen_backend(
            backend,
            rng_seed=int(generator.integers(2**32)),
            datatype=np.dtype(compute.datatype).type,
            batch_size=batch_size,
            stochastic_round=compute.stochastic_round,
            device_id=compute.device_id,
        )
        logger.info("Using Neon %s on its backend %s", neon_version, backend)

        self._input_shape = _input_shape(architecture)
        self._states = np.zeros((*self._input_shape, batch_size), np.uint8)
        self._input = self._backend.empty(self._states.shape)
        self._input.lshape = self._states.shape  # by which a convolution knows what it is given
        self._targets = self._backend.empty((architecture.num_actions, batch_size))

        self._cost = GeneralizedCost(costfunc=SumSquared())
        self._online = self._create_model(self._cost)
        self._target = self._create_model() if targets.has_network else self._online
        # What Xavier drew is replaced: the same seed begins alike on every engine.
        neon_layers = self._online.layers_to_optimize
        with_weights = [layer for layer in neon_layers if not isinstance(layer, BatchNorm)]
        self._set_layers(with_weights, initial_layers)
        self.update_target_network()
        self._optimizer = self._create_optimizer()

    def predict(self, states: np.ndarray) -> np.ndarray:
        starts = range(0, len(states), self._batch_size)
        batches = [states[start : start + self._batch_size] for start in starts]
        q_values = [self._fprop(self._online, batch, inference=True).get() for batch in batches]
        return np.concatenate(q_values, axis=1)[:, : len(states)].T

    def train(self, minibatch: Minibatch) -> Update:
        next_q = self._fprop(self._target, minibatch.next_states, inference=True).get()
        q_values = self._fprop(self._online, minibatch.states, inference=False)
        # y = G + Γ max Q(s′, a′; θ⁻); no error in other actions
        targets = q_values.get()
        returns = minibatch.returns.astype(targets.dtype)
        discounts = minibatch.discounts.astype(targets.dtype)
        best = next_q.max(axis=0)
        targets[minibatch.actions, np.arange(self._batch_size)] = returns + discounts * best
        self._targets.set(targets)
        deltas = self._cost.get_errors(q_values, self._targets)
        cost = self._cost.get_cost(q_values, self._targets)[0, 0]
        if self._clip_error:
            self._backend.clip(deltas, -self._clip_error, self._clip_error, out=deltas)
        self._online.bprop(deltas)
        self._optimizer.optimize(self._online.layers_to_optimize, epoch=0)
        self.train_iterations += 1
        return Update([float(cost)], None)

    def set_learning_rate(self, learning_rate: float) -> None:
        self._optimizer.learning_rate = learning_rate

    def update_target_network(self) -> None:
        for online, target in zip(
            self._online.layers_to_optimize, self._target.layers_to_optimize, strict=True
        ):
            target.set_params(online.get_params_serialize(keep_states=False))

    def get_layers(self) -> list[plain.Layer]:
        layers: list[plain.Layer] = []
        entries = self._get_entries(self._online)
        for neon_layer, entry in zip(self._online.layers_to_optimize, entries, strict=True):
            params, states = entry["params"], entry["states"]
            if isinstance(neon_layer, BatchNorm):
                layers[-1].batch_norm = plain.BatchNorm(**params, states=states)
            elif isinstance(neon_layer, Bias):
                layers[-1].biases = plain.Biases(params["W"], states)
            elif isinstance(neon_layer, Convolution_bias):
                biases = plain.Biases(params["weight_bias"], states[1])
                layers.append(plain.Layer(params["W"], states[0], biases=biases))
            else:
                layers.append(plain.Layer(params["W"], states))
        return layers

    def set_layers(self, layers: list[plain.Layer]) -> None:
        plain.check_layers(layers, self._architecture, self._datatype)
        self._set_layers(self._online.layers_to_optimize, layers)
        self._optimizer = self._create_optimizer()  # Adam's count of updates is not in a snapshot
        self.update_target_network()

    def get_state(self) -> dict[str, Any]:
        return {
            "online": self._get_entries(self._online),
            "target": None if self._target is self._online else self._get_entries(self._target),
            "num_updates": getattr(self._optimizer, "t", None),  # Adam's
            "train_iterations": self.train_iterations,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Neon's random numbers, by which a GPU rounds, begin anew."""
        self._set_entries(self._online, state["online"])
        if self._target is not self._online:
            self._set_entries(self._target, state["target"] or state["online"])
        if state["num_updates"] is not None:
            self._optimizer.t = state["num_updates"]
        self.train_iterations = state["train_iterations"]

    def _get_entries(self, model: Model) -> list[dict[str, Any]]:
        """The parameters and states of each layer that has any."""
        entries = [layer.get_params_serialize() for layer in model.layers_to_optimize]
        return [{"params": entry["params"], "states": entry["states"]} for entry in entries]

    def _set_entries(self, model: Model, entries: list[dict[str, Any]]) -> None:
        for layer, entry in zip(model.layers_to_optimize, entries, strict=True):
            self._set_layer(layer, entry["params"], entry["states"])

    def _set_layers(self, neon_layers: list[Layer], layers: list[plain.Layer]) -> None:
        remaining = iter(neon_layers)
        for layer in layers:
            weighted = next(remaining)
            biases = layer.biases if self._architecture.biases else None
            if biases and isinstance(weighted, Convolution_bias):
                params = {"W": layer.weights, "weight_bias": biases.values}
                self._set_layer(weighted, params, [layer.states, biases.states])
            else:
                self._set_layer(weighted, {"W": layer.weights}, layer.states)
                if biases:
                    self._set_layer(next(remaining), {"W": biases.values}, biases.states)
            if norm := layer.batch_norm:
                params = {name: getattr(norm, name) for name in BATCH_NORM}
                self._set_layer(next(remaining), params, norm.states)

    def _create_model(self, cost: GeneralizedCost | None = None) -> Model:
        of = self._architecture
        bias = Constant(0) if of.biases else None
        between = {"activation": ACTIVATIONS[of.activation](), "batch_norm": of.batch_norm}
        layers = [
            Conv(
                (conv.height, conv.width, conv.filters),
                strides=conv.stride,
                init=Xavier(local=True),
                bias=bias,
                **between,
            )
            for conv in of.convolutions
        ]
        layers += [
            Affine(nout=units, init=Xavier(local=False), bias=bias, **between)
            for units in of.dense_units
        ]
        layers.append(Affine(nout=of.num_actions, init=Xavier(local=False), bias=bias))
        model = Model(layers)
        for layer in model.layers.layers:
            layer.parallelism = "Disabled"  # else Neon expects several GPUs
        model.initialize(self._input_shape, cost)
        return model

    def _create_optimizer(self) -> Optimizer:
        name = self._optimization.optimizer
        learning_rate = self._optimization.learning_rate
        decay_rate = self._optimization.decay_rate
        rounding = {"stochastic_round": self._stochastic_round}
        if name == "rmsprop":
            return RMSProp(learning_rate=learning_rate, decay_rate=decay_rate, **rounding)
        if name == "adam":
            epsilon = self._optimization.adam_epsilon
            return Adam(learning_rate=learning_rate, epsilon=epsilon, **rounding)
        if name == "adadelta":
            return Adadelta(decay=decay_rate, **rounding)
        raise ValueError(f"unknown optimizer {name}")

    def _fprop(self, model: Model, states: np.ndarray, *, inference: bool) -> Tensor:
        """Q-values (num_actions, batch_size); those of missing states have no meaning."""
        states = states.reshape(-1, *self._input_shape)
        self._states[..., : len(states)] = np.moveaxis(states, 0, -1)
        self._input.set(self._states)
        self._backend.divide(self._input, 255, self._input)
        return model.fprop(self._input, inference=inference)

    def _set_layer(self, layer: Layer, params: dict[str, np.ndarray], states: list[Any]) -> None:
        """Set one of Neon's layers; states of another optimizer are left out and begin at zero."""
        layer.set_params({"params": params})
        has_two = isinstance(layer, BatchNorm | Convolution_bias)  # with states for each
        layer.states = [[], []] if has_two else []
        if len(states[0] if has_two else states) == NUM_STATES[self._optimization.optimizer]:
            layer.set_states({"states": states})


def _refuse_what_neon_lacks(
    architecture: Architecture, optimization: Optimization, targets: Targets
) -> None:
    lacks = {
        f"vectors of {architecture.state_dtype}: use another game": (
            architecture.state_dtype != "uint8"
        ),
        "dueling networks: use --dueling false": architecture.is_dueling,
        "convolutions of each screen: use --shared_convolutions false": (
            architecture.shared_convolutions
        ),
        "biases beside batch normalisation: use --biases false": (
            architecture.biases and architecture.batch_norm
        ),
        "Graves' RMSProp: use --optimizer rmsprop": optimization.optimizer == "rmsprop_graves",
        "bound on the norm of gradients: use --gradient_norm_clip 0": (
            optimization.gradient_norm_clip > 0
        ),
        "double Q-learning: use --double_q false": targets.double_q,
        "soft updates of the target network: use --target_update_rate 1": targets.update_rate != 1,
    }
    for what, is_wanted in lacks.items():
        if is_wanted:
            raise UserError(f"Neon has no {what}, or --engine torch")


def _input_shape(architecture: Architecture) -> tuple[int, ...]:
    """(channels, height, width) of screens for convolutions, else (numbers,)."""
    if not architecture.convolutions:
        return (math.prod(architecture.state_shape),)
    return architecture.input_channels, *architecture.state_shape[-2:]


def _choose_backend(backend: str, device_id: int, datatype: str) -> str:
    has_gpu = device_id < get_device_count() and get_compute_capability(device_id) < AFTER_PASCAL
    found = {"gpu": has_gpu, "mkl": bool(get_mkl_lib()), "cpu": True}
    if backend == "auto":
        usable = [name for name in found if found[name] and datatype in DATATYPES[name]]
        backend = usable[0] if usable else "cpu"
    if not found[backend]:
        what = {"gpu": f"GPU {device_id} that its kernels know (up to Pascal)", "mkl": "MKL"}
        raise UserError(f"Neon finds no {what[backend]} here: use --backend cpu")
    if datatype not in DATATYPES[backend]:
        raise UserError(
            f"Neon's backend {backend} does not compute in {datatype}: use --datatype "
            f"{DATATYPES[backend][-1]}"
        )
    return backend

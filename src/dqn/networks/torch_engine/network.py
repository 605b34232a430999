"""The deep Q-network on PyTorch, with Nervana Neon's arithmetic."""

import copy
import logging
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dqn.errors import UserError
from dqn.machine.setup import set_up_learning_on_gpu
from dqn.machine.state_values import take, take_array, take_integer, take_list
from dqn.machine.upload import upload
from dqn.machine.wording import counted
from dqn.networks.architecture import Architecture, initial_weights
from dqn.networks.deepqnetwork import DeepQNetwork, Update
from dqn.networks.layers import BatchNorm, Biases, Layer, check_layers
from dqn.networks.settings import Compute, Optimization, Targets
from dqn.networks.torch_engine.aside import Aside
from dqn.networks.torch_engine.input import NetworkInput, create_input
from dqn.networks.torch_engine.late_costs import LateCosts
from dqn.networks.torch_engine.layout import load, load_arrays, to_arrays, to_neon
from dqn.networks.torch_engine.optimizers import create_optimizer
from dqn.networks.torch_engine.prediction import Prediction
from dqn.networks.torch_engine.q_function import BatchNormalization, QFunction
from dqn.networks.torch_engine.recorded import RecordedFunction, TensorFunction
from dqn.networks.torch_engine.rounding import mantissa_bits, stochastic_round_
from dqn.networks.torch_engine.weight_update import WeightUpdate
from dqn.replay.minibatch import Minibatch, StatesOnDevice

logger = logging.getLogger(__name__)

MAX_THREADS = 1024  # more than any machine that made a checkpoint had
DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}


class TorchNetwork(DeepQNetwork):
    """The network of an architecture; by default as the original simple_dqn built it on Neon.

    16-bit datatypes keep float32 weights, which `stochastic_round` rounds after each update.
    Raises UserError for a device or a datatype that this machine lacks.
    """

    def __init__(
        self,
        architecture: Architecture,
        optimization: Optimization,
        targets: Targets,
        compute: Compute,
        generator: np.random.Generator,
    ):
        self.train_iterations = 0
        self._target_update_rate = targets.update_rate
        self._device = _choose_device(compute.backend, compute.device_id)
        self.device = str(self._device)
        self._dtype = DTYPES[compute.datatype]
        self._weight_dtype = torch.float64 if compute.datatype == "float64" else torch.float32
        if compute.datatype == "float16" and self._device.type == "cpu":
            logger.warning(
                "A CPU computes float16 about 100 times slower than float32: --datatype bfloat16 "
                "is the 16-bit type for processors"
            )

        self._architecture = architecture
        self._online = QFunction(
            architecture,
            initial_weights(architecture, generator),
            device=self._device,
            weight_dtype=self._weight_dtype,
            dtype=self._dtype,
        )
        self._target = copy.deepcopy(self._online) if targets.has_network else self._online
        self._acting = self._online
        self._predict_online = self._prediction(self._online)
        self._predict = self._predict_online
        self._weights = self._online.learned()
        self._optimizer = create_optimizer(optimization, self._weights)
        self._rounding_bits = min(compute.stochastic_round, mantissa_bits(self._dtype))
        self._rounding_generator = torch.Generator(self._device)
        self._rounding_generator.manual_seed(int(generator.integers(2**63)))
        is_on_gpu = self._device.type == "cuda"
        self._late_costs = LateCosts(self._weight_dtype) if is_on_gpu else None
        # The running means of batch normalisation change while targets are computed aside
        aside = Aside(is_on_gpu and not architecture.batch_norm)
        self._update_weights = WeightUpdate(
            self._online,
            self._target,
            self._optimizer,
            targets,
            self._make_input,
            dtype=self._weight_dtype,
            gradient_norm_clip=optimization.gradient_norm_clip,
            round_weights=self._round_weights,
            aside=aside,
        )
        self._update = self._record(self._update_weights)
        self._observations: Tensor | None = None
        self._update_from_storage: TensorFunction = self._update
        self._check_datatype(compute.datatype, (1, *architecture.state_shape))

    def predict(self, states: np.ndarray) -> np.ndarray:
        return self._predict(states)

    def predict_learned(self, states: np.ndarray) -> np.ndarray:
        return self._predict_online(states)

    def train(self, minibatch: Minibatch) -> Update:
        self._optimizer.begin_update()
        cost, errors = self._make_update(minibatch)
        self.train_iterations += 1
        if self._late_costs is None:
            costs = [cost.item()]
        else:
            self._late_costs.send(cost)
            costs = self._late_costs.arrived()
        return Update(costs, None if minibatch.weights is None else errors.cpu().numpy())

    def set_learning_rate(self, learning_rate: float) -> None:
        self._optimizer.learning_rate = learning_rate

    def late_costs(self) -> list[float]:
        return [] if self._late_costs is None else self._late_costs.wait()

    def _make_update(self, minibatch: Minibatch) -> tuple[Tensor, ...]:
        rows = [minibatch.actions, minibatch.returns, minibatch.discounts]
        if minibatch.weights is not None:
            rows.append(minibatch.weights)
        numbers = np.stack(rows)
        states, next_states = minibatch.states, minibatch.next_states
        if isinstance(states, StatesOnDevice):
            windows = np.concatenate((states.windows, next_states.windows), axis=1)
            return self._update_from(states.observations)(*self._upload_all(windows, numbers))
        if self._device.type == "cuda":
            states, next_states = (upload(s, self._device) for s in (states, next_states))
        return self._update(states, next_states, upload(numbers, self._device))

    def _update_from(self, observations: Tensor) -> TensorFunction:
        """The update from windows of `observations`."""
        if observations is not self._observations:
            self._observations = observations
            update = partial(self._update_weights.from_storage, observations)
            self._update_from_storage = self._record(update)
        return self._update_from_storage

    def _upload_all(self, windows: np.ndarray, numbers: np.ndarray) -> tuple[Tensor, Tensor]:
        """Both, int64 and float64, on the device, at once: a copy takes longer than its bytes."""
        both = np.concatenate((windows.ravel(), numbers.view(np.int64).ravel()))
        there = upload(both, self._device)
        of_windows, of_numbers = there[: windows.size], there[windows.size :]
        return of_windows.view(windows.shape), of_numbers.view(torch.float64).view(numbers.shape)

    def update_target_network(self) -> None:
        if self._target is not self._online:
            self._target.move_towards(self._online, self._target_update_rate)

    def acting_copy(self, in_use: bool) -> None:
        if not in_use:
            self._acting = self._online
            self._predict = self._predict_online
        elif self._acting is self._online:
            self._acting = copy.deepcopy(self._online)
            self._predict = self._prediction(self._acting)
        else:
            self._acting.move_towards(self._online, 1)

    def get_layers(self) -> list[Layer]:
        return [
            Layer(
                weights=to_neon(layer.weights),
                states=self._get_states(layer.weights),
                batch_norm=None if layer.norm is None else self._get_batch_norm(layer.norm),
                biases=None if layer.biases is None else self._get_biases(layer.biases),
            )
            for layer in self._online.weighted
        ]

    def set_layers(self, layers: list[Layer]) -> None:
        dtype = str(self._weight_dtype).removeprefix("torch.")
        check_layers(layers, self._architecture, dtype)
        for mine, layer in zip(self._online.weighted, layers, strict=True):
            load(mine.weights, layer.weights)
            self._set_states(mine.weights, layer.states)
            if mine.biases is not None and layer.biases is not None:
                load(mine.biases, layer.biases.values)
                self._set_states(mine.biases, layer.biases.states)
            if mine.norm is not None and layer.batch_norm is not None:
                self._set_batch_norm(mine.norm, layer.batch_norm)
        self._optimizer.restart()
        self._online.refresh()
        if self._target is not self._online:
            self._target.move_towards(self._online, 1)

    def get_state(self) -> dict[str, Any]:
        return {
            "online": to_arrays(self._online.tensors()),
            "target": None if self._target is self._online else to_arrays(self._target.tensors()),
            "acting": None if self._acting is self._online else to_arrays(self._acting.tensors()),
            "optimizer": [to_neon(s) for w in self._weights for s in self._optimizer.states_of(w)],
            "num_updates": self._optimizer.num_updates,
            "rounding": self._rounding_generator.get_state().numpy(),
            "train_iterations": self.train_iterations,
            "threads": torch.get_num_threads() if self._device.type == "cpu" else None,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        load_arrays(self._online.tensors(), take(state, "online"))
        self._online.refresh()
        if self._target is not self._online:
            # Trained without a target network so far, it begins with one that is equal.
            load_arrays(self._target.tensors(), state["target"] or state["online"])
            self._target.refresh()
        if take(state, "acting") is not None:
            self.acting_copy(in_use=True)
            load_arrays(self._acting.tensors(), state["acting"])
            self._acting.refresh()
        states = [s for w in self._weights for s in self._optimizer.states_of(w)]
        for tensor, array in zip(states, take_list(state, "optimizer"), strict=True):
            load(tensor, array)
        self._optimizer.num_updates = take_integer(state, "num_updates")
        rounding = take_array(state, "rounding", np.uint8, (None,))
        self._rounding_generator.set_state(torch.from_numpy(rounding))
        self.train_iterations = take_integer(state, "train_iterations")
        if self._device.type == "cpu" and take(state, "threads") is not None:  # as on a GPU
            self._use_threads(take_integer(state, "threads", 1, MAX_THREADS))

    def _use_threads(self, threads: int) -> None:
        """With another number of threads, sums would be added up in another order."""
        if threads != torch.get_num_threads():
            logger.info("Using %s, as before", counted(threads, "thread"))
            torch.set_num_threads(threads)

    def _get_biases(self, biases: Tensor) -> Biases:
        return Biases(to_neon(biases), self._get_states(biases))

    def _get_batch_norm(self, norm: BatchNormalization) -> BatchNorm:
        return BatchNorm(
            **{name: to_neon(getattr(norm, name)) for name in norm.tensor_names},
            states=[self._get_states(norm.beta), self._get_states(norm.gamma)],
        )

    def _set_batch_norm(self, norm: BatchNormalization, plain: BatchNorm) -> None:
        for name in norm.tensor_names:
            load(getattr(norm, name), getattr(plain, name))
        for parameter, states in zip((norm.beta, norm.gamma), plain.states, strict=True):
            self._set_states(parameter, states)

    def _get_states(self, parameter: Tensor) -> list[np.ndarray]:
        return [to_neon(state) for state in self._optimizer.states_of(parameter)]

    def _set_states(self, parameter: Tensor, arrays: list[np.ndarray]) -> None:
        states = self._optimizer.states_of(parameter)
        # A network that was never trained has no states, and those of another optimizer mean
        # something else: both begin at zero.
        if len(arrays) != len(states):
            for state in states:
                state.zero_()
            return
        for state, array in zip(states, arrays, strict=True):
            load(state, array)

    def _make_input(self) -> NetworkInput:
        return create_input(self._architecture, self._device, self._dtype)

    def _prediction(self, q_function: QFunction) -> Prediction:
        return Prediction(
            q_function, self._make_input, device=self._device, dtype=self._weight_dtype
        )

    def _record(self, function: TensorFunction) -> TensorFunction:
        """The same function, recorded where that is possible."""
        if self._device.type == "cpu" or self._rounding_bits:  # whose random numbers are not
            return function
        return RecordedFunction(function)

    def _round_weights(self) -> None:
        if self._rounding_bits:
            for weights in self._weights:
                stochastic_round_(weights, self._rounding_bits, self._rounding_generator)

    def _check_datatype(self, datatype: str, state_shape: tuple[int, ...]) -> None:
        try:
            self.predict(np.zeros(state_shape, self._architecture.state_dtype))
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"{self._device} cannot compute in {datatype} ({reason}): use another --datatype"
            ) from error


def _choose_device(backend: str, device_id: int) -> torch.device:
    if backend == "mkl":
        raise UserError("PyTorch has MKL in its backend cpu: use --backend cpu or --engine neon")
    if backend == "gpu" and not torch.cuda.is_available():
        raise UserError("there is no CUDA GPU that PyTorch can use: use --backend cpu")
    if backend == "cpu" or not torch.cuda.is_available():
        logger.info("Using the CPU with %s", counted(torch.get_num_threads(), "thread"))
        return torch.device("cpu")
    if device_id >= torch.cuda.device_count():
        raise UserError(
            f"there is no GPU {device_id}: --device_id must be below {torch.cuda.device_count()}"
        )
    set_up_learning_on_gpu(device_id)
    name = torch.cuda.get_device_name(device_id)
    logger.info("Using GPU %d, %s, without TF32", device_id, name)
    return torch.device("cuda", device_id)

"""PyTorch's files, read without PyTorch: the same tensors, and no code is run."""

import io
import pickle
import zipfile
from contextlib import suppress

import numpy as np
import pytest
import torch

from dqn.snapshots.snapshot import Unusable
from dqn.snapshots.torch_format import read_state_dict, read_values
from helpers.foreign import Hostile, cnn_policy, saved

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.bool]


def refusal(content):
    with pytest.raises(Unusable) as caught:
        read_state_dict(content)
    return str(caught.value)


def rewritten(content, change, compression=zipfile.ZIP_STORED):
    """The same archive with `change(name, bytes)` of each entry."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)), compression)
    return result.getvalue()


def with_pickle(content, pickled):
    return rewritten(content, lambda n, old: pickled if n.endswith("data.pkl") else old)


def test_a_networks_state_dict_has_the_tensors_that_pytorch_loads():
    state = cnn_policy().state_dict()
    arrays = read_state_dict(saved(state))
    assert list(arrays) == list(state)
    for name, tensor in state.items():
        np.testing.assert_array_equal(arrays[name], tensor.numpy())
        assert arrays[name].flags.c_contiguous
        assert arrays[name].flags.writeable


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tensors_of_any_layout_and_type_are_read(dtype):
    whole = (torch.randn(6, 4, 3, 5) * 9).to(dtype)
    tensors = {
        "whole": whole,
        "part": whole[1:, 2:, :, ::2],
        "transposed": whole[0, 0].t(),
        "channels last": whole.contiguous(memory_format=torch.channels_last),
        "repeated": whole[:1].expand(2, 4, 3, 5),
        "a number": whole[0, 0, 0, 0],
        "empty": whole[:0],
        "parameter": torch.nn.Parameter(whole, requires_grad=False),
    }
    for name, tensor in tensors.items():
        arrays = read_state_dict(saved({name: tensor}))
        tensor = tensor.float() if dtype == torch.bfloat16 else tensor
        np.testing.assert_array_equal(arrays[name], tensor.numpy())


def test_an_optimizers_states_are_read_with_their_numbers():
    network = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    states = read_values(saved(optimizer.state_dict()))["state"]
    for number, parameter in enumerate(network.parameters()):
        for name, tensor in optimizer.state[parameter].items():
            np.testing.assert_array_equal(states[number][name], tensor.numpy())


def test_no_code_is_run(tmp_path):
    path = tmp_path / "written"
    hostile = pickle.dumps({"a": Hostile(path)}, 2)
    assert "io.open" in refusal(with_pickle(saved({"a": torch.ones(2)}), hostile))
    assert "io.open" in refusal(saved({"a": Hostile(path)}))
    assert "helpers.foreign" in refusal(saved(cnn_policy()))  # a whole module, with its class
    assert not path.exists()


def test_what_is_no_state_dict_is_refused():
    assert "before 1.6" in refusal(
        saved({"a": torch.ones(2)}, _use_new_zipfile_serialization=False)
    )
    assert "no state_dict" in refusal(saved([torch.ones(2)]))
    assert "'a' is no tensor" in refusal(saved({"a": 3}))
    assert "no state_dict" in refusal(saved({}))
    assert "no ZIP archive" in refusal(b"text")
    assert "no data.pkl" in refusal(_zip_of("a", b""))


def _zip_of(name, content):
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        archive.writestr(name, content)
    return result.getvalue()


def test_a_tensor_larger_than_its_storage_is_refused():
    content = saved({"a": torch.ones(2, 3)})
    (pickled,) = [
        zipfile.ZipFile(io.BytesIO(content)).read(name)
        for name in zipfile.ZipFile(io.BytesIO(content)).namelist()
        if name.endswith("data.pkl")
    ]
    shape = pickle.BININT1 + b"\x02" + pickle.BININT1 + b"\x03" + pickle.TUPLE2
    assert pickled.count(shape) == 1
    larger = pickle.BININT1 + b"\x09" + pickle.BININT1 + b"\x03" + pickle.TUPLE2
    assert "not whole" in refusal(with_pickle(content, pickled.replace(shape, larger)))
    huge = pickle.BININT + b"\xff\xff\xff\x7f" + pickle.BININT1 + b"\x03" + pickle.TUPLE2
    assert "more numbers" in refusal(with_pickle(content, pickled.replace(shape, huge)))
    negative = pickle.BININT + b"\xff\xff\xff\xff" + pickle.BININT1 + b"\x03" + pickle.TUPLE2
    assert "not written" in refusal(with_pickle(content, pickled.replace(shape, negative)))


@pytest.mark.parametrize("step", [97, 1009])
def test_a_damaged_file_never_gives_anything_but_numbers_or_one_line(step):
    content = saved({"a": torch.ones(2, 3), "b": torch.zeros(4)})
    for position in range(0, len(content), step):
        damaged = bytearray(content)
        damaged[position] ^= 0x55
        with suppress(Unusable):
            arrays = read_state_dict(bytes(damaged))
            assert all(isinstance(array, np.ndarray) for array in arrays.values())
    for length in range(0, len(content), step):
        assert refusal(content[:length]).isprintable()

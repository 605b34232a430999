"""Arrays on their way to the processor that learns; those to a GPU: test_on_gpu.py."""

import numpy as np
import pytest
import torch

from dqn.machine.upload import upload

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_an_array_is_the_same_there(dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    for given in (array, array[:, ::2], array.T):
        tensor = upload(given, CPU)
        assert tensor.numpy().dtype == dtype
        np.testing.assert_array_equal(tensor.numpy(), given)


def test_a_cpu_gets_no_copy():
    array = np.zeros(3)
    upload(array, CPU)[1] = 5
    assert array.tolist() == [0, 5, 0]


def test_rows_are_filled_up_to_a_size():
    array = np.arange(6).reshape(2, 3)
    tensor = upload(array, CPU, size=4)
    assert tensor.shape == (4, 3)
    np.testing.assert_array_equal(tensor[:2].numpy(), array)
    assert upload(array, CPU, size=2).tolist() == array.tolist()

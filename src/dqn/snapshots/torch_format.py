"""Reads what `torch.save` wrote of a state_dict, without PyTorch and without running its pickle.

Such a file is a ZIP archive: `data.pkl` is a pickle in which each tensor names a storage, which is
an entry `data/<number>` of the archive.
"""

import io
import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from dqn.snapshots.snapshot import Unusable
from dqn.snapshots.unpickler import MAX_DIMENSIONS, Reader
from dqn.snapshots.zip_file import ZipFile

MAX_PICKLE = 2**22  # bytes; a network of 20 layers needs less than 30,000
MAX_SIZE = 2**40
MAX_KEY = 10_000  # of an optimizer's states, which have numbers


def read_state_dict(content: bytes) -> dict[str, np.ndarray]:
    """Read the tensors in the file `content` by their names: float arrays, C-contiguous.

    They are writable, in native byte order and share no memory; bfloat16 becomes float32. Their
    sizes add up to no more than the file's. Raises Unusable.
    """
    value = read_values(content)
    if not isinstance(value, dict) or not value:
        raise Unusable("is a file of PyTorch, but no state_dict")
    for name, array in value.items():
        if not isinstance(array, np.ndarray):
            raise Unusable(f"is a file of PyTorch, but no state_dict: {name[:60]!a} is no tensor")
    return value


def read_values(content: bytes) -> Any:
    """Read what the file `content` holds: plain values, dictionaries, lists and such arrays.

    Raises Unusable.
    """
    if content[:1] == b"\x80":
        raise Unusable(
            "is of the format of PyTorch before 1.6: load it there and save it again with a later "
            "version"
        )
    archive = ZipFile(io.BytesIO(content))
    pickles = [name for name in archive.names if name.endswith("/data.pkl")]
    if len(pickles) != 1 or pickles[0].count("/") != 1:
        raise Unusable("is no file of PyTorch: there is no data.pkl in the archive")
    return _TorchReader(archive, pickles[0]).load()


@dataclass(frozen=True)
class _StorageType:
    """A placeholder for one of PyTorch's storage classes; `dtype` is NumPy's."""

    dtype: str
    is_bfloat16: bool = False


@dataclass(frozen=True)
class _Storage:
    """Numbers that lie in an entry of the archive."""

    kind: _StorageType
    key: str
    count: int


@dataclass(frozen=True)
class _Tensor:
    """Stands for a tensor; its memory is allocated when the whole pickle has been read."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


# What the allowed names stand for. The functions are the only ones that ever lie on the stack.


def _ordered_dict(*arguments: Any) -> dict[str, Any]:
    if arguments:
        raise Unusable("holds a dictionary that was not written by PyTorch")
    return {}


def _rebuild_tensor(*arguments: Any) -> _Tensor:
    match arguments:
        case (_Storage() as storage, offset, tuple(shape), tuple(strides), *_):
            sizes = (offset, *shape, *strides)
            are_sizes = all(type(n) is int and 0 <= n < MAX_SIZE for n in sizes)
            if are_sizes and len(shape) == len(strides) <= MAX_DIMENSIONS:
                return _Tensor(storage, offset, shape, strides)
    raise Unusable("holds a tensor that was not written by PyTorch")


def _rebuild_parameter(*arguments: Any) -> _Tensor:
    match arguments:
        case (_Tensor() as tensor, *_):
            return tensor
    raise Unusable("holds a parameter that was not written by PyTorch")


_STORAGES = {
    "FloatStorage": _StorageType("<f4"),
    "DoubleStorage": _StorageType("<f8"),
    "HalfStorage": _StorageType("<f2"),
    "BFloat16Storage": _StorageType("<u2", is_bfloat16=True),
    "LongStorage": _StorageType("<i8"),
    "IntStorage": _StorageType("<i4"),
    "ShortStorage": _StorageType("<i2"),
    "CharStorage": _StorageType("|i1"),
    "ByteStorage": _StorageType("|u1"),
    "BoolStorage": _StorageType("|b1"),
}


class _TorchReader(Reader):
    """The stack machine with PyTorch's names."""

    names = MappingProxyType(
        {
            ("collections", "OrderedDict"): _ordered_dict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
            **{("torch", name): kind for name, kind in _STORAGES.items()},
        }
    )

    def __init__(self, archive: ZipFile, pickle: str):
        super().__init__(io.BytesIO(archive.read(pickle, MAX_PICKLE)))
        self.array_bytes_left = archive.size
        self._archive = archive
        self._folder = pickle.removesuffix("data.pkl")
        order = f"{self._folder}byteorder"
        if order in archive.names and archive.read(order, 10) != b"little":
            raise Unusable("was saved on a computer of another byte order, which is not supported")

    def is_key(self, key: Any) -> bool:
        return isinstance(key, str) or (type(key) is int and 0 <= key <= MAX_KEY)

    def persistent(self) -> None:
        match self.stack.pop():
            case ("storage", _StorageType() as kind, str(key), str(), int(count)):
                self.push(_Storage(kind, key, count))
            case _:
                raise Unusable("holds a tensor that was not written by PyTorch")

    def build(self) -> None:
        """Drop what is set on a dictionary: a state_dict has its modules' versions there."""
        self.stack.pop()
        if not isinstance(self.stack[-1], dict):
            raise Unusable("sets attributes of what is no state_dict")

    def array_of(self, stand_in: Any) -> np.ndarray:
        if not isinstance(stand_in, _Tensor):
            raise Unusable("is a file of PyTorch, but no state_dict")
        dtype = np.dtype(stand_in.storage.kind.dtype)
        shape, strides = stand_in.shape, stand_in.strides
        size = math.prod(shape) * dtype.itemsize
        if size > self.array_bytes_left:
            raise Unusable("claims more numbers than it has")
        self.array_bytes_left -= size
        name = f"{self._folder}data/{stand_in.storage.key}"
        contents = self._archive.read(name)
        last = stand_in.offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
        if size and (last + 1) * dtype.itemsize > len(contents):
            raise Unusable(f"is damaged: a tensor of the shape {shape} is not whole")
        if not size:
            return np.zeros(shape, dtype)
        numbers = np.frombuffer(contents, dtype, offset=stand_in.offset * dtype.itemsize)
        in_bytes = [stride * dtype.itemsize for stride in strides]
        array = np.lib.stride_tricks.as_strided(numbers, shape, in_bytes, writeable=False)
        if stand_in.storage.kind.is_bfloat16:  # the upper half of a float32
            return np.asarray(array.astype(np.uint32) << 16).view(np.float32)
        return np.array(array, dtype.newbyteorder("="), order="C")

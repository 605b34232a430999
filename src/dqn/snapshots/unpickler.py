"""Reads a pickle of plain values and NumPy arrays, and never runs code.

A pickle is a program for a small stack machine, and Python's own machine lets that program call any
function there is. This one knows only the instructions that plain values need, and the five names
that NumPy writes for an array; everything else is refused by name. Nothing is allocated on the word
of the file alone: a size is compared with what the file still holds before anything is read.
"""

import codecs
import math
import os
import pickle
import struct
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, NoReturn

import numpy as np

from dqn.snapshots.snapshot import Unusable

MAX_INSTRUCTIONS = 25_000  # the most layers with all that they may have need 18 000
MAX_DEPTH = 32  # Neon nests ten deep
MAX_DIMENSIONS = 8
MAX_TEXT = 1024  # bytes; a longer text is the contents of an array, and stays in the file
PIECE = 1024 * 1024  # bytes of such contents that are decoded at a time
PROTOCOLS = range(2, 5)  # Neon writes 2; Python 3 by itself 3 or 4
NUMBERS = {kind + size for kind in "fiu" for size in "1248"} - {"f1"} | {"b1"}


_TRUNCATED = "is truncated or damaged: copy or download it again"


def load(file: BinaryIO) -> Any:
    """Read the value in a pickle: None, bool, int, float, str, array; list, tuple, dict of these.

    Byte strings become str (latin-1), as Python 2's do elsewhere. Dictionaries have str keys. Every
    array is C-contiguous, writable, in native byte order and shares its memory with no other; their
    sizes add up to no more than that of `file`, which must be seekable.
    Raises Unusable; OSError passes through.
    """
    return Reader(file).load()


@dataclass
class _LongText:
    """Text that was left in the file: `size` bytes at `offset`."""

    offset: int
    size: int
    encoding: str


@dataclass
class _DType:
    """Stands for a numpy.dtype while it is being described."""

    dtype: np.dtype

    def set_state(self, state: Any) -> None:
        match state:
            case (int(), ("<" | ">" | "|" | "=") as order, None, None, None, *_):
                self.dtype = self.dtype.newbyteorder(order)
            case _:
                raise Unusable("holds an array whose type is not a plain number")


@dataclass
class _Array:
    """Stands for a numpy.ndarray; its memory is allocated when the whole file has been read."""

    shape: tuple[int, ...] = ()
    dtype: np.dtype | None = None
    order: Literal["C", "F"] = "C"
    contents: str | _LongText = ""

    def set_state(self, state: Any) -> None:
        match state:
            case (
                1,
                tuple(shape),
                _DType(dtype),
                bool(is_fortran),
                str() | _LongText() as contents,
            ):
                if len(shape) > MAX_DIMENSIONS or not all(type(n) is int and n >= 0 for n in shape):
                    raise Unusable("holds an array of an impossible shape")
                self.shape, self.dtype, self.contents = shape, dtype, contents
                self.order = "F" if is_fortran else "C"
            case _:
                raise Unusable("holds an array that was not written by NumPy")


# What the five allowed names stand for. They are the only functions that ever lie on the stack.


def _ndarray(*_: Any) -> NoReturn:
    raise Unusable("makes an array in a way that NumPy does not")


def _reconstruct(*arguments: Any) -> _Array:
    match arguments:
        case (kind, (0,), "b") if kind is _ndarray:
            return _Array()
    return _ndarray()


def _dtype(*arguments: Any) -> _DType:
    match arguments:
        case (str(code), *_) if code in NUMBERS:
            return _DType(np.dtype(code))
    raise Unusable(f"holds an array of type {_shown(*arguments[:1])}, not of numbers")


def _scalar(*arguments: Any) -> bool | int | float:
    match arguments:
        case (_DType(dtype), str(contents)) if len(contents) == dtype.itemsize:
            return np.frombuffer(contents.encode("latin-1"), dtype)[0].item()
    raise Unusable("holds a number that was not written by NumPy")


def _encode(*arguments: Any) -> str | _LongText:
    """Python 3 writes bytes as text and a call that encodes it; here bytes are such text anyway."""
    match arguments:
        case (str() | _LongText() as text, "latin1"):
            return text
    raise Unusable("holds bytes that were not written by Python")


_ALLOWED_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,  # NumPy 1
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,  # NumPy 2
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy", "ndarray"): _ndarray,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
}


class Reader:
    """The stack machine, for one file; a machine for another kind of pickle knows other names."""

    names: Mapping[tuple[str, str], Any] = _ALLOWED_NAMES

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = file.seek(0, os.SEEK_END)
        self.array_bytes_left = self.size
        self.values_left = MAX_INSTRUCTIONS
        self.stack: list[Any] = []
        self.stacks_below: list[list[Any]] = []  # each MARK begins a new stack
        self.memo: dict[int, Any] = {}
        file.seek(0)

    def load(self) -> Any:
        """The value in the file, as plain values and arrays; raises Unusable."""
        try:
            return self.plain(self.run(), depth=0)
        except (IndexError, KeyError, ValueError, OverflowError, struct.error) as error:
            # An empty stack, an unknown memo entry, text that is not UTF-8, …
            raise Unusable("is damaged: copy or download it again") from error

    def run(self) -> Any:
        if self.file.read(1) != pickle.PROTO:
            raise Unusable("is not a snapshot (not a pickle of protocol 2 or later)")
        self.file.seek(0)
        for _ in range(MAX_INSTRUCTIONS):
            opcode = self.take(1)
            if opcode == pickle.STOP:
                return self.stack.pop()
            instruction = _INSTRUCTIONS.get(opcode)
            if instruction is None:
                raise Unusable(self.refusal(opcode))
            instruction(self)
        raise Unusable(
            f"is too large (more than {MAX_INSTRUCTIONS} instructions): no network needs that"
        )

    # Reading the file

    def take(self, size: int) -> bytes:
        self.require(size)
        return self.file.read(size)

    def require(self, size: int) -> None:
        if size > self.size - self.file.tell():
            raise Unusable(_TRUNCATED)

    def integer(self, size: int, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "little", signed=signed)

    def text(self, size: int, encoding: str) -> str | _LongText:
        if size <= MAX_TEXT:
            return self.take(size).decode(encoding, "surrogatepass")
        self.require(size)
        offset = self.file.tell()
        self.file.seek(size, os.SEEK_CUR)
        return _LongText(offset, size, encoding)

    def line(self) -> str:
        line = self.file.readline(MAX_TEXT)
        if not line.endswith(b"\n"):
            raise Unusable(_TRUNCATED)
        return line[:-1].decode("utf-8", "replace")

    # Instructions

    def proto(self) -> None:
        protocol = self.integer(1)
        if protocol not in PROTOCOLS:
            raise Unusable(f"is a pickle of protocol {protocol}; Neon writes protocol 2")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def mark(self) -> None:
        self.stacks_below.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.stacks_below.pop()
        return items

    def push_tuple(self, size: int) -> None:
        items = [self.stack.pop() for _ in range(size)]
        self.push(tuple(reversed(items)))

    def append(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise Unusable("is damaged: it appends to what is not a list")
        self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        keys, values = items[::2], items[1::2]
        # Only text: the hash of a tuple can take for ever, and those of integers can be made equal.
        if not isinstance(self.stack[-1], dict) or not all(map(self.is_key, keys)):
            raise Unusable("is damaged: a dictionary in it is not one from text to values")
        self.stack[-1].update(zip(keys, values, strict=True))

    def is_key(self, key: Any) -> bool:
        """Whether a dictionary may have this key."""
        return isinstance(key, str)

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def look_up(self, module: Any, name: Any) -> None:
        function = None
        if isinstance(module, str) and isinstance(name, str):
            function = self.names.get((module, name))
        if function is None:
            raise Unusable(_would_run(f"{_shown(module)}.{_shown(name)}"))
        self.push(function)

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.look_up(module, name)

    def reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, types.FunctionType) or not isinstance(arguments, tuple):
            raise Unusable("is damaged: it calls what is not a function")
        self.push(function(*arguments))

    def build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _Array | _DType):
            raise Unusable(_would_run("__setstate__ of what is not an array"))
        self.stack[-1].set_state(state)

    def persistent(self) -> None:
        """Replace a persistent identifier by the object that it names, which is outside."""
        raise Unusable(_would_run("a lookup of a persistent object"))

    def refusal(self, opcode: bytes) -> str:
        """Name what an instruction outside the list would have done."""
        if opcode == pickle.INST:
            return _would_run(f"{_shown(self.line())}.{_shown(self.line())}")
        if opcode in _CODE_INSTRUCTIONS:
            return _would_run(_CODE_INSTRUCTIONS[opcode])
        return f"is damaged or not a snapshot: it has the unknown pickle instruction {opcode!r}"

    # What was read, as plain values

    def plain(self, value: Any, depth: int) -> Any:
        """Replace the stand-ins in `value`, which has few values even where it shares them.

        A list that contains itself is too deep, and tuples that share tuples are too many values.
        """
        self.values_left -= 1
        if depth > MAX_DEPTH:
            raise Unusable(f"is nested too deep (more than {MAX_DEPTH} levels)")
        if self.values_left < 0:
            raise Unusable(f"is too large (more than {MAX_INSTRUCTIONS} values)")
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, list | tuple):
            return type(value)(self.plain(item, depth + 1) for item in value)
        if isinstance(value, dict):
            return {key: self.plain(item, depth + 1) for key, item in value.items()}
        return self.array_of(value)

    def array_of(self, stand_in: Any) -> np.ndarray:
        """The array that `stand_in` stands for; raises Unusable if it is something else."""
        if isinstance(stand_in, _Array) and stand_in.dtype is not None:
            return self.array(stand_in, stand_in.dtype)
        raise Unusable("holds something that is neither a plain value nor an array")

    def array(self, stand_in: _Array, dtype: np.dtype) -> np.ndarray:
        shape = stand_in.shape
        size = math.prod(shape) * dtype.itemsize
        if size > self.array_bytes_left:
            raise Unusable(f"claims more numbers than it has, in the shape {_shown(shape)}")
        self.array_bytes_left -= size
        contents = self.contents(stand_in.contents, size)
        if len(contents) != size:
            raise Unusable(f"is damaged: an array of the shape {_shown(shape)} is not whole")
        array = np.frombuffer(contents, dtype).reshape(shape, order=stand_in.order)
        return np.require(array, dtype.newbyteorder("="), ["C", "W"])

    def contents(self, text: str | _LongText, size: int) -> bytearray:
        """Encode text as the bytes of an array, and stop soon after `size` of them."""
        if isinstance(text, str):
            return bytearray(text, "latin-1")
        contents = bytearray()
        decoder = codecs.getincrementaldecoder(text.encoding)()
        self.file.seek(text.offset)
        for start in range(0, text.size, PIECE):
            piece = self.take(min(PIECE, text.size - start))
            contents += decoder.decode(piece).encode("latin-1")
            if len(contents) > size:
                break
        return contents


def _shown(value: Any = "") -> str:
    """Describe what the file holds in a few printable characters, whatever it is."""
    if isinstance(value, tuple) and all(isinstance(item, int) for item in value[:MAX_DIMENSIONS]):
        value = str(value[:MAX_DIMENSIONS])
    elif not isinstance(value, str):
        value = type(value).__name__
    return ascii(value[:60])[1:-1]


def _would_run(name: str) -> str:
    return (
        f"would run code ({name}), which no snapshot does: nothing was run; do not trust this file"
    )


_CODE_INSTRUCTIONS = {
    pickle.OBJ: "the constructor of a class",
    pickle.NEWOBJ: "the constructor of a class",
    pickle.NEWOBJ_EX: "the constructor of a class",
    pickle.EXT1: "a registered extension",
    pickle.EXT2: "a registered extension",
    pickle.EXT4: "a registered extension",
    pickle.PERSID: "a lookup of a persistent object",
}

_INSTRUCTIONS: dict[bytes, Callable[[Reader], None]] = {
    pickle.PROTO: Reader.proto,
    pickle.FRAME: lambda reader: reader.require(reader.integer(8)),
    pickle.NONE: lambda reader: reader.push(None),
    pickle.NEWFALSE: lambda reader: reader.push(False),
    pickle.NEWTRUE: lambda reader: reader.push(True),
    pickle.BININT: lambda reader: reader.push(reader.integer(4, signed=True)),
    pickle.BININT1: lambda reader: reader.push(reader.integer(1)),
    pickle.BININT2: lambda reader: reader.push(reader.integer(2)),
    pickle.LONG1: lambda reader: reader.push(reader.integer(reader.integer(1), signed=True)),
    pickle.BINFLOAT: lambda reader: reader.push(struct.unpack(">d", reader.take(8))[0]),
    pickle.SHORT_BINSTRING: lambda reader: reader.push(reader.text(reader.integer(1), "latin-1")),
    pickle.BINSTRING: lambda reader: reader.push(reader.text(reader.integer(4), "latin-1")),
    pickle.SHORT_BINBYTES: lambda reader: reader.push(reader.text(reader.integer(1), "latin-1")),
    pickle.BINBYTES: lambda reader: reader.push(reader.text(reader.integer(4), "latin-1")),
    pickle.BINBYTES8: lambda reader: reader.push(reader.text(reader.integer(8), "latin-1")),
    pickle.SHORT_BINUNICODE: lambda reader: reader.push(reader.text(reader.integer(1), "utf-8")),
    pickle.BINUNICODE: lambda reader: reader.push(reader.text(reader.integer(4), "utf-8")),
    pickle.BINUNICODE8: lambda reader: reader.push(reader.text(reader.integer(8), "utf-8")),
    pickle.MARK: Reader.mark,
    pickle.EMPTY_TUPLE: lambda reader: reader.push(()),
    pickle.TUPLE1: lambda reader: reader.push_tuple(1),
    pickle.TUPLE2: lambda reader: reader.push_tuple(2),
    pickle.TUPLE3: lambda reader: reader.push_tuple(3),
    pickle.TUPLE: lambda reader: reader.push(tuple(reader.pop_mark())),
    pickle.EMPTY_LIST: lambda reader: reader.push([]),
    pickle.APPEND: lambda reader: reader.append([reader.stack.pop()]),
    pickle.APPENDS: lambda reader: reader.append(reader.pop_mark()),
    pickle.EMPTY_DICT: lambda reader: reader.push({}),
    pickle.SETITEM: Reader.set_item,
    pickle.SETITEMS: lambda reader: reader.set_items(reader.pop_mark()),
    pickle.BINPUT: lambda reader: reader.put(reader.integer(1)),
    pickle.LONG_BINPUT: lambda reader: reader.put(reader.integer(4)),
    pickle.MEMOIZE: lambda reader: reader.put(len(reader.memo)),
    pickle.BINGET: lambda reader: reader.push(reader.memo[reader.integer(1)]),
    pickle.LONG_BINGET: lambda reader: reader.push(reader.memo[reader.integer(4)]),
    pickle.GLOBAL: lambda reader: reader.look_up(reader.line(), reader.line()),
    pickle.STACK_GLOBAL: Reader.stack_global,
    pickle.REDUCE: Reader.reduce,
    pickle.BUILD: lambda reader: reader.build(),
    pickle.BINPERSID: lambda reader: reader.persistent(),
}

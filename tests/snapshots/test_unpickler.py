"""A pickle is read as data: plain values and arrays come back, and nothing in it is ever run."""

import copyreg
import io
import os
import pickle
import random
import struct
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqn.snapshots import unpickler
from dqn.snapshots.snapshot import Unusable

RECONSTRUCT = np.empty(0).__reduce__()[0]
EMPTY_ARRAY = (RECONSTRUCT, (np.ndarray, (0,), b"b"))
FLOAT32 = np.dtype("float32")


class Call:
    """Is pickled as a call of `function`, as any object may ask to be."""

    def __init__(self, function: Any, arguments: tuple, *state: Any) -> None:
        self.reduced = (function, arguments, *state)

    def __reduce__(self) -> tuple:
        return self.reduced


def loads(data: bytes) -> Any:
    return unpickler.load(io.BytesIO(data))


def refusal(data: bytes) -> str:
    with pytest.raises(Unusable) as caught:
        loads(data)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 300
    return text


def program(*instructions: bytes) -> bytes:
    return pickle.PROTO + b"\x02" + b"".join(instructions) + pickle.STOP


def text(value: str) -> bytes:
    encoded = value.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(encoded)) + encoded


def array_program(shape: Any, dtype: Any = FLOAT32, contents: Any = b"abcd", fortran: Any = False):
    return pickle.dumps(Call(*EMPTY_ARRAY, (1, shape, dtype, fortran, contents)), protocol=2)


def array_program_of(shape: bytes, contents: bytes) -> bytes:
    """A float32 array whose shape and contents are what two pieces of a program make."""
    array = pickle.dumps(Call(*EMPTY_ARRAY), protocol=2)[2:-1]
    dtype = pickle.dumps(FLOAT32, protocol=2)[2:-1]
    state = [pickle.MARK, pickle.BININT1 + b"\1", shape, dtype, pickle.NEWFALSE, contents]
    return program(array, *state, pickle.TUPLE, pickle.BUILD)


def shape_of(*lengths: int) -> bytes:
    return pickle.dumps(lengths, protocol=2)[2:-1]


# What comes back


plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**1000), 2**1000)
    | st.floats(allow_nan=False)
    | st.text(max_size=50),
    lambda values: (
        st.lists(values, max_size=4)
        | st.lists(values, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=9), values, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(plain_values, st.sampled_from([2, 3, 4]))
def test_plain_values_come_back_as_they_were(value, protocol):
    assert loads(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("shape", [(), (3,), (7, 5), (300, 40), (140, 1000)])
def test_arrays_come_back_in_c_order_and_native_byte_order(shape, protocol):
    values = np.random.default_rng(1).integers(0, 255, shape)
    for code in ("<f2", ">f4", "<f4", ">f8", "<f8", "|u1", "|i1", ">u2", "<i4", ">i8", "|b1"):
        for order in "CF":
            array = values.astype(code).copy(order)
            read = loads(pickle.dumps({"a": array}, protocol))["a"]
            np.testing.assert_array_equal(read, array)
            assert read.dtype == array.dtype.newbyteorder("=")
            assert read.flags.c_contiguous
            assert read.flags.writeable


def test_an_array_of_python_2_is_read_from_its_byte_string():
    array = np.arange(600, dtype=np.float32)
    contents = pickle.BINSTRING + struct.pack("<i", array.nbytes) + array.tobytes()
    np.testing.assert_array_equal(loads(array_program_of(shape_of(600), contents)), array)


def test_byte_strings_of_python_2_become_text():
    data = program(pickle.SHORT_BINSTRING + b"\x02\xe9\xff")
    assert loads(data) == "éÿ" == pickle.loads(data, encoding="latin1")


@pytest.mark.parametrize("number", [np.float32(1.5), np.int64(-3), np.bool_(True), np.uint8(200)])
def test_numbers_of_numpy_become_plain_numbers(number):
    read = loads(pickle.dumps(number, protocol=2))
    assert read == number
    assert type(read) in (bool, int, float)


def test_an_array_that_stands_in_two_places_becomes_two_arrays():
    array = np.zeros(500)
    padding = "x" * 1000  # the arrays together must not be larger than the file
    pair = loads(pickle.dumps([array, array, [padding + str(i) for i in range(9)]], protocol=2))
    pair[0][:] = 1
    assert not pair[1].any()


# Code


def attacks(folder: str) -> dict[str, bytes]:
    """Programs that make `folder` when Python's own pickle runs them."""
    name = text(folder)
    mkdir = pickle.GLOBAL + b"os\nmkdir\n"
    mkdir_in_protocol_4 = text("os") + text("mkdir") + pickle.STACK_GLOBAL
    partial = pickle.GLOBAL + b"functools\npartial\n"
    tupled = name + pickle.TUPLE1
    return {
        "GLOBAL and REDUCE": program(mkdir, tupled, pickle.REDUCE),
        "STACK_GLOBAL": program(mkdir_in_protocol_4, tupled, pickle.REDUCE),
        "INST": program(pickle.MARK, name, pickle.INST + b"os\nmkdir\n"),
        "OBJ": program(pickle.MARK, mkdir, name, pickle.OBJ),
        "NEWOBJ": program(partial, mkdir, pickle.TUPLE1, pickle.NEWOBJ, tupled, pickle.REDUCE),
        "EXT1": program(pickle.EXT1 + b"\x70", tupled, pickle.REDUCE),
        "hidden in a value": pickle.dumps({"model": [1, Call(os.mkdir, (folder,))]}, 2),
        "popped again": program(mkdir, tupled, pickle.REDUCE, pickle.POP, pickle.NONE),
    }


@pytest.mark.parametrize("name", list(attacks("")))
def test_code_is_refused_by_name_and_not_run(name, tmp_path):
    victim = tmp_path / "victim"
    attack = attacks(str(victim))[name]
    copyreg.add_extension("os", "mkdir", 0x70)
    try:
        assert "would run code" in refusal(attack)
        assert not victim.exists()
        pickle.loads(attack)  # the attack is real
        assert victim.exists()
    finally:
        copyreg.remove_extension("os", "mkdir", 0x70)
        copyreg.clear_extension_cache()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("numpy", "load"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy", "ndarray.tofile"),
        ("_codecs", "lookup"),
        ("os\x1b[2J", "system"),
        ("o" * 900, "system"),
        ("", ""),
    ],
)
def test_the_name_that_a_file_asks_for_is_shown(module, name):
    line = f"{module}\n{name}\n".encode()
    for data in (
        program(pickle.GLOBAL + line),
        program(text(module), text(name), pickle.STACK_GLOBAL),
    ):
        reason = refusal(data)
        assert "would run code" in reason
        assert ascii(module[:60])[1:-1] in reason
        assert name in reason


@pytest.mark.parametrize("opcode", ["EXT2", "EXT4", "PERSID", "BINPERSID", "NEWOBJ_EX"])
def test_every_other_instruction_that_runs_code_is_refused(opcode):
    data = program(getattr(pickle, opcode) + b"\x01\x00\x00\x00\n")
    assert "would run code" in refusal(data)


def test_the_functions_of_numpy_are_called_only_as_numpy_does():
    def call(*arguments):
        return pickle.dumps(Call(RECONSTRUCT, arguments), protocol=2)

    dtype = program(pickle.GLOBAL + b"numpy\ndtype\n")
    assert "numbers" in refusal(dtype[:-1] + text("os") + b"\x85R.")
    for arguments in (
        (np.ndarray, (10**10,), b"b"),
        (np.ndarray, (0,), b"O"),
        (np.dtype, (0,), b"b"),
    ):
        assert "in a way that NumPy does not" in refusal(call(*arguments))
    assert "would run code" in refusal(call(np.recarray, (0,), b"b"))
    direct = pickle.dumps(Call(np.ndarray, (10,)), protocol=2)
    assert "in a way that NumPy does not" in refusal(direct)
    assert "function" in refusal(program(pickle.NONE, pickle.EMPTY_TUPLE, pickle.REDUCE))
    assert "function" in refusal(dtype[:-1] + pickle.EMPTY_LIST + pickle.REDUCE + pickle.STOP)
    encode = pickle.GLOBAL + b"_codecs\nencode\n"
    for codec in ("bz2_codec", "hex", "utf-7", "no such codec"):
        bomb = program(encode, text("x"), text(codec), pickle.TUPLE2, pickle.REDUCE)
        assert "bytes" in refusal(bomb)


def test_nothing_can_be_built_on_the_stand_ins():
    for state in ({"__class__": "x"}, (None, {"dtype": 1}), {}, None, (3, "<"), [1, 2, 3, 4, 5]):
        assert "array" in refusal(pickle.dumps(Call(*EMPTY_ARRAY, state), protocol=2))
        reason = refusal(pickle.dumps(Call(np.dtype, ("f4", False, True), state), protocol=2))
        assert "array" in reason
    part = (3, "<", (FLOAT32, (1000, 1000)), None, None, -1, -1, 0)
    assert "plain number" in refusal(pickle.dumps(Call(np.dtype, ("f4", False, True), part), 2))
    for target in (pickle.EMPTY_DICT, pickle.EMPTY_LIST, pickle.GLOBAL + b"numpy\nndarray\n"):
        assert "would run code" in refusal(program(target, pickle.EMPTY_DICT, pickle.BUILD))


# Size


GIANTS = {
    "a text": (program(pickle.BINUNICODE + b"\xff\xff\xff\xff"), "truncated"),
    "a text of 8": (program(pickle.BINUNICODE8 + b"\xff" * 8), "truncated"),
    "a byte string": (program(pickle.BINSTRING + b"\xff\xff\xff\x7f"), "truncated"),
    "a byte string of size -1": (program(pickle.BINSTRING + b"\xff\xff\xff\xff"), "truncated"),
    "bytes": (program(pickle.BINBYTES + b"\xff\xff\xff\xff"), "truncated"),
    "bytes of 8": (program(pickle.BINBYTES8 + b"\xff" * 7 + b"\x7f"), "truncated"),
    "a byte array": (program(pickle.BYTEARRAY8 + b"\xff" * 7 + b"\x7f"), "unknown pickle"),
    "an integer": (program(pickle.LONG4 + b"\xff\xff\xff\x7f"), "unknown pickle"),
    "an integer in digits": (program(pickle.INT + b"9" * 1_000_000 + b"\n"), "unknown pickle"),
    "a frame": (program(pickle.FRAME + b"\xff" * 8), "truncated"),
    "a missing memo entry": (program(pickle.LONG_BINGET + b"\xff\xff\xff\xff"), "damaged"),
    "a shape": (array_program((10**10,)), "more numbers than it has"),
    "a shape of two": (array_program((2**40, 2**40)), "more numbers than it has"),
    "a shape of zero": (array_program_of(shape_of(0, 2**70), text("")), "damaged"),
    "a shape of huge integers": (array_program((2**2000,) * 8), "more numbers than it has"),
    "a shape of many numbers": (array_program((2**2000 - 1,) * 15_000), "impossible shape"),
    "a negative shape": (array_program((-1,)), "impossible shape"),
    "a shape of fractions": (array_program((1.0,)), "impossible shape"),
    "too few contents": (array_program((3,), contents=b"x" * 11), "not whole"),
    "too many contents": (array_program((3,), contents=b"x" * 13), "not whole"),
    "far too many contents": (array_program((600,), contents=b"x" * 20_000_000), "not whole"),
    "a type of large items": (pickle.dumps(np.dtype("V2000000000"), protocol=2), "not of numbers"),
    "a type with a shape": (pickle.dumps(np.dtype(("f4", (9, 10**6))), protocol=2), "numbers"),
}


@pytest.mark.parametrize("name", list(GIANTS))
def test_what_claims_to_be_huge_takes_neither_memory_nor_time(name):
    data, reason = GIANTS[name]
    tracemalloc.start()
    start = time.process_time()
    try:
        assert reason in refusal(data)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
        assert time.process_time() - start < 2
    finally:
        tracemalloc.stop()


def test_a_memo_entry_of_a_huge_number_takes_no_memory():
    data = program(pickle.NONE, pickle.LONG_BINPUT + b"\xff\xff\xff\xff")
    tracemalloc.start()
    try:
        assert loads(data) is None
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


class Shrinking(io.BytesIO):
    """A file that seems to be larger than what is left of it when it is read."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return super().seek(offset, whence) + (1000 if whence == os.SEEK_END else 0)


@pytest.mark.parametrize(
    "last",
    [
        pickle.BINFLOAT + b"\1",
        pickle.BININT + b"\1",
        pickle.GLOBAL + b"os",
        array_program_of(pickle.BININT2 + b"\x90\1" + pickle.TUPLE1, b"T\x40\6\0\0" + b"x")[2:-1],
    ],
)
def test_a_file_that_shrinks_while_it_is_read_is_refused(last):
    with pytest.raises(Unusable):
        unpickler.load(Shrinking(program(last)[:-1]))


def test_one_array_named_many_times_is_not_copied_many_times():
    array = np.zeros(1_000_000, np.uint8)
    data = pickle.dumps([array] * 5_000, protocol=2)
    tracemalloc.start()
    try:
        assert "more numbers than it has" in refusal(data)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("protocol", [2, 3])
def test_a_large_array_takes_no_more_than_twice_its_memory(order, protocol):
    array = np.full((2_000, 4_000), 200, np.uint8, order)
    data = pickle.dumps(array, protocol)
    tracemalloc.start()
    try:
        assert loads(data).sum() == array.sum(dtype=int)
        assert tracemalloc.get_traced_memory()[1] < 2.2 * array.nbytes
    finally:
        tracemalloc.stop()


NESTED = {
    "tuples": program(pickle.EMPTY_TUPLE, pickle.TUPLE1 * 15_000),
    "lists": program(pickle.EMPTY_LIST * 6_000, pickle.APPEND * 5_999),
    "lists after marks": program((pickle.EMPTY_LIST + pickle.MARK) * 5_000, pickle.APPENDS * 5_000),
    "dictionaries": program((pickle.EMPTY_DICT + text("")) * 4_000, pickle.EMPTY_DICT)[:-1]
    + pickle.SETITEM * 4_000
    + pickle.STOP,
    "a list in itself": program(
        pickle.EMPTY_LIST + pickle.BINPUT + b"\0" + pickle.BINGET + b"\0" + pickle.APPEND
    ),
    "a dictionary in itself": program(
        pickle.EMPTY_DICT + pickle.BINPUT + b"\0" + text("x"),
        pickle.BINGET + b"\0" + pickle.SETITEM,
    ),
    "just one level too many": pickle.dumps(eval("[" * 34 + "]" * 34), protocol=2),
}


@pytest.mark.parametrize("name", list(NESTED))
def test_what_is_nested_too_deep_is_refused(name):
    assert "too deep" in refusal(NESTED[name])


def test_what_is_nested_less_deep_is_read():
    value = eval("[" * 33 + "]" * 33)
    assert loads(pickle.dumps(value, protocol=2)) == value


def doubled(times: int) -> bytes:
    """A tuple of two tuples, both the same one, and so on: 2**times values in few bytes."""
    again = pickle.BINPUT + b"\0" + pickle.BINGET + b"\0" + pickle.TUPLE2
    return pickle.EMPTY_TUPLE + again * times


@pytest.mark.parametrize(
    "data",
    {
        "as a value": program(doubled(31)),
        "as a key": program(pickle.EMPTY_DICT, doubled(60), pickle.NONE, pickle.SETITEM),
        "as a shape": array_program_of(doubled(60), text("")),
        "as a function's name": program(text("os"), doubled(60), pickle.STACK_GLOBAL),
        "as a type": program(
            pickle.GLOBAL + b"numpy\ndtype\n", doubled(60), pickle.TUPLE1, pickle.REDUCE
        ),
        "as arguments": program(pickle.GLOBAL + b"numpy\ndtype\n", doubled(60), pickle.REDUCE),
    }.values(),
)
def test_tuples_that_share_tuples_take_no_time(data):
    start = time.process_time()
    refusal(data)
    assert time.process_time() - start < 2


def test_a_dictionary_has_only_text_as_keys():
    for key in (1, 2.5, None, (1, 2)):
        assert "dictionary" in refusal(pickle.dumps({key: 1}, protocol=2))
    for instruction in (pickle.EMPTY_LIST, pickle.GLOBAL + b"numpy\ndtype\n"):
        data = program(pickle.EMPTY_DICT, instruction, pickle.NONE, pickle.SETITEM)
        assert "dictionary" in refusal(data)


@pytest.mark.parametrize(
    "endless",
    [pickle.NONE, pickle.MARK, pickle.EMPTY_LIST, pickle.FRAME + bytes(8), text("x" * 1000)],
)
def test_millions_of_instructions_end_soon(endless):
    data = program(endless * (30_000_000 // len(endless)))
    tracemalloc.start()
    start = time.process_time()
    try:
        assert "too large" in refusal(data)
        assert time.process_time() - start < 2
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


# What is no pickle of numbers


@pytest.mark.parametrize(
    "array",
    [
        np.array([1, None]),
        np.array(["text"]),
        np.array([b"bytes"]),
        np.array([1 + 2j]),
        np.array([1], "M8[s]"),
        np.zeros(2, [("a", "f4")]),
        np.array([1], np.longdouble),
    ],
)
def test_arrays_of_other_things_than_numbers_are_refused(array):
    assert "number" in refusal(pickle.dumps(array, protocol=2))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a pickle"),
        (b"PK\x03\x04 zip", "not a pickle"),
        (b"\x1f\x8b gzip", "not a pickle"),
        (b"<!DOCTYPE html>", "not a pickle"),
        (b"(lp0\nI1\na.", "not a pickle"),
        (b"\x80\x05N.", "protocol 5"),
        (b"\x80", "truncated"),
        (b"\x80\x02", "truncated"),
        (b"\x80\x02.", "damaged"),
        (b"\x80\x02N", "truncated"),
        (b"\x80\x02cos", "truncated"),
        (b"\x80\x02cos\nsystem", "truncated"),
        (b"\x80\x02G\0\0.", "truncated"),
        (b"\x80\x02X\x01\0\0\0\xff.", "damaged"),
        (b"\x80\x02N\xfe.", "unknown"),
        (b"\x80\x02u.", "damaged"),
        (b"\x80\x02}(Nu.", "damaged"),
        (b"\x80\x02}(X\0\0\0\0u.", "damaged"),
        (b"\x80\x02NNa.", "damaged"),
        (b"\x80\x02\x86.", "damaged"),
        (b"\x80\x02q\0.", "damaged"),
        (program(pickle.GLOBAL + b"numpy\ndtype\n"), "neither"),
        (pickle.dumps(np.dtype("f4"), protocol=2), "neither"),
        (pickle.dumps(Call(*EMPTY_ARRAY), protocol=2), "neither"),
        (pickle.dumps("x" * 2000, protocol=2), "neither"),
        (array_program((1,), contents="\u20ac" * 4), "damaged"),
        (array_program((900,), contents="\u20ac" * 3600), "damaged"),
    ],
)
def test_what_is_no_pickle_or_a_damaged_one_is_told_apart(data, reason):
    assert reason in refusal(data)


PIECES = [
    *(pickle.NONE, pickle.NEWTRUE, pickle.MARK, pickle.EMPTY_TUPLE, pickle.EMPTY_LIST),
    *(pickle.EMPTY_DICT, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.APPEND),
    *(pickle.APPENDS, pickle.SETITEM, pickle.SETITEMS, pickle.MEMOIZE, pickle.BINPUT + b"\1"),
    *(pickle.BINGET + b"\1", pickle.BINGET + b"\0", pickle.BININT1 + b"\7", text("a"), text("b")),
    *(pickle.BININT + b"\xff\xff\xff\xff", pickle.LONG1 + b"\2\0\x80", pickle.BINFLOAT + b"@" * 8),
]
PIECES_WITH_ARRAYS = [
    *PIECES,
    *(pickle.GLOBAL + b"numpy\ndtype\n", pickle.GLOBAL + b"numpy\nndarray\n"),
    *(pickle.GLOBAL + b"numpy.core.multiarray\n_reconstruct\n", text("f4"), text("<")),
    *(pickle.GLOBAL + b"_codecs\nencode\n", text("latin1"), pickle.REDUCE, pickle.BUILD),
    *(pickle.STACK_GLOBAL, pickle.dumps(np.zeros(3), 2)[2:-1], pickle.dumps(np.half(1), 2)[2:-1]),
]


def check_random_programs(count: int, pieces: list[bytes], seed: int) -> int:
    """Run random programs and return how many of them had a value."""
    chance = random.Random(seed)
    with_value = 0
    for _ in range(count):
        data = program(*chance.choices(pieces, k=chance.randint(1, 25)))
        try:
            value = loads(data)
        except Unusable:
            continue
        with_value += 1
        if pieces is PIECES:
            assert value == pickle.loads(data)
    return with_value


@pytest.mark.parametrize("pieces", [PIECES, PIECES_WITH_ARRAYS])
def test_random_programs_give_what_python_gives_or_are_refused(pieces):
    assert check_random_programs(5_000, pieces, seed=1) > 100


@pytest.mark.slow
@pytest.mark.parametrize("pieces", [PIECES, PIECES_WITH_ARRAYS])
def test_many_random_programs_give_what_python_gives_or_are_refused(pieces):
    assert check_random_programs(500_000, pieces, seed=2) > 10_000

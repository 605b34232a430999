"""Observations are kept alike in memory and in a file, and only where there is room for them."""

import errno
import mmap
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dqn.errors import UserError
from dqn.replay import storage
from dqn.replay.storage import OTHER_BYTES, OTHER_MEMORY, Observations, ObservationsInFile

TINY = {"shape": (3, 2)}


@pytest.fixture
def kinds(tmp_path):
    """Makes the same storage in memory and in a file."""

    def make(size, **shape):
        return Observations(size, **shape), ObservationsInFile(
            size, **shape, file=tmp_path / "replay"
        )

    return make


def random_observations(count, height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width), np.uint8)


def windows_of(firsts, width):
    return np.array(firsts)[:, np.newaxis] + np.arange(width)


@pytest.mark.parametrize("shape", [(3, 2), (84, 84), (64, 64), (1, 5000)])
def test_in_memory_and_in_a_file_what_is_written_is_read_and_gathered(kinds, shape):
    height, width = shape
    expected = random_observations(40, height, width)
    windows = windows_of([0, 35, 7, 7, 12], 5)
    for observations in kinds(40, shape=(height, width)):
        assert (observations.size, observations.shape) == (40, shape)
        for index in range(20):
            observations.write(index, expected[index])
        observations.write(np.arange(39, 19, -1), expected[:19:-1])  # in any order
        indexes = np.array([39, 0, 7, 7])
        np.testing.assert_array_equal(observations.read(indexes), expected[indexes])
        np.testing.assert_array_equal(observations.gather(windows), expected[windows])


@settings(max_examples=30, deadline=None)
@given(
    writes=st.lists(
        st.tuples(st.integers(0, 8), arrays.arrays(np.uint8, (3, 2))), min_size=1, max_size=30
    ),
    firsts=st.lists(st.integers(0, 6), min_size=1, max_size=9),
    width=st.integers(1, 3),
)
def test_the_last_write_counts(tmp_path_factory, writes, firsts, width):
    expected = np.zeros((9, 3, 2), np.uint8)
    file = tmp_path_factory.mktemp("storage") / "replay"
    for observations in (Observations(9, **TINY), ObservationsInFile(9, **TINY, file=file)):
        observations.write(np.arange(9), np.zeros((9, 3, 2), np.uint8))
        for index, observation in writes:
            expected[index] = observation
            observations.write(index, observation)
        windows = windows_of(firsts, width)
        np.testing.assert_array_equal(observations.read(np.arange(9)), expected)
        np.testing.assert_array_equal(observations.gather(windows), expected[windows])


def test_what_was_read_is_a_copy_and_what_was_gathered_is_overwritten_by_the_next_call(kinds):
    for observations in kinds(9, **TINY):
        written = random_observations(9, 3, 2)
        observations.write(np.arange(9), written)
        read = observations.read(np.arange(2))
        gathered = observations.gather(windows_of([0, 1], 2))
        observations.write(0, written[8])
        np.testing.assert_array_equal(read, written[:2])
        np.testing.assert_array_equal(gathered[0], written[:2])
        assert observations.gather(windows_of([3, 4], 2)) is gathered
        np.testing.assert_array_equal(gathered, written[windows_of([3, 4], 2)])
        assert observations.gather(windows_of([3], 2)).shape == (1, 2, 3, 2)


# In memory


def test_a_memory_that_does_not_fit_is_refused_with_the_size_that_would(monkeypatch):
    room = OTHER_MEMORY + 1000 * (3 * 2 + OTHER_BYTES)
    monkeypatch.setattr(storage, "available_memory", lambda: room)
    Observations(1000, **TINY)
    with pytest.raises(UserError, match="--replay_size 1000 would fit"):
        Observations(1001, **TINY)


def test_where_hardly_any_would_fit_other_advice_is_given(monkeypatch):
    monkeypatch.setattr(storage, "available_memory", lambda: OTHER_MEMORY + 999 * 13)
    with pytest.raises(UserError, match="lower --batch_size") as caught:
        Observations(2000, **TINY)
    assert "would fit" not in str(caught.value)


def test_what_the_rest_of_the_process_takes_counts(monkeypatch):
    monkeypatch.setattr(storage, "available_memory", lambda: 2**30)
    Observations(10, **TINY, other_memory=2**30 - 130)
    with pytest.raises(UserError, match=r"rest of the program 1\.0 GiB"):
        Observations(10, **TINY, other_memory=2**30 - 129)


def test_no_screens_need_no_memory(monkeypatch):
    monkeypatch.setattr(storage, "available_memory", lambda: 0)
    assert Observations(0, **TINY).size == 0


# In a file


def test_the_file_leaves_no_name_behind(tmp_path):
    ObservationsInFile(60, **TINY, file=tmp_path / "replay")
    assert not list(tmp_path.iterdir())


def test_a_file_is_new_and_its_room_is_taken_at_once(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "mine").write_text("precious")
    with pytest.raises(UserError, match="name a new file"):
        ObservationsInFile(9, **TINY, file=tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "precious"
    monkeypatch.setattr("os.posix_fallocate", full, raising=False)
    with pytest.raises(UserError, match="No space left"):
        ObservationsInFile(9, **TINY, file=tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["no/such/folder", "folder"])
def test_a_file_that_cannot_be_made_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError) as caught:
        ObservationsInFile(9, **TINY, file=tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_with_a_file_only_the_rest_must_fit_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "available_memory", lambda: OTHER_MEMORY + 2000 * OTHER_BYTES)
    size = {"shape": (84, 84)}
    ObservationsInFile(2000, **size, file=tmp_path / "replay")
    with pytest.raises(UserError, match="are free"):
        ObservationsInFile(2001, **size, file=tmp_path / "replay")
    with pytest.raises(UserError, match="are free"):
        Observations(2000, **size)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(3, 2), (84, 84), (64, 64), (1, 5000)])
def test_the_pages_of_each_window_are_asked_for_before_they_are_read(tmp_path, shape):
    class Spy:
        def madvise(self, advice, start, length):
            asked.append((start, start + length))
            mapping.madvise(advice, start, length)  # which refuses what is not there

    asked = []
    observations = ObservationsInFile(40, shape=(shape[0], shape[1]), file=tmp_path / "replay")
    mapping, observations._file = observations._file, Spy()
    observations.gather(windows_of([0, 35, 7], 5))
    observation_bytes = shape[0] * shape[1]
    assert len(asked) == 3
    for first, (start, stop) in zip((0, 35, 7), asked, strict=True):
        assert start % mmap.PAGESIZE == 0
        assert 0 <= first * observation_bytes - start < mmap.PAGESIZE
        assert stop == (first + 5) * observation_bytes


@given(st.lists(st.lists(st.integers(0, 39), min_size=8, max_size=8), min_size=1, max_size=9))
def test_a_file_is_asked_for_just_the_screens_that_are_gathered_wherever_they_lie(windows):
    observations = object.__new__(ObservationsInFile)
    observations.size, observations._observations = 40, np.empty((40, 64, 64), np.uint8)
    page = 64 * 64  # bytes of one of these screens, and of a page on most machines
    asked = []
    observations._file = SimpleNamespace(madvise=lambda _, *bytes_: asked.append(bytes_))
    windows = np.sort(np.array(windows), axis=1)  # some in a row, as those of a state
    observations._read_ahead(windows)
    screens = [i for start, n in asked for i in range(start // page, -(-(start + n) // page))]
    if page % mmap.PAGESIZE == 0:
        assert set(screens) == set(windows.ravel().tolist())
    assert len(asked) == 1 + (np.diff(windows.ravel()) != 1).sum()


def test_states_in_a_row_are_asked_for_at_once():
    observations = object.__new__(ObservationsInFile)
    observations.size, observations._observations = 40, np.empty((40, 64, 64), np.uint8)
    asked = []
    observations._file = SimpleNamespace(madvise=lambda *bytes_: asked.append(bytes_))
    observations._read_ahead(windows_of([3, 20, 35], 5))
    assert len(asked) == 3

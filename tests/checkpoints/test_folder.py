"""Checkpoints on disk: whole or not there, of one process at a time, and harmless to read."""

import errno
import io
import multiprocessing
import os
import pickle
import shutil
import socket
import time
import zipfile

import numpy as np
import pytest

from dqn.checkpoints import folder as checkpoint
from dqn.checkpoints.folder import CheckpointFolder, size_on_disk
from dqn.errors import UserError


def names(path):
    return sorted(p.name for p in path.iterdir())


@pytest.fixture
def folder(tmp_path):
    folder = CheckpointFolder(tmp_path / "run.checkpoint")
    yield folder
    folder.close()


# What is saved comes back


def test_values_and_arrays_come_back_as_they_were(folder):
    state = {
        "integers": [1, 2**127, -5],
        "floats": [0.1, float("inf"), 1e-300],
        "text": 'ε – "quoted"',
        "nothing": None,
        "truth": True,
        "nested": {"arrays": [np.arange(6, dtype=np.uint8).reshape(2, 3), np.array(2.5)]},
    }
    folder.save(state)
    loaded = folder.load()
    arrays, expected = loaded["nested"].pop("arrays"), state["nested"].pop("arrays")
    assert loaded == state
    for array, other in zip(arrays, expected, strict=True):
        assert array.dtype == other.dtype
        np.testing.assert_array_equal(array, other)


def test_without_a_checkpoint_there_is_nothing_to_load(folder):
    assert folder.load() is None


def test_the_newest_of_two_generations_is_loaded(folder):
    for number in range(1, 6):
        folder.save({"number": number})
        assert folder.load() == {"number": number}
    assert names(folder.path) == ["generation-000004", "generation-000005", "lock"]


def test_the_size_of_a_checkpoint_is_known_before_it_is_saved(folder):
    state = {"array": np.arange(50_000), "values": list(range(3000))}
    folder.save(state)
    saved = folder.size_of("generation-*/*")
    assert size_on_disk(state) == pytest.approx(saved, rel=0.01)


def test_a_run_that_ends_before_its_first_checkpoint_leaves_no_folder(tmp_path):
    folder = CheckpointFolder(tmp_path / "run.checkpoint")
    folder.close()
    assert not list(tmp_path.iterdir())


# What was left half done, or damaged


@pytest.fixture
def two_generations(folder):
    for number in (1, 2):
        folder.save({"number": number, "array": np.full(3, number)})
    return folder


def damage_state(generation):
    (generation / "state.json").write_bytes(b"{")


def damage_arrays(generation):
    os.truncate(generation / "arrays.npz", 20)


def flip_a_bit(generation):
    data = bytearray((generation / "arrays.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (generation / "arrays.npz").write_bytes(data)


def lose_a_file(generation):
    (generation / "arrays.npz").unlink()


def exchange_a_file(generation):
    """Of another generation: each of the two files is whole, but they are not of one state."""
    shutil.copy(generation.with_name("generation-000001") / "arrays.npz", generation)


DAMAGES = [damage_state, damage_arrays, flip_a_bit, lose_a_file, exchange_a_file]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_generation_is_kept_aside_and_the_one_before_it_loaded(
    two_generations, damage, caplog
):
    damage(two_generations.path / "generation-000002")
    assert two_generations.load()["number"] == 1
    assert "generation-000002 cannot be used" in caplog.text
    assert names(two_generations.path) == [
        *("damaged-generation-000002.1", "generation-000001", "lock")
    ]
    two_generations.save({"number": 3})
    assert two_generations.load() == {"number": 3}
    assert "damaged-generation-000002.1" in names(two_generations.path)


@pytest.mark.parametrize("damage", DAMAGES[:-1])
def test_where_all_are_damaged_nothing_is_moved_and_restart_is_advised(two_generations, damage):
    for name in ("generation-000001", "generation-000002"):
        damage(two_generations.path / name)
    before = names(two_generations.path)
    with pytest.raises(UserError, match=r"cannot be used: .* --restart begins anew"):
        two_generations.load()
    assert names(two_generations.path) == before


def test_a_generation_that_was_not_finished_is_deleted_by_the_next_process(tmp_path):
    part = tmp_path / "generation-000003.part"
    part.mkdir()
    (part / "arrays.npz").write_bytes(b"half")
    folder = CheckpointFolder(tmp_path)
    assert names(tmp_path) == ["lock"]
    folder.close()


def test_what_somebody_put_into_a_generation_is_kept(two_generations):
    (two_generations.path / "generation-000001" / "notes.txt").write_text("precious")
    two_generations.save({"number": 3})
    [notes] = two_generations.path.rglob("notes.txt")
    assert notes.read_text() == "precious"
    assert names(two_generations.path)[-3:] == ["generation-000002", "generation-000003", "lock"]


def test_a_state_that_cannot_be_written_leaves_the_ones_before(two_generations, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = names(two_generations.path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            two_generations.save({"number": 3})
    assert names(two_generations.path) == before
    assert two_generations.load()["number"] == 2


def test_an_older_run_is_moved_aside_whole_and_the_lock_stays(two_generations):
    path = two_generations.path
    two_generations.move_aside()
    assert names(path) == ["lock"]
    assert names(path.with_name("run.checkpoint.1"))[:2] == [
        "generation-000001",
        "generation-000002",
    ]
    with pytest.raises(UserError, match="in use"):
        CheckpointFolder(path)


def test_there_is_nothing_to_move_aside_without_a_checkpoint(folder):
    folder.move_aside()
    assert names(folder.path.parent) == ["run.checkpoint"]


# One process at a time


def take_and_leave(path, times, results):
    """Count how often the folder could be had, and how often another process had it, too."""
    had = shared = 0
    marker = path.with_name("marker")
    for _ in range(times):
        try:
            folder = CheckpointFolder(path)
        except UserError:
            continue
        had += 1
        try:
            marker.mkdir()
        except FileExistsError:
            shared += 1
        else:
            time.sleep(0.0003)
            marker.rmdir()
        folder.close()  # without a checkpoint, this deletes the folder and its lock
    results.put((had, shared))


def test_four_processes_that_take_and_delete_the_same_folder_never_have_it_together(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    arguments = (tmp_path / "run.checkpoint", 2000, results)
    processes = [context.Process(target=take_and_leave, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    counts = [results.get() for process in processes if process.exitcode == 0]
    assert len(counts) == 4
    assert sum(had for had, _ in counts) >= 4
    assert sum(shared for _, shared in counts) == 0


def test_who_has_a_folder_is_named(folder):
    with pytest.raises(UserError) as caught:
        CheckpointFolder(folder.path)
    holder = f"{folder.path} is in use by process {os.getpid()} on {socket.gethostname()}: wait"
    assert str(caught.value).startswith(holder)


def test_a_file_of_somebody_else_that_is_called_lock_is_left_alone(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "lock").write_text("my combination is 1-2-3")
    with pytest.raises(UserError, match="Not a lock"):
        CheckpointFolder(tmp_path / "run")
    assert (tmp_path / "run" / "lock").read_text() == "my combination is 1-2-3"


def test_a_run_whose_folder_moved_away_does_not_delete_the_lock_of_another_run(tmp_path):
    folder = CheckpointFolder(tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "moved")
    other = CheckpointFolder(tmp_path / "run")
    folder.close()
    with pytest.raises(UserError, match="in use"):
        CheckpointFolder(tmp_path / "run")
    other.close()


# A hostile checkpoint


def forge(folder, arrays):
    """A checkpoint with right checksums, whose arrays are the given bytes."""
    generation = folder / "generation-000001"
    generation.mkdir(parents=True)
    content = {"format": checkpoint.FORMAT, "version": 1, "state": {"a": {"array": "array_0"}}}
    content["arrays_sha256"] = checkpoint._digest(arrays)
    content["sha256"] = checkpoint._digest(checkpoint._text(content))
    (generation / "state.json").write_bytes(checkpoint._text(content))
    (generation / "arrays.npz").write_bytes(arrays)


def npz(member, name="array_0.npy", compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        file.writestr(name, member)
    return buffer.getvalue()


def npy(header):
    text = header.encode() + b" " * (-len(header) % 64)
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


def object_array():
    buffer = io.BytesIO()
    np.save(buffer, np.array([Evil()]), allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "arrays",
    [
        npz(object_array()),
        npz(pickle.dumps(Evil())),
        npz(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2000000000000,)}")),
        npz(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}")),
        npz(npy("__import__('os').mkdir('evil')")),
        npz(bytes(10**7), compression=zipfile.ZIP_DEFLATED),
        npz(npy("{'descr': '|u1', 'fortran_order': False, 'shape': ()}"), name="../evil.npy"),
        pickle.dumps(Evil()),
        b"",
    ],
)
def test_a_hostile_checkpoint_runs_no_code_and_ends_in_one_line(tmp_path, monkeypatch, arrays):
    monkeypatch.chdir(tmp_path)
    forge(tmp_path / "run", arrays)
    with pytest.raises(UserError, match="--restart") as caught:
        CheckpointFolder(tmp_path / "run").load()
    assert str(caught.value).isprintable()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]

"""Free memory is the least of what the machine, containers and the shell's limits leave."""

import resource
import sys

import psutil
import pytest
import torch

from dqn.machine.memory_limit import available_memory, is_out_of_memory


def make_group(folder, names, limit, usage, inactive):
    folder.mkdir(parents=True, exist_ok=True)
    limit_name, usage_name, inactive_key = names
    (folder / limit_name).write_text(f"{limit}\n")
    (folder / usage_name).write_text(f"{usage}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{inactive_key} {inactive}\n")


VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
VERSION_2 = ("memory.max", "memory.current", "inactive_file")


def available(tmp_path, line):
    own = tmp_path / "own_cgroup"
    own.write_text(line + "\n")
    return available_memory(own, tmp_path / "root")


def test_without_containers_it_is_what_the_machine_has(tmp_path):
    free = available_memory(tmp_path / "none", tmp_path)
    assert 0.5 < free / psutil.virtual_memory().available < 2


def test_the_tightest_of_the_enclosing_groups_counts(tmp_path):
    root = tmp_path / "root"
    make_group(root / "job" / "step", VERSION_2, "max", 7, 0)
    make_group(root / "job", VERSION_2, 1000, 700, 50)
    make_group(root, VERSION_2, 9000, 100, 0)
    assert available(tmp_path, "0::/job/step") == 350


def test_version_1_groups_count_too(tmp_path):
    make_group(tmp_path / "root" / "memory" / "slurm", VERSION_1, 2000, 600, 100)
    assert available(tmp_path, "7:cpu,memory:/slurm/job_5") == 1500


def test_in_a_container_that_shows_only_its_own_root_that_counts(tmp_path):
    make_group(tmp_path / "root", VERSION_2, 800, 300, 0)
    assert available(tmp_path, "0::/docker/3f2a") == 500


def test_a_group_that_is_over_its_limit_leaves_nothing(tmp_path):
    make_group(tmp_path / "root", VERSION_2, 100, 300, 0)
    assert available(tmp_path, "0::/") == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much of it is taken")
@pytest.mark.parametrize("number", [resource.RLIMIT_AS, resource.RLIMIT_DATA])
def test_a_limit_of_the_process_counts(number, tmp_path):
    before = resource.getrlimit(number)
    limit = psutil.Process().memory_info().vms + 2**28
    resource.setrlimit(number, (limit, before[1]))
    try:
        assert available_memory(tmp_path / "none", tmp_path) <= limit
    finally:
        resource.setrlimit(number, before)


def test_a_lack_of_memory_is_known_by_any_of_its_names():
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**50, dtype=torch.uint8)
    assert is_out_of_memory(error.value)
    assert not is_out_of_memory(RuntimeError("a bug"))

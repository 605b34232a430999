"""How many cores a process is told to have."""

import os

import pytest

from dqn.machine import cores


def test_it_has_those_that_the_scheduler_gives_it():
    assert 1 <= cores.usable_cores() <= os.cpu_count()


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "max 100000"}, float("inf")),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, float("inf")),
        ({}, float("inf")),
    ],
)
def test_a_containers_limit_is_seen(tmp_path, files, limit):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert cores._container_limit(tmp_path) == limit


def test_there_is_always_one(monkeypatch):
    monkeypatch.setattr(cores, "_container_limit", lambda: 0.2)
    assert cores.usable_cores() == 1

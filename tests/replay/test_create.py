"""Which storage a run gets."""

import pytest

from dqn.errors import UserError
from dqn.replay import storage
from dqn.replay.create import create_storage
from dqn.replay.settings import ReplaySettings
from dqn.replay.storage import Observations, ObservationsInFile


def create(size=10, **settings):
    return create_storage(
        ReplaySettings(size, **settings),
        shape=(3, 2),
        network_device="cpu",
        other_memory=0,
    )


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_without_a_gpu_that_learns_screens_are_in_memory(device):
    observations = create(device=device)
    assert type(observations) is Observations
    assert (observations.size, observations.shape) == (10, (3, 2))


def test_a_file_is_used_where_one_is_named(tmp_path):
    assert type(create(file=tmp_path / "replay")) is ObservationsInFile


def test_what_needs_no_screens_makes_no_file_and_asks_for_no_gpu(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "available_memory", lambda: 0)
    assert create(0, file=tmp_path / "replay", device="gpu").size == 0
    assert not list(tmp_path.iterdir())


def test_a_gpu_that_is_asked_for_and_does_not_learn_ends_in_one_line():
    with pytest.raises(UserError, match=r"no GPU that learns .* --replay_device cpu"):
        create(device="gpu")

"""Which storage a run gets."""

import pytest

from dqn.errors import UserError
from dqn.replay import storage
from dqn.replay.create import create_storage
from dqn.replay.storage import Screens, ScreensInFile


def create(size=10, **options):
    options = {"file": None, "where": "auto", "network_device": "cpu", **options}
    return create_storage(size, screen_height=3, screen_width=2, other_memory=0, **options)


@pytest.mark.parametrize("where", ["auto", "cpu"])
def test_without_a_gpu_that_learns_screens_are_in_memory(where):
    screens = create(where=where)
    assert type(screens) is Screens
    assert (screens.size, screens.shape) == (10, (3, 2))


def test_a_file_is_used_where_one_is_named(tmp_path):
    assert type(create(file=tmp_path / "replay")) is ScreensInFile


def test_what_needs_no_screens_makes_no_file_and_asks_for_no_gpu(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "available_memory", lambda: 0)
    assert create(0, file=tmp_path / "replay", where="gpu").size == 0
    assert not list(tmp_path.iterdir())


def test_a_gpu_that_is_asked_for_and_does_not_learn_ends_in_one_line():
    with pytest.raises(UserError, match=r"no GPU that learns .* --replay_device cpu"):
        create(where="gpu")

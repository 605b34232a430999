"""A game is found by file or by name, and what ALE cannot run is refused before it is loaded."""

import hashlib
import logging
from pathlib import Path

import ale_py.roms
import pytest

from dqn.environments.roms import find_rom, game_of_file_name
from dqn.errors import UserError

CARRIED = Path(ale_py.roms.__file__).parent


def test_a_rom_file_is_used_as_it_is_and_known_by_its_contents(tmp_path):
    rom = tmp_path / "my game.bin"
    rom.write_bytes((CARRIED / "pong.bin").read_bytes())
    assert find_rom(str(rom), tmp_path) == (rom, "pong")


def test_a_rom_in_the_roms_folder_is_found_from_any_folder(tmp_path, monkeypatch):
    rom = tmp_path / "roms" / "pong.bin"
    rom.parent.mkdir()
    rom.write_bytes((CARRIED / "pong.bin").read_bytes())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert find_rom("roms/pong.bin", rom.parent) == (rom, "pong")


@pytest.mark.parametrize(
    "game", ["roms/space_invaders.bin", "space_invaders", "Space_Invaders.a26"]
)
def test_without_a_file_the_rom_that_ale_py_carries_is_used_and_the_log_says_so(
    game, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    assert find_rom(game, tmp_path) == (CARRIED / "space_invaders.bin", "space_invaders")
    assert "using the ROM that ale-py carries" in caplog.text


def test_an_unknown_game_is_answered_with_the_closest_ones_and_where_roms_go(tmp_path):
    with pytest.raises(UserError) as refusal:
        find_rom("roms/brekout.bin", tmp_path)
    assert "did you mean breakout" in str(refusal.value)
    assert f"ROMs go into {tmp_path}" in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"hello" * 1000])
def test_a_file_that_is_no_rom_is_refused_with_its_md5(content, tmp_path):
    rom = tmp_path / "breakout.bin"
    rom.write_bytes(content)
    with pytest.raises(UserError, match=hashlib.md5(content).hexdigest()):
        find_rom(str(rom), tmp_path)


def test_a_carried_rom_that_ale_cannot_run_is_refused_too(tmp_path):
    with pytest.raises(UserError, match="not a ROM that ALE supports"):
        find_rom("combat", tmp_path)


def test_a_folder_is_no_rom(tmp_path):
    with pytest.raises(UserError, match="is a folder"):
        find_rom(str(tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("name", "game"),
    [
        ("space_invaders_126.pkl", "space_invaders"),
        ("pong_fast_1.pkl", "pong"),
        ("pitfall2_3.prm", "pitfall2"),
        ("pitfall_2.pkl", "pitfall"),
        ("my_model.pkl", None),
    ],
)
def test_the_game_of_an_old_snapshot_is_the_longest_rom_name_its_own_begins_with(name, game):
    assert game_of_file_name(Path("some/breakout_folder") / name) == game

"""A game is found by file or by name, and what ALE cannot run is refused before it is loaded."""

import hashlib
import logging
import os
from pathlib import Path

import ale_py.roms
import pytest

from dqn.environments.roms import find_rom, game_called, game_of_file_name
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
    "game",
    [
        *("roms/space_invaders.bin", "space_invaders", "Space_Invaders.a26", "SpaceInvaders"),
        *("SPACE_INVADERS.BIN", "space-invaders", "roms/Space Invaders.bin", "spaceinvaders"),
    ],
)
def test_without_a_file_the_rom_that_ale_py_carries_is_used_and_the_log_says_so(
    game, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    assert find_rom(game, tmp_path) == (CARRIED / "space_invaders.bin", "space_invaders")
    assert "Using the ROM of space_invaders that ale-py carries" in caplog.text


@pytest.mark.parametrize("game", ale_py.roms.get_all_rom_ids())
def test_a_games_name_may_be_in_camel_case(game):
    camel_case = "".join(word.capitalize() for word in game.split("_"))
    assert game_called(camel_case) == game_called(game) == game


def test_a_name_of_no_game_is_none():
    assert game_called("my_own_game") is None


def test_a_rom_of_the_users_own_may_have_capitals_in_its_name(tmp_path):
    rom = tmp_path / "Pong (1978).BIN"
    rom.write_bytes((CARRIED / "pong.bin").read_bytes())
    assert find_rom(str(rom), tmp_path) == (rom, "pong")


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


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    rom = tmp_path / "breakout.bin"
    with open(rom, "wb") as file:
        file.truncate(5 * 2**30)  # sparse
    with pytest.raises(UserError, match="no cartridge more than"):
        find_rom(str(rom), tmp_path)


@pytest.mark.parametrize("game", ["", "x" * 5000, "a/" * 3000, "\n", "fifo", "/dev/zero", "..."])
def test_what_cannot_be_a_rom_is_refused_in_one_line(game, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    with pytest.raises(UserError) as refusal:
        find_rom(game, tmp_path)
    assert "\n" not in str(refusal.value)


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
        ("Pong_7.pkl", "pong"),
        ("my_model.pkl", None),
    ],
)
def test_the_game_of_an_old_snapshot_is_the_longest_rom_name_its_own_begins_with(name, game):
    assert game_of_file_name(Path("some/breakout_folder") / name) == game

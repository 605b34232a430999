"""atari-py beside ale-py: the same games, where both begin alike."""

from pathlib import Path

import numpy as np
import pytest

from dqn.environments.atari import AleEnvironment
from dqn.environments.emulators import create_emulator
from dqn.environments.roms import find_rom
from dqn.environments.settings import GameSettings, ObservationSettings
from dqn.errors import UserError

NO_ROMS = Path("/nowhere")


@pytest.fixture
def atari_py():
    return pytest.importorskip("atari_py", reason="pip install -r requirements-atari-py.txt")


def make(emulator, name, **settings):
    return AleEnvironment(
        *find_rom(name, NO_ROMS),
        GameSettings(emulator=emulator, **settings),
        ObservationSettings(pooling="max"),
        life_loss_is_terminal=True,
        seed=0,
    )


def play(game, steps):
    generator = np.random.default_rng(0)
    seen = []
    for _ in range(steps):
        reward = game.act(int(generator.integers(game.num_actions)))
        ends = game.is_terminal(), game.is_game_over(), game.frame_number(), game.lives
        seen.append((reward, *ends, game.observe().tobytes(), game._ale.getRAM().tobytes()))
        if game.is_game_over():
            game.restart()
    return seen


@pytest.mark.parametrize("name", ["breakout", "pong", "space_invaders"])
def test_atari_py_shows_and_pays_what_ale_py_does(name, atari_py):
    games = [make(emulator, name) for emulator in ("ale-py", "atari-py")]
    for game in games:
        game.restart()
    assert games[0].actions == games[1].actions
    assert play(games[0], 2000) == play(games[1], 2000)


@pytest.mark.parametrize("name", ["breakout", "space_invaders"])
def test_a_game_of_atari_py_goes_on_exactly_in_a_fresh_emulator(name, atari_py):
    one, other = make("atari-py", name), make("atari-py", name)
    one.restart()
    play(one, 200)
    other.set_state(one.get_state())
    assert play(one, 200) == play(other, 200)


def test_a_game_of_atari_py_that_reaches_the_frame_limit_is_not_terminal(atari_py):
    game = make("atari-py", "pong", max_game_frames=100)
    game.restart()
    while not game.is_game_over():
        game.act(0)
    assert not game.is_terminal()
    assert game.frame_number() == 100


def test_atari_py_has_colours_and_no_sound(atari_py):
    frames = []
    for emulator in ("ale-py", "atari-py"):
        game = make(emulator, "breakout")
        game.restart()
        game.on_frame = frames.append
        game.act(1)
    assert len(frames) == 8
    for one, other in zip(frames[:4], frames[4:], strict=True):
        np.testing.assert_array_equal(one.picture, other.picture)
    assert game.sample_rate == 0


def test_a_rom_of_any_name_is_taken(atari_py, tmp_path):
    rom, name = find_rom("breakout", NO_ROMS)
    (tmp_path / "My Game.BIN").write_bytes(rom.read_bytes())
    emulator, path = create_emulator("atari-py", tmp_path / "My Game.BIN", name)
    emulator.loadROM(str(path))
    assert emulator.minimal_actions() == [0, 1, 3, 4]


def test_a_game_that_atari_py_does_not_know_is_refused(atari_py):
    with pytest.raises(UserError, match="atari-py does not know atlantis2"):
        make("atari-py", "atlantis2")


def test_a_state_of_another_length_is_refused(atari_py):
    game = make("atari-py", "breakout")
    game.restart()
    with pytest.raises(ValueError, match="damaged"):
        game.set_state({**game.get_state(), "emulator": np.zeros(9, np.uint8)})


def test_without_atari_py_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "atari_py", None)
    with pytest.raises(UserError, match=r"pip install -r requirements-atari-py\.txt"):
        make("atari-py", "breakout")

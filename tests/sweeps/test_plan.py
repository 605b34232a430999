import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqn.environments.benchmark import ATARI_57
from dqn.errors import UserError
from dqn.sweeps import plan, words
from dqn.sweeps.plan import Game, read_games, read_grid, read_seeds

PONG, BREAKOUT = Game("pong", "pong"), Game("breakout", "breakout")


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("1", [1]),
        ("1-3", [1, 2, 3]),
        ("3,1-2, 7", [3, 1, 2, 7]),
        ("1-3,2", [1, 2, 3]),
        ("0", [0]),
        (str(2**64 - 1), [2**64 - 1]),
    ],
)
def test_seeds_are_numbers_and_ranges(text, seeds):
    assert read_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "-3", "3-1", "1..3", str(2**64), "0-999999"])
def test_other_seeds_are_refused(text):
    with pytest.raises(UserError, match="seed"):
        read_seeds(text)


def test_games_are_found_as_train_sh_finds_them(tmp_path):
    games = read_games("Breakout,SpaceInvaders,pong,PONG", tmp_path)
    assert [game.name for game in games] == ["breakout", "space_invaders", "pong"]
    assert [game.word for game in games] == ["breakout", "space_invaders", "pong"]


def test_a_rom_of_the_users_own_keeps_its_name_and_is_found_from_anywhere(tmp_path, monkeypatch):
    from ale_py.roms import get_rom_path

    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_pong.bin").write_bytes(get_rom_path("pong").read_bytes())
    (game,) = read_games("my_pong.bin", tmp_path)
    assert game == Game(str(tmp_path / "my_pong.bin"), "my_pong")


def test_groups_are_the_games_of_the_papers(tmp_path):
    names = [game.name for game in read_games("atari5", tmp_path)]
    assert names == ["battle_zone", "double_dunk", "name_this_game", "phoenix", "qbert"]
    assert tuple(game.name for game in read_games("Atari57", tmp_path)) == ATARI_57


def test_an_unknown_game_gets_a_suggestion(tmp_path):
    with pytest.raises(UserError, match="did you mean breakout"):
        read_games("pong,breakuot", tmp_path)


def test_a_grid_has_values_for_each_flag():
    assert read_grid(["learning_rate=0.1,0.2", "--double_q=true,false"]) == {
        "learning_rate": ["0.1", "0.2"],
        "double_q": ["true", "false"],
    }
    network = read_grid(["network=conv16x8s4,256;conv32x8s4,512"])
    assert network == {"network": ["conv16x8s4,256", "conv32x8s4,512"]}


@pytest.mark.parametrize(
    "texts", [["x"], ["=1"], ["x="], ["random_seed=1,2"], ["csv_file=a"], ["x=1", "x=2"]]
)
def test_a_grid_of_something_else_is_refused(texts):
    with pytest.raises(UserError, match="--vary"):
        read_grid(texts)


def test_a_run_for_each_game_variant_and_seed_with_the_command_of_a_person():
    grid = read_grid(["preset=laptop,nature", "n_steps=1,3"])
    presets = {"laptop": ["--epochs", "40", "--adam"], "nature": ["--biases"]}
    runs = plan.plan("a", [PONG, BREAKOUT], [1, 2], ["--epochs", "3"], grid, "abc", presets)
    assert len(runs) == len({run.name for run in runs}) == 2 * 4 * 2
    assert runs[0].name == "pong_a_laptop_n_steps-1_seed1"
    assert runs[0].variant == "preset=laptop n_steps=1"
    assert " ".join(runs[0].command) == (
        "./train.sh pong a_laptop_n_steps-1_seed1 --random_seed 1 --epochs 40 --adam "
        "--epochs 3 --n_steps=1"  # the flags of the command line win
    )
    assert {run.commit for run in runs} == {"abc"}


@given(
    st.lists(st.sampled_from("abcdef"), min_size=1, unique=True),
    st.lists(st.integers(0, 99), min_size=1, max_size=5, unique=True),
    st.lists(st.integers(0, 99), min_size=1, max_size=5, unique=True),
)
def test_a_larger_plan_keeps_the_numbers_of_the_runs_of_before(games, first, more):
    games = [Game(name, name) for name in games]
    before = plan.plan("s", games[:1], first, [], {}, None)
    after = plan.plan("s", games, more, ["--epochs", "9"], {}, None)
    merged = plan.merge(before, after)
    assert [run.name for run in merged[: len(before)]] == [run.name for run in before]
    assert {run.name for run in merged} == {run.name for run in before + after}
    assert len(merged) == len({run.name for run in merged})
    assert all(run in merged for run in after)


@pytest.mark.parametrize("word", ["--random_seed", "--csv_file=a", "--restart", "--play_games"])
def test_flags_that_cannot_be_the_same_for_all_runs_are_refused(word):
    with pytest.raises(UserError, match=word.split("=")[0]):
        plan.check_flags(["--epochs", "3", word])


@pytest.mark.parametrize("name", ["", "a/b", "-a", ".hidden", "a b", "x" * 101, "a\n"])
def test_a_name_that_is_no_part_of_a_file_name_is_refused(name):
    with pytest.raises(UserError, match="--name"):
        plan.check_name(name)


@pytest.mark.parametrize(
    ("games", "flags", "has_grid", "name"),
    [
        ("breakout,pong", ["@presets/laptop.args"], False, "breakout-pong-laptop"),
        ("atari5", [], True, "atari5-grid"),
        ("roms/my pong.bin", [], False, "my_pong"),
    ],
)
def test_a_sweep_is_named_after_its_games_and_argument_files(games, flags, has_grid, name):
    assert plan.default_name(games, flags, has_grid) == name
    plan.check_name(name)


def test_only_flags_of_what_is_computed_count_as_changed():
    before = ["--epochs", "3", "--learning_rate=0.1", "--restart", "--log_level", "INFO"]
    now = ["--epochs=5", "--learning_rate", "0.1", "--restart", "--max_computing_time", "1h"]
    assert words.changed(before, now) == ["epochs"]
    assert words.changed(before, before) == []

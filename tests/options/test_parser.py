"""The original's flags and defaults, and one line about each impossible value."""

import itertools
import math
from pathlib import Path

import pytest

from dqn.environments.settings import ObservationSettings
from dqn.options import game_flags
from dqn.options import parser as options
from dqn.options.checkpoint_flags import number_of_snapshots
from helpers.paths import PROJECT

GAME = "roms/breakout.bin"

DEFAULTS = {
    "game": GAME,
    "actors": "auto",
    "overlap": False,
    "replay_device": "auto",
    "environment": "ale",
    "emulator": "ale-py",
    "env_args": None,
    "env_import": None,
    "frame_skip": 4,
    "repeat_action_probability": 0,
    "minimal_action_set": True,
    "observation": "screen",
    "color_averaging": True,
    "frame_pooling": None,
    "grayscale": "luminance",
    "interpolation": "linear",
    "screen_width": 84,
    "screen_height": 84,
    "max_game_frames": 108_000,
    "life_loss_terminal": True,
    "fire_on_start": False,
    "episode_start": "nature",
    "replay_size": 1_000_000,
    "history_length": 4,
    "n_steps": 1,
    "prioritized": False,
    "priority_exponent": 0.6,
    "importance_exponent_start": 0.4,
    "importance_exponent_end": 1,
    "learning_rate": 0.00025,
    "learning_rate_end": None,
    "learning_rate_decay_steps": 1_000_000,
    "discount_rate": 0.99,
    "batch_size": 32,
    "optimizer": "rmsprop",
    "decay_rate": 0.95,
    "clip_error": 1,
    "min_reward": -1,
    "max_reward": 1,
    "adam_epsilon": 1e-8,
    "gradient_norm_clip": 0,
    "double_q": False,
    "target_update_rate": 1,
    "batch_norm": False,
    "network": "nature",
    "dense_units": None,
    "activation": "relu",
    "biases": False,
    "initializer": "xavier",
    "shared_convolutions": False,
    "dueling": "false",
    "dueling_streams": True,
    "engine": "torch",
    "backend": "auto",
    "device_id": 0,
    "datatype": "float32",
    "stochastic_round": 0,
    "exploration_schedule": "linear",
    "exploration_rate_start": 1,
    "exploration_rate_end": 0.1,
    "exploration_decay_steps": 1_000_000,
    "exploration_decay_rate": 0.00003,
    "exploration_rate_test": 0.05,
    "train_frequency": 4,
    "train_repeat": 1,
    "target_steps": 10_000,
    "random_starts": 30,
    "random_steps": 50_000,
    "train_steps": 250_000,
    "test_steps": 125_000,
    "test_games": None,
    "epochs": 200,
    "start_epoch": 0,
    "trained_steps": 0,
    "load_weights": None,
    "save_weights_prefix": None,
    "snapshot_steps": 0,
    "csv_file": None,
    "tensorboard": False,
    "checkpoint": True,
    "checkpoint_steps": 0,
    "restart": False,
    "max_computing_time": None,
    "replay_file": None,
    "keep_snapshots": "all",
    "play_games": 0,
    "record_games": None,
    "video_file": None,
    "record_screen_path": None,
    "record_sound_filename": None,
    "record_episodes": None,
    "episodes_path": None,
    "sound": True,
    "display_screen": "false",
    "saliency": False,
    "saliency_method": None,
    "saliency_strength": 0.8,
    "visualization_filters": 4,
    "visualization_file": None,
    "sanity": False,
    "random_seed": None,
    "log_level": "INFO",
}


def parse(*arguments):
    return options.parse(list(arguments), PROJECT)


def test_the_defaults_are_those_of_the_original():
    assert vars(parse(GAME)) == DEFAULTS


def test_help_explains_every_option_with_its_default(capsys):
    with pytest.raises(SystemExit) as exit_:
        parse("--help")
    assert exit_.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, default in DEFAULTS.items():
        assert name in text
        if default is not None and name != "game":
            start = text.index(f" --{name} ", text.index("Environment:"))
            assert f"(default: {str(default).lower()})" in text[start : start + 420], name


@pytest.mark.parametrize("text", ["true", "yes", "1", "True", "YES"])
def test_yes_is_said_in_three_ways(text):
    assert parse(GAME, "--batch_norm", text).batch_norm is True


@pytest.mark.parametrize("text", ["false", "no", "0", "False"])
def test_no_is_said_in_three_ways(text):
    assert parse(GAME, "--color_averaging", text).color_averaging is False


@pytest.mark.parametrize(
    ("text", "display"),
    [
        *(("true", "auto"), ("yes", "auto"), ("AUTO", "auto"), ("False", "false"), ("0", "false")),
        *(("window", "window"), ("Terminal", "terminal")),
    ],
)
def test_a_display_is_named_or_switched_as_in_the_original(text, display):
    assert parse(GAME, "--display_screen", text).display_screen == display


def test_stochastic_rounding_takes_bits_or_neons_ten():
    assert parse(GAME, "--stochastic_round").stochastic_round == 10
    assert parse(GAME, "--stochastic_round", "7").stochastic_round == 7


def test_an_argument_file_has_several_words_to_a_line_and_comments(tmp_path):
    file = tmp_path / "my settings.args"
    file.write_text(
        "# slower\n--learning_rate 0.0001  # than usual\n\n--epochs 3 --batch_size=16\n"
    )
    args = parse(GAME, f"@{file}", "--epochs", "5")
    assert (args.learning_rate, args.epochs, args.batch_size) == (0.0001, 5, 16)


def test_the_preset_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    args = parse(GAME, "@presets/nature.args")
    assert (args.test_games, args.max_game_frames) == (30, 18_000)


@pytest.mark.parametrize(
    ("flags", "pooling"),
    [
        ("", "average"),
        ("--color_averaging false", "none"),
        ("--frame_pooling max", "max"),
        ("--frame_pooling none --color_averaging true", "none"),
        ("--frame_pooling average --color_averaging false", "average"),
    ],
)
def test_frame_pooling_wins_over_the_originals_color_averaging(flags, pooling):
    settings = game_flags.observation_settings(parse(GAME, *flags.split()))
    assert settings.pooling == pooling


def test_the_flags_of_the_observation_arrive_in_its_settings():
    flags = "--observation rgb --interpolation area --screen_width 100 --screen_height 90"
    settings = game_flags.observation_settings(parse(GAME, *flags.split()))
    assert settings == ObservationSettings("rgb", 100, 90, interpolation="area")
    assert settings.shape == (3, 90, 100)


def test_the_game_may_be_left_out_with_a_snapshot():
    assert parse("--load_weights", "snapshots/pong_1.pkl").game is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a game"),
        ([GAME, "--batch_norm", "maybe"], "neither true, yes, 1 nor false, no, 0"),
        ([GAME, "--batch_norm", ""], "neither true, yes, 1 nor false, no, 0"),
        ([GAME, "--replay_size", "35"], "--replay_size 35 does not hold a minibatch"),
        ([GAME, "--replay_size", "-1"], "-1 is below 1"),
        ([GAME, "--history_length", "0"], "0 is below 1"),
        ([GAME, "--batch_size", "0"], "0 is below 1"),
        ([GAME, "--max_computing_time", "-5"], "-5 is below 0"),
        ([GAME, "--max_computing_time", "1:x"], "invalid time value"),
        ([GAME, "--learning_rate", "-0.1"], "-0.1 is below 0"),
        ([GAME, "--learning_rate", "nan"], "not a finite number"),
        ([GAME, "--learning_rate", "fast"], "invalid number value: 'fast'"),
        ([GAME, "--discount_rate", "1.5"], "1.5 is above 1"),
        ([GAME, "--decay_rate", "2"], "2 is above 1"),
        ([GAME, "--clip_error", "-1"], "-1 is below 0"),
        ([GAME, "--min_reward", "2"], "--min_reward 2 is above --max_reward 1"),
        ([GAME, "--exploration_rate_start", "1.1"], "1.1 is above 1"),
        ([GAME, "--exploration_rate_end", "-0.1"], "-0.1 is below 0"),
        ([GAME, "--exploration_rate_test", "inf"], "not a finite number"),
        ([GAME, "--exploration_schedule", "exp"], "did you mean exponential?"),
        ([GAME, "--exploration_decay_rate", "-0.1"], "-0.1 is below 0"),
        ([GAME, "--repeat_action_probability", "7"], "7 is above 1"),
        ([GAME, "--screen_width", "35"], "35 is below 36"),
        ([GAME, "--observation", "sound"], "invalid choice: 'sound'"),
        (
            [GAME, "--observation", "rgb", "--grayscale", "mean"],
            "--grayscale mean needs --observation screen: with rgb, leave it at luminance",
        ),
        (
            [GAME, "--observation", "ram", "--grayscale", "mean"],
            "--grayscale mean needs --observation screen: with ram, leave it at luminance",
        ),
        (
            [GAME, "--observation", "ram", "--frame_pooling", "max"],
            "--frame_pooling max needs a screen: with --observation ram, use none",
        ),
        (
            [GAME, "--observation", "ram", "--interpolation", "area"],
            "--interpolation area needs a screen: with --observation ram, leave it at linear",
        ),
        ([GAME, "--screen_height", "100000"], "is above 210"),
        ([GAME, "--frame_skip", "0"], "0 is below 1"),
        ([GAME, "--train_frequency", "0"], "0 is below 1"),
        ([GAME, "--train_steps", "1.5"], "invalid whole number value: '1.5'"),
        ([GAME, "--epochs", "-1"], "-1 is below 0"),
        ([GAME, "--start_epoch", "200"], "raise --epochs, now 200, above it"),
        ([GAME, "--random_seed", "-1"], "-1 is below 0"),
        ([GAME, "--optimizer", "sgd"], "invalid choice: 'sgd'"),
        ([GAME, "--datatype", "int8"], "invalid choice: 'int8'"),
        ([GAME, "--datatype", "automatic"], "did you mean auto?"),
        ([GAME, "--stochastic_round", "99"], "99 is above 52"),
        ([GAME, "--n_steps", "0"], "0 is below 1"),
        ([GAME, "--n_steps", "101"], "101 is above 100"),
        (
            [GAME, "--learning_rate_end", "0", "--optimizer", "adadelta"],
            "--learning_rate_end has no use with --optimizer adadelta: leave it out",
        ),
        ([GAME, "--priority_exponent", "1.1"], "1.1 is above 1"),
        ([GAME, "--importance_exponent_start", "-0.1"], "-0.1 is below 0"),
        ([GAME, "--prioritized", "true", "--engine", "neon"], "--prioritized needs --engine torch"),
        ([GAME, "--save_weights_prefix", "."], "has no file name"),
        ([GAME, "--no_such_flag", "1"], "--no_such_flag"),
        ([GAME, "--epoch", "1"], "there is no flag --epoch: did you mean --epochs?"),
        (["--epoch=1", GAME], "did you mean --epochs?"),
        ([GAME, "--batch-norm", "true"], "did you mean --batch_norm?"),
        ([GAME, "--seed", "1"], "did you mean --random_seed?"),
        (
            [GAME, "--exploration_rate", "1"],
            "--exploration_rate_start or --exploration_rate_end or",
        ),
        ([GAME, "--optimizer", "rmspropp"], "did you mean rmsprop"),
        ([GAME, "pong"], "'pong' is neither the game nor the value of a flag"),
        ([GAME, "--a\nb"], r"there is no flag --a\nb"),
        ([GAME, "@no_such_file"], "no_such_file"),
        ([GAME, "--play_games", "-1"], "-1 is below 0"),
        ([GAME, "--keep_snapshots", "last:0"], "0 is below 1"),
        ([GAME, "--keep_snapshots", "last"], "none of all, last:N (such as last:5) and best"),
        ([GAME, "--keep_snapshots", "last:x"], "none of all, last:N"),
        ([GAME, "--keep_snapshots", "all:3"], "none of all, last:N"),
        ([GAME, "--keep_snapshots", ""], "none of all, last:N"),
        ([GAME, "--keep_snapshots", "best", "--test_steps", "0"], "best needs tests"),
        ([GAME, "--keep_snapshots", "best", "--test_games", "0"], "best needs tests"),
        ([""], "name a game"),
        ([GAME, "--epochs", "0"], "--epochs 0 leaves nothing to do"),
        ([GAME, "--max_reward", "1e39"], "1e39 is above 1e+38"),
        ([GAME, "--min_reward", "-1e39"], "-1e39 is below -1e+38"),
        ([GAME, "--max_game_frames", "2147483648"], "2147483648 is above 2,147,483,647"),
        (
            [GAME, "--fire_on_start", "true", "--episode_start", "cleanrl"],
            "--fire_on_start true needs --episode_start nature, not cleanrl",
        ),
        ([GAME, "--random_starts", "9223372036854775808"], "is above 1,000"),
        ([GAME, "--trained_steps", "9223372036854775808"], "is above 1,000,000,000,000"),
        ([GAME, "--random_seed", "9" * 400], "99999999999999999999…99999 is above"),
        ([GAME, "--random_seed", "9" * 5000], "invalid whole number value: '9999"),
        ([GAME, "--learning_rate", "9" * 400], "is not a finite number"),
        ([GAME, "--max_computing_time", "1:2:3:4"], "invalid time value"),
        ([GAME, "--max_computing_time", "1h-1m"], "invalid time value"),
        ([GAME, "--max_computing_time", "1:-30"], "invalid time value"),
        ([GAME, "--csv_file", ""], "'' has no file name"),
        ([GAME, "--csv_file", "/"], "'/' has no file name"),
        ([GAME, "--csv_file", "results/"], "'results/' has no file name"),
        ([GAME, "--load_weights", ".."], "'..' has no file name"),
        ([GAME, "--record_screen_path", "/"], "'/' has no file name"),
        ([GAME, "--csv_file", "a\0b"], "has a NUL character"),
    ],
)
def test_an_impossible_value_is_refused_in_one_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        parse(*arguments)
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("90", 90), ("1.5", 1.5), ("2:30", 150), ("23:30:00", 84_600)),
        *(("3h", 10_800), ("90m", 5400), ("1h30m", 5400), ("45s", 45), ("2d", 172_800)),
        *(("1.5H", 5400), ("2d 12h", 216_000)),
    ],
)
def test_a_time_is_seconds_hours_minutes_and_seconds_or_has_units(text, seconds):
    assert parse(GAME, "--max_computing_time", text).max_computing_time == seconds


@pytest.mark.parametrize(
    ("flags", "games"),
    [
        ("--display_screen auto", math.inf),
        ("--display_screen terminal", math.inf),
        ("--display_screen false", 1),
        ("--display_screen auto --video_file a.mov", 1),
        ("--display_screen auto --video_file a.mov --record_games 3", 3),
        ("--display_screen auto --play_games 2", 2),
    ],
)
def test_games_go_on_until_the_person_quits_where_they_are_shown(flags, games):
    assert parse(GAME, "--play_games", "auto", *flags.split()).play_games == games


@pytest.mark.parametrize(
    ("text", "number"), [("all", None), ("best", 1), ("last:1", 1), ("last:20", 20)]
)
def test_how_many_of_the_newest_snapshots_stay(text, number):
    args = parse(GAME, "--keep_snapshots", text)
    assert number_of_snapshots(args.keep_snapshots) == number


FILES = (
    "--load_weights --csv_file --replay_file --video_file --record_sound_filename "
    "--record_screen_path"
).split()


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(FILES, 2)))
@pytest.mark.parametrize(
    "spelling",
    ["a.mov", "./a.mov", "folder/../a.mov", "{cwd}/a.mov", "link/a.mov", "other.mov"],
    ids=["same", "dot", "up", "absolute", "linked folder", "linked file"],
)
def test_one_file_for_two_purposes_is_refused(one, other, spelling, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "other.mov").symlink_to("a.mov")
    spelling = spelling.format(cwd=tmp_path)
    for flags in ((one, "a.mov", other, spelling), (one, spelling, other, "a.mov")):
        with pytest.raises(SystemExit) as exit_:
            parse(GAME, "--play_games", "1", *flags)
        assert exit_.value.code == 2
        error = capsys.readouterr().err
        assert "are the same file: choose another name for one" in error
        assert error.count("\n") == 1
    assert not (tmp_path / "a.mov").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--video_file a.mov --record_sound_filename b.mov", "are the same file"),  # a hard link
        ("--csv_file p.csv --record_sound_filename p.games.csv", "beside --csv_file"),
        ("--record_screen_path s --record_sound_filename s/000017.png", "the name of a frame in s"),
    ],
)
def test_files_that_meet_in_another_way_are_refused(flags, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mov").touch()
    (tmp_path / "b.mov").hardlink_to(tmp_path / "a.mov")
    with pytest.raises(SystemExit):
        parse(GAME, "--play_games", "1", *flags.split())
    assert message in capsys.readouterr().err


def test_files_of_different_names_are_not():
    flags = (
        "--video_file a.mov --record_sound_filename a.wav --record_screen_path a --csv_file a.csv"
    )
    assert parse(GAME, "--play_games", "1", *flags.split()).csv_file == Path("a.csv")


def test_numbers_below_zero_may_have_an_exponent():
    assert parse(GAME, "--min_reward", "-1e3").min_reward == -1000


def test_words_may_be_in_any_capitals():
    args = parse(GAME, "--optimizer", "Adam", "--log_level", "debug", "--actors", "AUTO")
    assert (args.optimizer, args.log_level, args.actors) == ("adam", "DEBUG", "auto")


OUTPUTS = (
    "save_weights_prefix csv_file replay_file video_file record_screen_path record_sound_filename"
).split()


@pytest.mark.parametrize("name", OUTPUTS)
def test_one_missing_folder_is_made_for_a_file_but_not_two(name, tmp_path, capsys):
    flags = [GAME, "--record_games", "1", "--record_sound_filename", "my.wav"]
    near = tmp_path / "new" / "run.mov"
    assert getattr(parse(*flags, f"--{name}", str(near)), name) == near
    with pytest.raises(SystemExit):
        parse(*flags, f"--{name}", str(tmp_path / "mistyped" / "new" / "run.mov"))
    assert "make the folder first" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_number_says_its_range_in_help(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "From 1 to 60 (default: 4)" in text
    assert "Without it, one is drawn and logged. From 0 to 18,446,744,073,709,551,615" in text


def test_playing_needs_no_epochs():
    assert parse(GAME, "--epochs", "0", "--play_games", "1").play_games == 1

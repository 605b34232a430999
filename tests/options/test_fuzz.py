"""Hostile command lines: each ends with status 0, or with 2 and one line that says why."""

import contextlib
import io
import itertools
import os
import random
import re

import pytest

import main
from dqn.options import parser as options


def read_help():
    """What `--help` says of each flag, in one line."""
    with contextlib.redirect_stdout(io.StringIO()) as output, contextlib.suppress(SystemExit):
        options.parse(["--help"], main.PROJECT)
    _, *parts = re.split(r"^  --(\w+)", output.getvalue(), flags=re.MULTILINE)
    texts = (" ".join(text.split()) for text in parts[1::2])
    return dict(zip(parts[::2], texts, strict=True))


HELP = read_help()
FLAGS = list(HELP)
RANGE = re.compile(r"From ([-\d,.e+]+) to ([\d,.e+]+)")
RANGES = [
    (flag, *(bound.replace(",", "") for bound in RANGE.search(text).groups()))
    for flag, text in HELP.items()
    if RANGE.search(text)
]
NUMERIC = {flag for flag, *_ in RANGES}
PATH_FLAGS = """
    load_weights save_weights_prefix csv_file replay_file video_file record_screen_path
    record_sound_filename visualization_file
""".split()

NUMBERS = """
    -1 -0 0 1 1.5 .5 -.5 1e0 1e3 -1e3 +7 007 1_000 0x10 ٣ ½ nan -nan inf -inf 1e38 1e39 -1e39 1e308
    1e309 1e-400 127 128 255 256 32767 65536 2147483647 2147483648 4294967296 9007199254740993
    9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616
    1h 3H 1h30m 2d 1:2:3:4 -1:-1 :: 1h-1m 99999999d
""".split()
NUMBERS += ["9" * 400, "-" + "9" * 400, "9" * 5000, "1" + "0" * 400 + "h", "0." + "0" * 5000 + "1"]
WORDS = [
    "",
    " ",
    "true",
    "no",
    "auto",
    "None",
    "TRUE\n",
    "torch",
    "Rmsprop",
    "\t",
    "a\nb",
    "é",
    "🎮",
]
WORDS += [
    "\udcff",
    "\x1b[2J",
    "a\0b",
    "%s%n",
    "{0}",
    "$(touch x)",
    "`x`",
    "-",
    "--",
    "---",
    "=",
    "@",
]
PATHS = """
    / . .. ./ ../ a/ null full zero fifo folder loop file/x here/a/b /nonexist/a/b -x.mov x.MOV ~/x
""".split()
PATHS += ["x" * 300, "x/" * 2000 + "x"]
FILES = """
    @itself @unbalanced @latin1 @fifo @full @zero @nul @missing @folder @huge @twice0 @good @loop
    @empty @bad_value @presets/nature.args
""".split()
FILES += ["@" + "x" * 300]
GAMES = ["pong", "roms/Pong.bin", "Space Invaders", "nogame"]


@pytest.fixture(autouse=True)
def hostile_folder(tmp_path, monkeypatch):
    """The working folder, with files of all kinds."""
    monkeypatch.chdir(tmp_path)
    os.mkdir("folder")
    os.mkfifo("fifo")
    os.symlink("loop", "loop")
    for device in ("null", "full", "zero"):
        os.symlink(f"/dev/{device}", device)
    for name, content in {
        "file": b"",
        "itself": b"--epochs 1 @itself",
        "unbalanced": b"--csv_file 'a",
        "latin1": b"--csv_file caf\xe9",
        "nul": b"--csv_file a\0b",
        "huge": b"x" * 2**20,
        "empty": b"\n# nothing\n",
        "good": b"\xef\xbb\xbf--batch_size 16 # as usual\r\n",
        "bad_value": b"--epochs " + b"9" * 1000,
        **{f"twice{i}": b"@twice%d @twice%d" % (i + 1, i + 1) for i in range(20)},
        "twice20": b"",
    }.items():
        (tmp_path / name).write_bytes(content)


def values_for(flag):
    """Values of the kind that the flag takes."""
    if flag in NUMERIC:
        return NUMBERS
    return PATHS if flag in PATH_FLAGS else WORDS


def hostile_line(seed):
    """A game and some flags, most of them with values that nobody means."""
    chance = random.Random(seed)
    groups = [[chance.choice([*GAMES * 50, *WORDS, *PATHS])]]
    for _ in range(chance.randint(1, 4)):
        flag = chance.choice(FLAGS)
        kinds = [values_for(flag)] * 8 + [NUMBERS, WORDS, PATHS]
        value = chance.choice(chance.choice(kinds))
        flag = f"--{flag}"
        if chance.random() < 0.03:
            flag = chance.choice([flag[:-1], flag[1:], flag.upper(), flag.replace("_", "-"), value])
        groups.append(chance.choice([[flag, value], [f"{flag}={value}"]]))
    if chance.random() < 0.2:
        groups.append(chance.choice([[chance.choice(FILES)], [chance.choice(WORDS)], [flag]]))
    chance.shuffle(groups)
    return [word for group in groups for word in group]


def check(line, run, capsys):
    """Run it; it must end as every command line does."""
    try:
        status = run(line)
    except SystemExit as end:
        status = end.code or 0
    errors = capsys.readouterr().err
    assert status in (0, 2), line
    assert "Traceback" not in errors, line
    if status == 2:
        *_, last = errors.removesuffix("\n").split("\n")
        assert last.startswith("error: "), (line, errors)
        assert last.isprintable(), line
        assert len(re.findall("^error: ", errors, re.MULTILINE)) == 1, (line, errors)


def parse(line):
    options.parse(line, main.PROJECT)
    return 0


@pytest.mark.parametrize("seed", range(60))
def test_a_hostile_line_is_understood_or_refused_in_one_line(seed, capsys):
    check(hostile_line(seed), parse, capsys)


@pytest.mark.slow
def test_a_thousand_hostile_lines(capsys):
    for seed in range(1000, 2000):
        check(hostile_line(seed), parse, capsys)


# These stand last, and so they count: the run takes a moment, whatever the values before say.
MOMENT = (
    "--random_steps 60 --train_steps 24 --epochs 1 --start_epoch 0 --test_games 1 --train_repeat 1 "
    "--max_game_frames 60 --play_games 0 --display_screen false --backend cpu "
    "--max_computing_time 1000"
).split()
SMALL = "--screen_width 36 --screen_height 36 --replay_size 500 --batch_size 8".split()


def lines_to_run(first_seed, count):
    """Hostile lines of a moment that are refused, if at all, by what is found when a run begins."""
    lines = ([*SMALL, *hostile_line(seed), *MOMENT] for seed in itertools.count(first_seed))
    return itertools.islice(filter(is_of_a_moment, lines), count)


def is_of_a_moment(line):
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            return options.parse(line, main.PROJECT).play_games < 5
    except SystemExit:
        return False


def test_some_hostile_runs_end_as_they_should(capsys):
    for line in lines_to_run(0, 8):
        check(line, main.main, capsys)


@pytest.mark.slow
def test_a_hundred_hostile_runs(capsys):
    for line in lines_to_run(10_000, 100):
        check(line, main.main, capsys)


@pytest.mark.slow
@pytest.mark.parametrize(("flag", "lowest", "highest"), RANGES)
def test_a_run_bears_the_ends_of_each_range(flag, lowest, highest, capsys):
    for value in (lowest, highest):
        check(["pong", *SMALL, f"--{flag}={value}", *MOMENT], main.main, capsys)


def error_of(capsys, flag, value):
    with contextlib.suppress(SystemExit):
        options.parse(["pong", f"--{flag}={value}"], main.PROJECT)
    return capsys.readouterr().err


def test_each_flag_that_takes_a_number_names_its_range_in_help(capsys):
    counting = {flag for flag in FLAGS if "number" in error_of(capsys, flag, "1 2")}
    assert counting == NUMERIC - {"max_computing_time"} | {"record_episodes"}


@pytest.mark.parametrize(("flag", "lowest", "highest"), RANGES)
def test_a_number_must_be_in_its_range(flag, lowest, highest, capsys):
    for value in (lowest, highest):
        assert f"argument --{flag}: " not in error_of(capsys, flag, value)
    if float(lowest) == 0:
        assert f"-1 is below {lowest}" in error_of(capsys, flag, "-1")
    above = "1e39" if "e" in highest else str(int(highest) + 1)
    assert f"argument --{flag}: {above} is above " in error_of(capsys, flag, above)
    assert f"argument --{flag}: " in error_of(capsys, flag, "9" * 400)

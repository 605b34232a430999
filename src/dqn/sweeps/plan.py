"""Planning a sweep: games × variants × seeds become runs, each with its command."""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dqn.environments.benchmark import ATARI_5, ATARI_57
from dqn.environments.roms import find_rom, game_called
from dqn.errors import UserError
from dqn.options import parser
from dqn.sweeps.manifest import Run

GROUPS = {"atari5": tuple(ATARI_5), "atari57": ATARI_57}
PRESET = "preset"  # what varies with --vary preset=laptop,nature
MAX_RUNS = 100_000
MAX_NAME = 100  # characters
# A sweep sets these itself, or they would be the same file in all runs, or need a person.
REFUSED = (
    "random_seed save_weights_prefix csv_file restart start_epoch trained_steps replay_file "
    "display_screen play_games record_games video_file record_screen_path record_sound_filename"
).split()


@dataclass(frozen=True)
class Game:
    """A game: as a command names it, and as train.sh calls its runs."""

    word: str
    name: str


def read_games(text: str, roms: Path) -> list[Game]:
    """The games in a list such as breakout,pong or atari5; raises UserError for an unknown one."""
    games = []
    for word in _split(text, ","):
        for name in GROUPS.get(word.lower(), (word,)):
            find_rom(name, roms)
            is_file = Path(name).is_file()
            called = game_called(Path(name).stem) or Path(name).stem
            games.append(Game(str(Path(name).absolute()) if is_file else called, called))
    if not games:
        raise UserError("name at least one game, such as breakout, or atari5")
    return list({game.name: game for game in games}.values())


def read_seeds(text: str) -> list[int]:
    """The seeds in a list such as 1-3,7; raises UserError."""
    seeds: list[int] = []
    for part in _split(text, ","):
        match = re.fullmatch(r"(\d{1,20})(?:-(\d{1,20}))?", part)
        if not match:
            raise UserError(f"--seeds {text!r} is not a list of seeds, such as 1-3 or 1,2,7")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last > parser.MAX_SEED or last - first >= MAX_RUNS:
            raise UserError(f"--seeds {part} is not a range of seeds from 0 to {parser.MAX_SEED}")
        seeds += range(first, last + 1)
    if not seeds:
        raise UserError("--seeds names no seed: use a list such as 1-3")
    return list(dict.fromkeys(seeds))


def read_grid(texts: Iterable[str]) -> dict[str, list[str]]:
    """The values of each flag that varies, of texts such as double_q=true,false.

    Values that have commas themselves are separated by semicolons. Raises UserError.
    """
    grid: dict[str, list[str]] = {}
    for text in texts:
        name, sign, values = text.lstrip("-").partition("=")
        words = _split(values, ";" if ";" in values else ",")
        if not (sign and re.fullmatch(r"\w+", name) and words):
            raise UserError(
                f"--vary {text!r} names no flag and its values: write it as "
                "learning_rate=0.0001,0.00025"
            )
        if name in grid or name in REFUSED:
            why = "is given twice" if name in grid else "is not for a sweep to vary"
            raise UserError(f"--vary {name} {why}: leave it out")
        grid[name] = list(dict.fromkeys(words))
    return grid


def check_flags(words: Iterable[str]) -> None:
    """Raises UserError for a flag that a sweep sets itself, or that needs a person."""
    for word in words:
        name = word.lstrip("-").partition("=")[0]
        if word.startswith("--") and name in REFUSED:
            hint = ": use --seeds" if name == "random_seed" else ": leave it out"
            raise UserError(f"--{name} cannot be the same for all runs of a sweep{hint}")


def check_name(name: str) -> None:
    """Raises UserError unless a sweep can have this name, which becomes part of file names."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", name) or len(name) > MAX_NAME:
        raise UserError(
            f"--name {name!r} becomes part of file names: use at most {MAX_NAME} letters, digits "
            "and . _ + -, beginning with a letter or a digit"
        )


def default_name(games: str, words: Iterable[str], has_grid: bool) -> str:
    """A name by games and argument files: breakout-pong-laptop, or pong-grid if flags vary."""
    presets = [Path(word[1:]).stem for word in words if word.startswith("@")]
    parts = [Path(game).stem for game in _split(games, ",")] + presets + ["grid"] * has_grid
    name = re.sub(r"[^\w.+-]", "_", "-".join(parts))
    return name if len(name) <= MAX_NAME else f"{name[:60]}-and-more"


def plan(
    name: str,
    games: list[Game],
    seeds: list[int],
    flags: list[str],
    grid: dict[str, list[str]],
    commit: str | None,
    presets: Mapping[str, list[str]] | None = None,
) -> list[Run]:
    """All runs, the seeds of a game next to one another.

    `flags` are words of the command line, `presets` those of the argument files that vary: they
    stand before the flags, which win.
    """
    runs = []
    choices = [[(flag, value) for value in values] for flag, values in grid.items()]
    for game, chosen in itertools.product(games, itertools.product(*choices)):
        variant = " ".join(f"{flag}={value}" for flag, value in chosen)
        before = [w for flag, value in chosen if flag == PRESET for w in (presets or {})[value]]
        after = [f"--{flag}={value}" for flag, value in chosen if flag != PRESET]
        words = [*before, *flags, *after]
        label = "_".join([name, *(_part_of_name(flag, value) for flag, value in chosen)])
        for seed in seeds:
            run = f"{label}_seed{seed}"
            command = ["./train.sh", game.word, run, "--random_seed", str(seed), *words]
            runs.append(Run(f"{game.name}_{run}", game.name, seed, variant, command, commit))
        if len(runs) > MAX_RUNS:
            raise UserError(f"a sweep of more than {MAX_RUNS:,} runs: divide it")
    return runs


def merge(runs: list[Run], planned: list[Run]) -> list[Run]:
    """Runs of before with the commands of those planned now, and the new ones after them."""
    now = {run.name: run for run in planned}
    return [now.pop(run.name, run) for run in runs] + list(now.values())


def _part_of_name(flag: str, value: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.+-]", "-", f"{flag}-{value}" if flag != PRESET else value)


def _split(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]

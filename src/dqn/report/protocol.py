"""How runs were trained and tested: without it, two scores cannot be compared."""

from pathlib import Path

from dqn.errors import UserError, explain
from dqn.machine.wording import counted

Protocol = tuple[tuple[str, str], ...]  # what → how, in the order of a table
Flags = dict[str, str]

FRAME_SKIP = 4  # of a run that has no record of it
UNKNOWN = "not recorded"
FRAMES_PER_MINUTE = 3600


def read_flags(csv_file: Path) -> Flags:
    """The flags in the argument file beside a run's CSV file; empty if there is none.

    Raises UserError if it cannot be read.
    """
    path = csv_file.with_suffix(".args")
    try:
        lines = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"cannot read {path} {explain(error)}") from error
    words = [line[2:].partition(" ") for line in lines if line.startswith("--")]
    return {name: value.strip("'\"") for name, _, value in words}


def frames_per_step(flags: Flags) -> int:
    """How many frames an agent step takes."""
    return to_integer(flags.get("frame_skip", "")) or FRAME_SKIP


def protocol(flags: Flags, test_rate: float, test_steps: float) -> Protocol:
    """The protocol of a run with these flags.

    `test_rate` and `test_steps` are ε and steps of its last test, by its CSV file.
    """
    return (
        ("Frames per step", flags.get("frame_skip", f"{UNKNOWN}, {FRAME_SKIP} assumed")),
        ("Sticky actions", _sticky(flags.get("repeat_action_probability"))),
        ("Lost life, in training", _life(flags.get("life_loss_terminal"))),
        ("ε in tests", f"{test_rate:g}"),
        ("Frame cap of a game", _cap(flags.get("max_game_frames"))),
        ("Start of a game", _starts(flags)),
        ("Actions", _actions(flags.get("minimal_action_set"))),
        ("A test", _test(flags, test_steps)),
    )


def to_integer(text: str) -> int | None:
    """The whole number that a text is."""
    return int(text) if text.isascii() and text.isdigit() else None


def _sticky(probability: str | None) -> str:
    if probability is None:
        return UNKNOWN
    return "none" if probability in ("0", "0.0") else f"probability {probability}"


def _life(is_terminal: str | None) -> str:
    if is_terminal is None:
        return UNKNOWN
    return "ends the episode" if is_terminal == "true" else "does not end the episode"


def _cap(frames: str | None) -> str:
    number = to_integer(frames or "")
    if number is None:
        return UNKNOWN
    return f"{number:,} ({number / FRAMES_PER_MINUTE:.3g} min)" if number else "none"


def _starts(flags: Flags) -> str:
    most, start = flags.get("random_starts"), flags.get("episode_start", "nature")
    if most is None:
        return UNKNOWN
    if start == "nature":
        return f"at most {most} no-ops"
    return f"as {start} begins it, at most {most} frames without action"


def _actions(is_minimal: str | None) -> str:
    if is_minimal is None:
        return UNKNOWN
    return "those of the game" if is_minimal == "true" else "all 18"


def _test(flags: Flags, steps: float) -> str:
    games = flags.get("test_games", "")
    return counted(int(games), "whole game") if to_integer(games) else f"{steps:,.0f} steps"

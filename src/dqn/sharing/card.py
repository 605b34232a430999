"""The model card: README.md of a shared folder, with the front matter that the hub reads."""

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dqn.environments.benchmark import SCORES, normalised
from dqn.machine.wording import duration
from dqn.sharing.names import CURVE, LIBRARY, REPLAY, RESULTS, SCREEN
from dqn.sharing.scores import Evaluation
from dqn.sharing.training import Training

TASK = "reinforcement-learning"
# A placeholder in the card until the network is pushed
REPOSITORY = "OWNER/NAME"


@dataclass(frozen=True)
class Card:
    """What a card says.

    `environment` is Gymnasium's id of the game, `title` its name for a person, `game` ALE's, if it
    is one of ALE's. `inputs` are what the network sees, in a sentence; `example` is Python that
    loads it. `home` is where this program is, if that is known. `files` are names → what they are.
    `replay` is the score of the game in the video, which may have sound.
    """

    environment: str
    title: str
    game: str | None
    evaluation: Evaluation
    protocol: Sequence[tuple[str, str]]
    test_command: str
    training: Training
    inputs: str
    actions: Sequence[str]
    example: str
    states: str
    files: Mapping[str, str]
    replay: float
    has_sound: bool
    home: str | None = None
    licence: str | None = None


def write_card(card: Card) -> str:
    """The text of README.md."""
    parts = [
        _front_matter(card),
        f"# A deep Q-network that plays {plain(card.title)}",
        f"[![{plain(card.title)}, played by this network]({SCREEN})]({REPLAY})",
        f"This network scores **{plain(str(card.evaluation))}** in `{card.environment}`, over "
        f"{len(card.evaluation.scores)} games. It was trained by {_program(card)} with [deep "
        "Q-learning]"
        f"(https://doi.org/10.1038/nature14236). The picture is from [{REPLAY}]({REPLAY}), a game "
        f"with a score of {card.replay:g}{', with sound' if card.has_sound else ''}.",
        "## Scores",
        _scores(card),
        f"`{RESULTS}` has the score of each game and the versions of all libraries. "
        f"`{_code(card.test_command)}` plays the same games again.",
        _table(("protocol", ""), [(what, plain(how)) for what, how in card.protocol]),
        "## Training",
        *([f"![Learning curve]({CURVE})"] if CURVE in card.files else []),
        _block(_wrapped(card.training.command))
        if card.training.command
        else "Its command is not recorded.",
        *([_table(("training", ""), rows)] if (rows := _training(card.training)) else []),
        "## Play",
        _clone(card) + " watch the network, test it, record it, look into it, or train on:",
        _block(_install(card)),
        "## Load it without simple_dqn",
        card.inputs + " The actions are, in the order of the Q-values: "
        f"{', '.join(map(plain, card.actions))}.",
        _block(card.example, "python"),
        "`agent.pt` is the same network as TorchScript, which takes the states as they are:",
        _block(f'q_values = torch.jit.load("agent.pt")({card.states})', "python"),
        "## Files",
        _table(("file", ""), [(f"`{name}`", what) for name, what in card.files.items()]),
    ]
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """The text with a backslash before what Markdown, or HTML in it, would read as a command."""
    return re.sub(r"([\\`*_{}\[\]<>|#~$])", r"\\\1", " ".join(text.split()))


def name_repository(text: str, repository: str) -> str:
    """A card whose commands name another repository."""
    return re.sub(r"(\./\w+\.sh hf:)[A-Za-z0-9._-]+/[A-Za-z0-9._-]+", rf"\g<1>{repository}", text)


def _front_matter(card: Card) -> str:
    summary = f"{card.evaluation}"
    dataset = {"name": card.environment, "type": card.environment}
    metric = {"type": "mean_reward", "name": "mean_reward", "value": summary, "verified": False}
    result = {
        "task": {"type": TASK, "name": TASK},
        "dataset": dataset,
        "metrics": [metric],
    }
    values: dict[str, Any] = {
        "library_name": LIBRARY,
        **({"license": card.licence} if card.licence else {}),
        "pipeline_tag": TASK,
        "tags": [card.environment, "deep-reinforcement-learning", TASK, "dqn", "pytorch"]
        + (["atari"] if card.game else []),
        "model-index": [{"name": "DQN", "results": [result]}],
    }
    return f"---\n{_yaml(values)}---"


def _yaml(value: Any, indent: str = "") -> str:
    """Lists and dictionaries of texts and truth values as YAML; JSON's scalars are YAML's."""
    lines = ""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items:
        head = f"{indent}{name}:" if isinstance(value, dict) else f"{indent}-"
        if not isinstance(item, dict | list):
            lines += f"{head} {json.dumps(item, ensure_ascii=False)}\n"
        elif isinstance(value, dict):
            lines += f"{head}\n{_yaml(item, indent + '  ')}"
        else:  # the first key stands behind the dash
            lines += f"{head} {_yaml(item, indent + '  ').lstrip()}"
    return lines


def _program(card: Card) -> str:
    return f"[simple_dqn]({card.home})" if card.home else "simple_dqn"


def _scores(card: Card) -> str:
    summary = card.evaluation.summary
    columns = {
        "games": f"{summary.games}",
        "mean ± standard deviation": f"{summary.mean:.2f} ± {summary.standard_deviation:.2f}",
        "lowest": f"{summary.minimum:g}",
        "highest": f"{summary.maximum:g}",
    }
    if card.game in SCORES:
        random, human = SCORES[card.game]
        columns |= {
            "random": f"{random:g}",
            "human": f"{human:g}",
            "human-normalised": f"{100 * normalised(card.game, summary.mean):.0f} %",
        }
    return _table(list(columns), [list(columns.values())])


def _training(training: Training) -> list[tuple[str, str]]:
    hours = training.hours
    rows = {
        "training steps": training.steps and f"{training.steps:,}",
        "epoch": training.epoch,
        "weight updates": training.weight_updates and f"{training.weight_updates:,}",
        "seed": training.seed,
        "time, with tests": None if hours is None else duration(3600 * hours),
        "hardware": training.hardware,
        "commit": training.commit,
        "Python": training.python,
    }
    return [(name, plain(str(value))) for name, value in rows.items() if value is not None]


def _clone(card: Card) -> str:
    address = "" if card.home else ", with its address in place of `ADDRESS`"
    return f"Clone simple_dqn{address}, then"


def _install(card: Card) -> str:
    home = card.home or "ADDRESS"
    return "\n".join(
        [
            f"git clone {home} simple_dqn && cd simple_dqn",
            f"./play.sh hf:{REPOSITORY}",
            f"./test.sh hf:{REPOSITORY} --test_games 10",
            f"./record.sh hf:{REPOSITORY}",
            f"./nvis.sh hf:{REPOSITORY}",
            f"./resume.sh hf:{REPOSITORY}",
        ]
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _block(text: str, language: str = "bash") -> str:
    """A block of code, whose fence no line of the text can close."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _wrapped(command: str) -> str:
    """A long command in several lines."""
    if any(mark in command for mark in "'\"\n"):  # a line may end within quotes
        return command
    lines = textwrap.wrap(command, 96, break_long_words=False, break_on_hyphens=False)
    return " \\\n    ".join(lines)


def _code(text: str) -> str:
    return " ".join(text.replace("`", "'").split())

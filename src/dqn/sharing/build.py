"""Builds the folder of a shared network: plays its games, and writes all files about it."""

import logging
import re
import shlex
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dqn.environments import benchmark
from dqn.errors import UserError
from dqn.machine import provenance
from dqn.machine.hardware import cpu_model
from dqn.machine.wording import counted
from dqn.networks.create import export_network
from dqn.options import continuing, parser
from dqn.recording.still import still_of
from dqn.sharing import card, contents, curve, folder, names
from dqn.sharing.card import Card
from dqn.sharing.checksums import sha256_of
from dqn.sharing.contents import Subject
from dqn.sharing.played import Play, protocol_of, subject_of
from dqn.sharing.scores import Evaluation, read_evaluation
from dqn.sharing.source import Source
from dqn.sharing.training import Training, hours_until, run_of
from dqn.snapshots.snapshot import without_states

# Which part of the game in the video has gone by in the picture
PART_OF_SCREEN = 1 / 3

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What a user asks for: the games whose scores are shared, and what to say of the network.

    `csv_file` is the one that was named, if one was; `told` are texts by the names of their flags:
    command, hardware, commit and licence; `flags` are further ones of main.py, for the games.
    """

    test_games: int
    exploration_rate: float
    random_seed: int
    csv_file: Path | None
    told: Mapping[str, str | None]
    flags: Sequence[str]

    def recipe(self, source: Source) -> dict[str, Any]:
        """All that decides what the folder of this snapshot holds."""
        return {
            "snapshot_sha256": sha256_of(source.path),
            "csv_sha256": self.csv_file and sha256_of(self.csv_file),
            "test_games": source.given.date if source.given else self.test_games,
            "exploration_rate": self.exploration_rate,
            "random_seed": self.random_seed,
            **self.told,
            "flags": list(self.flags),
        }


def find_or_build(
    source: Source, target: Path, request: Request, play: Play, project: Path
) -> None:
    """Build the folder `target`, unless it was built before of the same snapshot and request.

    `play` plays the games; `project` is the folder of the program. Raises UserError.
    """
    if folder.is_built(target) and contents.recipe_of(target) == request.recipe(source):
        folder.check(target)
        logger.info("Using %s, which was built of this snapshot before", target)
        return
    folder.check_place(target)
    with tempfile.TemporaryDirectory() as temporary:
        copy = source.copied_to(Path(temporary))
        files = _make(copy, request, play, project, Path(temporary))
        folder.build(target, files)
    number, size = counted(len(files) + 1, "file"), folder.size_of(target)
    logger.info("Built %s: %s, %s", target, number, size)


def _make(
    source: Source, request: Request, play: Play, project: Path, temporary: Path
) -> dict[str, bytes | Path]:
    """The files of the folder: name → content, or a file to copy; first come the games."""
    replay = temporary / names.REPLAY
    words = [*_words_of_games(request, source.given), *request.flags]
    load = ["--load_weights", str(source.path)]
    logger.info("Recording a game")
    played = play([*load, *words, "--play_games", "1", "--video_file", str(replay)])
    number = len(source.given.scores) if source.given else request.test_games
    words = ["--test_games", str(number), *words]
    if source.given and source.given.game != played.game:
        raise UserError(
            f"the scores are of {source.given.game!r}, and the snapshot of {played.game!r}"
        )
    evaluation, hours = source.given, None
    if evaluation is None:
        evaluation, hours = _evaluate([*load, *words], play, temporary / "scores")
    subject = subject_of(source, played)
    exported = export_network(subject.architecture, without_states(source.snapshot.layers))
    how = protocol_of(subject, played, evaluation)
    training = _training_of(source, request, subject, played.game, project)
    command = shlex.join(["./test.sh", f"hf:{card.REPOSITORY}", *words])
    name = _file_name(source.path)
    files: dict[str, bytes | Path] = {
        names.CONFIG: contents.config(subject, name, request.recipe(source)),
        names.RESULTS: contents.results(
            subject,
            evaluation,
            how,
            training,
            command=command,
            test_hours=hours,
            versions=provenance.versions(),
            commit=provenance.commit_of(project),
            hardware=cpu_model(),
            replay={"score": float(played.scores.mean), "random_seed": evaluation.seed},
        ),
        names.WEIGHTS: contents.weights(subject, exported),
        name: source.path,
        names.AGENT: exported.program,
        names.REPLAY: replay.read_bytes(),
        names.SCREEN: still_of(replay, PART_OF_SCREEN),
    }
    if source.csv_file:
        files[names.CSV] = source.csv_file
        files[names.CURVE] = curve.draw_curve(source.csv_file)
    text = card.write_card(
        Card(
            environment=subject.environment,
            title=benchmark.title(played.game) if played.rom else played.game,
            game=played.game if played.rom else None,
            evaluation=evaluation,
            protocol=how,
            test_command=command,
            training=training,
            inputs=contents.inputs(subject),
            actions=subject.action_names,
            example=contents.example(subject.architecture, exported),
            states=contents.states(subject.architecture),
            files=contents.descriptions([*files, names.CHECKSUMS], name),
            replay=played.scores.mean,
            has_sound=played.has_sound,
            home=provenance.home_of(project),
            licence=request.told["licence"],
        )
    )
    return {names.README: text.encode(), **files}


def _words_of_games(request: Request, given: Evaluation | None) -> list[str]:
    """ε and the seed of all games: those of the scores that are given, if there are any."""
    rate = given.exploration_rate if given else request.exploration_rate
    seed = given.seed if given else request.random_seed
    return ["--exploration_rate_test", str(rate), "--random_seed", str(seed)]


def _evaluate(words: list[str], play: Play, folder_of_scores: Path) -> tuple[Evaluation, float]:
    """The scores of a test, and the hours that it took."""
    start = time.monotonic()
    phases = "--random_steps 0 --train_steps 0 --epochs 1".split()
    play([*words, *phases, "--episodes_path", str(folder_of_scores)])
    hours = round((time.monotonic() - start) / 3600, 4)
    return read_evaluation(folder_of_scores), hours


def _training_of(
    source: Source, request: Request, subject: Subject, game: str, project: Path
) -> Training:
    """How the network was trained: as the user says, else a note beside it, else its flags."""
    metadata, csv_file = subject.metadata, source.csv_file
    told = {name: text for name, text in request.told.items() if text and name != "licence"}
    hours = hours_until(csv_file, metadata.train_steps) if csv_file else None
    command = _command_of(source.path, game, metadata.flags, project) if metadata.flags else None
    found = Training(
        command=command,
        seed=metadata.flags.get("random_seed"),
        steps=metadata.train_steps or None,
        epoch=metadata.epoch or None,
        weight_updates=metadata.weight_updates or None,
        hours=hours and round(hours, 4),
    )
    return replace(found, **source.note | told)


def _command_of(snapshot: Path, game: str, flags: Mapping[str, Any], project: Path) -> str:
    """The command that trains a network with these flags: those that are not the defaults."""
    defaults = continuing.flags_for_snapshots(parser.parse([game], project, is_complete=False))
    differing = {n: v for n, v in flags.items() if n in defaults and v != defaults[n]}
    words = [text for word in continuing.as_arguments(differing) for text in word.split("=", 1)]
    label = run_of(snapshot).removeprefix(game).strip("_")
    return shlex.join(["./train.sh", game, *([label] if label else []), *words])


def _file_name(snapshot: Path) -> str:
    """What a snapshot is called in the folder."""
    name = re.sub("[^A-Za-z0-9._-]", "_", snapshot.name).lstrip("._-")
    is_taken = name in names.FILES or not name
    return f"snapshot{snapshot.suffix}" if is_taken else name

"""What the files of a shared folder hold: the network, its flags and its scores."""

import dataclasses
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dqn.environments.settings import ObservationSettings
from dqn.networks.architecture import Architecture
from dqn.networks.exported import ExportedNetwork
from dqn.sharing.names import (
    AGENT,
    CHECKSUMS,
    CONFIG,
    CSV,
    CURVE,
    LIBRARY,
    REPLAY,
    RESULTS,
    SCREEN,
    WEIGHTS,
)
from dqn.sharing.scores import Evaluation
from dqn.sharing.training import Training
from dqn.snapshots import safetensors_format
from dqn.snapshots.facts import facts
from dqn.snapshots.pytorch_layout import KEY, NAME
from dqn.snapshots.snapshot import Metadata, Snapshot

_POOLED = {
    "average": ": the last two, blended as ALE does",
    "max": ": the brighter pixels of the last two",
    "none": ": the last",
}


@dataclass(frozen=True)
class Subject:
    """The network that is shared.

    `environment` is Gymnasium's id of its game, `rom` the file of the game, if it is one of ALE's.
    `flags` are those of its training and of the game.
    """

    architecture: Architecture
    metadata: Metadata
    flags: Mapping[str, Any]
    environment: str
    action_names: Sequence[str]
    rom: Path | None
    observing: ObservationSettings


def config(subject: Subject, snapshot_name: str, recipe: Mapping[str, Any]) -> bytes:
    """config.json: what the network is, all flags of its training, and how the folder was built."""
    architecture = dataclasses.asdict(subject.architecture)
    convolutions = [of._asdict() for of in subject.architecture.convolutions]
    return as_json(
        {
            "library_name": LIBRARY,
            "environment": subject.environment,
            "game": subject.metadata.game,
            "actions": [int(action) for action in subject.metadata.actions],
            "action_names": list(subject.action_names),
            "weights": WEIGHTS,
            "snapshot": snapshot_name,
            "epoch": subject.metadata.epoch,
            "train_steps": subject.metadata.train_steps,
            "weight_updates": subject.metadata.weight_updates,
            "architecture": architecture | {"convolutions": convolutions},
            "flags": dict(subject.flags),
            "recipe": dict(recipe),
        }
    )


def recipe_of(folder: Path) -> Any:
    """How a folder was built; None if it does not say so."""
    try:
        return json.loads((folder / CONFIG).read_bytes())["recipe"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def results(
    subject: Subject,
    evaluation: Evaluation,
    protocol: Sequence[tuple[str, str]],
    training: Training,
    **facts_of_test: Any,
) -> bytes:
    """results.json: every score, with what is needed to get it again.

    The first names are those that huggingface_sb3 and the hub's leaderboards use.
    """
    summary = evaluation.summary
    return as_json(
        {
            "env_id": subject.environment,
            "mean_reward": float(summary.mean),
            "std_reward": float(summary.standard_deviation),
            "is_deterministic": evaluation.exploration_rate == 0,
            "n_eval_episodes": summary.games,
            "eval_datetime": evaluation.date,
            "min_reward": float(summary.minimum),
            "max_reward": float(summary.maximum),
            "episode_rewards": evaluation.scores,
            "episode_lengths": evaluation.steps,
            "episode_frames": evaluation.frames,
            "exploration_rate": evaluation.exploration_rate,
            "random_seed": evaluation.seed,
            "protocol": dict(protocol),
            "rom": subject.rom and _rom(subject.rom),
            **facts_of_test,
            "training": dataclasses.asdict(training),
        }
    )


def weights(subject: Subject, exported: ExportedNetwork) -> bytes:
    """weights.safetensors: the state of PyTorch's modules, which is a snapshot as well."""
    bare = Snapshot([], subject.architecture, subject.metadata)
    buffer = io.BytesIO()
    safetensors_format.write_arrays(buffer, exported.arrays, facts(bare) | {KEY: NAME})
    return buffer.getvalue()


def inputs(subject: Subject) -> str:
    """What the network sees, in sentences."""
    architecture, settings = subject.architecture, subject.observing
    history, *observation = architecture.state_shape
    shape = ", ".join(map(str, architecture.state_shape))
    kind = f"{architecture.state_dtype} ({shape})"
    if len(observation) == 1:
        numbers = f"{observation[0]} numbers, {kind}"
        if history == 1:
            return f"A state is an observation of {numbers}."
        return f"A state is the last {history} observations of {numbers}, the oldest first."
    height, width = observation[-2:]
    in_colours = len(observation) == 3
    colour = "in colours" if in_colours else f"gray ({settings.grayscale})"
    text = (
        f"A state is the last {history} screens, {kind}, the oldest first: {colour}, resized to "
        f"{width}×{height} ({settings.interpolation}), divided by 255."
    )
    skip = subject.flags.get("frame_skip")
    if subject.rom and skip:
        text += f" There is one for every {skip} frames{_POOLED[settings.pooling]}."
    return text


def example(architecture: Architecture, exported: ExportedNetwork) -> str:
    """Python that loads weights.safetensors without this project."""
    divided = {"uint8": " / 255", "float32": ""}.get(architecture.state_dtype, ".float()")
    lines = ["import torch", "from safetensors.torch import load_file"]
    lines += ["from torch import Tensor, nn" if exported.classes else "from torch import nn", ""]
    if exported.classes:
        lines += ["", exported.classes, "", ""]
    lines += [f"q = {exported.code}", f'q.load_state_dict(load_file("{WEIGHTS}"))']
    if "BatchNorm" in exported.code:
        lines.append("q.eval()")
    lines += [f"states = {states(architecture)}  # one or more of yours"]
    lines += [f"actions = q(states{divided}).argmax(1)"]
    return "\n".join(lines)


def descriptions(names: Sequence[str], snapshot_name: str) -> dict[str, str]:
    """What each file is, for the card."""
    known = {
        CONFIG: "the network, and all flags of its training",
        RESULTS: "every score, with protocol, seed, ROM, versions, commit and hardware",
        WEIGHTS: "the weights by PyTorch's names; every script of simple_dqn reads them, too",
        snapshot_name: "the snapshot itself, to train on from",
        AGENT: "the network as TorchScript",
        REPLAY: "a game",
        SCREEN: "a screen of it",
        CSV: "the run's statistics, a row for each phase",
        CURVE: "its learning curve",
        CHECKSUMS: "to check all files with `sha256sum -c`",
    }
    return {name: known[name] for name in names}


def states(architecture: Architecture) -> str:
    """Python that makes an empty batch of states."""
    shape = ", ".join(map(str, (1, *architecture.state_shape)))
    return f"torch.zeros({shape}, dtype=torch.{architecture.state_dtype})"


def as_json(values: Mapping[str, Any]) -> bytes:
    """Plain values as a file of text."""
    return json.dumps(values, indent=2, ensure_ascii=False).encode() + b"\n"


def _rom(path: Path) -> dict[str, str]:
    content = path.read_bytes()
    return {
        "file": path.name,
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }

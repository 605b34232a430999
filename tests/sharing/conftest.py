"""A folder to share, a local hub, and the client of huggingface_hub that uses it."""

import pytest

from dqn.sharing import folder as folders
from dqn.sharing.card import Card, write_card
from dqn.sharing.scores import Evaluation
from dqn.sharing.training import Training
from helpers.local_hub import LocalHub, in_use

EVALUATION = Evaluation(
    game="pong",
    snapshot="pong_77.pkl",
    seed=1,
    exploration_rate=0.05,
    date="2026-01-01T00:00:00+00:00",
    scores=[10.0, 20.0, 15.0, 15.0],
    steps=[1, 2, 3, 4],
    frames=[4, 8, 12, 16],
)


def make_card(**changes):
    values = {
        "environment": "PongNoFrameskip-v4",
        "title": "Pong",
        "game": "pong",
        "evaluation": EVALUATION,
        "protocol": [("Frames per step", "4")],
        "test_command": "./test.sh hf:OWNER/NAME --test_games 4",
        "training": Training(command="./train.sh pong", steps=1000, hours=1.5),
        "inputs": "A state is 4 screens.",
        "actions": ["no-op", "fire"],
        "example": "q = nn.Linear(1, 2)",
        "states": "torch.zeros(1)",
        "files": {"replay.mp4": "a game"},
        "replay": 14.0,
        "has_sound": True,
    }
    return Card(**values | changes)


@pytest.fixture
def card():
    """Makes a card, with some things of it changed."""
    return make_card


@pytest.fixture
def hub():
    with LocalHub() as hub:
        yield hub


@pytest.fixture
def client(hub, monkeypatch, tmp_path):
    """The hub as the client's, with a token that may write."""
    with in_use(hub, monkeypatch, tmp_path / "hf"):
        yield hub


@pytest.fixture
def folder(tmp_path):
    """A built folder whose network nobody loads."""
    folders.build(
        tmp_path / "pong_77",
        {
            "README.md": write_card(make_card()).encode(),
            "weights.safetensors": b"weights " * 10_000,
            "pong_77.pkl": b"weights and states " * 1000,
            "config.json": b"{}",
        },
    )
    return tmp_path / "pong_77"

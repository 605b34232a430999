"""What the card and config.json say of a network."""

import json
from pathlib import Path

import pytest

from dqn.environments.settings import ObservationSettings
from dqn.networks.architecture import Architecture
from dqn.networks.exported import ExportedNetwork
from dqn.sharing import contents
from dqn.sharing.contents import Subject
from dqn.snapshots.snapshot import Metadata


def make_subject(shape, dtype="uint8", rom=Path("pong.bin"), **observing):
    convolutions = Architecture(2).convolutions if len(shape) > 2 else ()
    architecture = Architecture(2, shape, convolutions, state_dtype=dtype)
    return Subject(
        architecture,
        Metadata("pong", [0, 1], shape, 3, 500, 125),
        {"frame_skip": 4, "learning_rate": 0.1},
        "PongNoFrameskip-v4",
        ["no-op", "fire"],
        rom,
        ObservationSettings(**observing),
    )


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (
            make_subject((4, 84, 84)),
            "A state is the last 4 screens, uint8 (4, 84, 84), the oldest first: gray (luminance), "
            "resized to 84×84 (linear), divided by 255. There is one for every 4 frames: the last "
            "two, blended as ALE does.",
        ),
        (
            make_subject((3, 3, 105, 80), pooling="max", interpolation="area"),
            "A state is the last 3 screens, uint8 (3, 3, 105, 80), the oldest first: in colours, "
            "resized to 80×105 (area), divided by 255. There is one for every 4 frames: the "
            "brighter pixels of the last two.",
        ),
        (
            make_subject((2, 84, 84), rom=None, grayscale="mean"),
            "A state is the last 2 screens, uint8 (2, 84, 84), the oldest first: gray (mean), "
            "resized to 84×84 (linear), divided by 255.",
        ),
        (
            make_subject((4, 128)),
            "A state is the last 4 observations of 128 numbers, uint8 (4, 128), the oldest first.",
        ),
        (
            make_subject((1, 4), "float32", rom=None),
            "A state is an observation of 4 numbers, float32 (1, 4).",
        ),
    ],
)
def test_what_the_network_sees_is_said_in_a_sentence_or_two(subject, text):
    assert contents.inputs(subject) == text


@pytest.mark.parametrize(
    ("dtype", "line"),
    [
        ("uint8", "actions = q(states / 255).argmax(1)"),
        ("float32", "actions = q(states).argmax(1)"),
        ("bool", "actions = q(states.float()).argmax(1)"),
    ],
)
def test_the_example_gives_the_network_the_numbers_that_it_learned_from(dtype, line):
    exported = ExportedNetwork({}, "nn.Linear(4, 2)", "", b"")
    lines = contents.example(make_subject((1, 4), dtype).architecture, exported).splitlines()
    assert lines[-1] == line
    assert lines[-2].startswith(f"states = torch.zeros(1, 1, 4, dtype=torch.{dtype})")


def test_config_has_the_network_its_flags_and_how_the_folder_was_built(tmp_path):
    recipe = {"test_games": 3, "flags": []}
    (tmp_path / "config.json").write_bytes(
        contents.config(make_subject((4, 84, 84)), "a.pkl", recipe)
    )
    values = json.loads((tmp_path / "config.json").read_text())
    assert values["flags"] == {"frame_skip": 4, "learning_rate": 0.1}
    assert values["architecture"]["state_shape"] == [4, 84, 84]
    assert values["architecture"]["convolutions"][0] == {
        **{"filters": 32, "height": 8, "width": 8, "stride": 4},
    }
    assert contents.recipe_of(tmp_path) == recipe


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_folder_that_does_not_say_how_it_was_built_has_no_recipe(tmp_path, text):
    assert contents.recipe_of(tmp_path) is None
    (tmp_path / "config.json").write_text(text)
    assert contents.recipe_of(tmp_path) is None

"""A trained agent in other people's programs."""

import re
import subprocess
import sys

import cv2
import numpy as np
import pytest
from ale_py import ALEInterface
from ale_py.roms import get_rom_path

from dqn.errors import UserError
from dqn.networks.architecture import Architecture
from dqn.sharing.agent import load_agent
from dqn.snapshots.file import save_snapshot
from dqn.snapshots.snapshot import Metadata, Snapshot
from helpers.networks import make_network
from helpers.paths import PROJECT, SRC
from helpers.snapshots import make_snapshot_of

SCREENS = (2, 44, 40)


def write(path, architecture, game="breakout", **flags):
    snapshot = make_snapshot_of(architecture)
    actions = list(range(architecture.num_actions))
    about = Metadata(game, actions, architecture.state_shape, 1, flags=flags)
    save_snapshot(Snapshot(snapshot.layers, architecture, about), path)
    return path


def dense(shape, dtype, actions=3):
    return Architecture(actions, shape, (), (8,), state_dtype=dtype)


@pytest.fixture
def screens(tmp_path):
    """A snapshot of a network that sees two gray screens."""
    layers = make_network(
        num_actions=4, history_length=2, screen_height=44, screen_width=40
    ).get_layers()
    about = Metadata("breakout", [0, 1, 3, 4], SCREENS, 1)
    save_snapshot(Snapshot(layers, Architecture(4, SCREENS), about), tmp_path / "a.pkl")
    return tmp_path / "a.pkl"


def test_q_values_are_those_of_the_network_for_the_last_screens(screens):
    agent = load_agent(screens)
    network = make_network(num_actions=4, history_length=2, screen_height=44, screen_width=40)
    one, two, three = np.random.default_rng(0).integers(256, size=(3, 44, 40), dtype=np.uint8)

    def expected(*state):
        return network.predict(np.array([state]))[0]

    np.testing.assert_array_equal(agent.q_values(one), expected(one, one))
    np.testing.assert_array_equal(agent.q_values(two), expected(one, two))
    assert agent.act(three) == expected(two, three).argmax()
    agent.reset()
    np.testing.assert_array_equal(agent.q_values(three), expected(three, three))
    assert (agent.game, agent.actions, agent.state_shape) == ("breakout", [0, 1, 3, 4], SCREENS)


def test_a_coloured_picture_is_grayed_and_resized_as_ale_does(screens):
    ale = ALEInterface()
    ale.loadROM(str(get_rom_path("breakout")))
    gray = cv2.resize(ale.getScreenGrayscale(), (40, 44))
    coloured, ready = load_agent(screens), load_agent(screens)
    np.testing.assert_array_equal(coloured.q_values(ale.getScreenRGB()), ready.q_values(gray))
    with_channel = load_agent(screens)
    np.testing.assert_array_equal(
        with_channel.q_values(ale.getScreenGrayscale()[..., np.newaxis]),
        load_agent(screens).q_values(gray),
    )


def test_colours_stay_colours_where_the_network_sees_them(tmp_path):
    agent = load_agent(write(tmp_path / "a.pkl", Architecture(3, (1, 3, 40, 40))))
    picture = np.random.default_rng(0).integers(256, size=(40, 40, 3), dtype=np.uint8)
    planes = np.moveaxis(picture, -1, 0)
    np.testing.assert_array_equal(agent.q_values(picture), agent.q_values(planes))
    with pytest.raises(UserError, match="no observation"):
        agent.act(picture[..., 0])


def test_vectors_and_choices_are_taken_as_gymnasium_gives_them(tmp_path):
    agent = load_agent(write(tmp_path / "a.pkl", dense((1, 4), "float32"), "CartPole-v1"))
    numbers = [0.1, -2.0, 0.3, 4.0]
    expected = agent.q_values(np.array(numbers, np.float32))
    np.testing.assert_array_equal(agent.q_values(np.array([numbers])), expected)
    choice = load_agent(write(tmp_path / "b.pkl", dense((1, 4), "bool"), "FrozenLake-v1"))
    expected = choice.q_values(np.array([False, False, True, False]))
    np.testing.assert_array_equal(choice.q_values(2), expected)
    np.testing.assert_array_equal(choice.q_values(np.int64(2)), expected)


@pytest.mark.parametrize("observation", [np.zeros(3), 4, np.zeros((44, 40, 3))])
def test_what_the_network_cannot_see_is_one_line(tmp_path, observation):
    agent = load_agent(write(tmp_path / "a.pkl", dense((1, 4), "bool"), "FrozenLake-v1"))
    with pytest.raises(UserError, match="the network sees 4 bool, and no observation") as error:
        agent.act(observation)
    assert "\n" not in str(error.value)


def test_floats_are_no_picture(screens):
    with pytest.raises(UserError, match="sees 44×40 uint8"):
        load_agent(screens).act(np.zeros((210, 160, 3)))


def test_exploring_is_drawn_from_the_seed(tmp_path):
    path = write(tmp_path / "a.pkl", dense((1, 4), "float32"))
    drawn = [
        [agent.act(np.zeros(4)) for _ in range(60)]
        for agent in (load_agent(path, exploration_rate=1, seed=seed) for seed in (1, 1, 2))
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert set(drawn[0]) == {0, 1, 2}
    greedy = load_agent(path)
    assert len({greedy.act(np.zeros(4)) for _ in range(60)}) == 1


def test_a_file_that_is_no_snapshot_is_one_line(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"nothing")
    with pytest.raises(UserError, match="cannot be loaded"):
        load_agent(tmp_path / "a.pkl")
    snapshot = make_snapshot_of(dense((1, 4), "uint8"))
    save_snapshot(Snapshot(snapshot.layers, snapshot.architecture), tmp_path / "b.pkl")
    with pytest.raises(UserError, match="does not say what it was trained on"):
        load_agent(str(tmp_path / "b.pkl"))


def test_it_needs_no_window_no_player_and_no_recording():
    program = (
        "import sys; import dqn.sharing.agent; "
        "print(sorted({'pygame', 'av', 'ale_py', 'gymnasium', 'dqn.player', 'dqn.recording', "
        "'dqn.options', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=SRC, check=True
    )
    assert done.stdout == "[]\n"


def test_the_example_of_the_documentation_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("gymnasium", reason="pip install -r requirements-gym.txt")
    text = (PROJECT / "docs" / "gymnasium.md").read_text()
    example = next(code for code in re.findall(r"(?ms)^```python\n(.*?)^```", text))
    assert example.count("\n") <= 12
    (tmp_path / "snapshots").mkdir()
    write(tmp_path / "snapshots" / "CartPole-v1_best.pkl", dense((1, 4), "float32", 2))
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert re.fullmatch(r"score: \d+\.?\d*\n", capsys.readouterr().out)

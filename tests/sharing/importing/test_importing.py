"""Networks of other libraries become snapshots that compute the same, and nothing is run."""

import pickle
import zipfile
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

import convert
from dqn.sharing.agent import load_agent
from dqn.snapshots.file import load_snapshot
from helpers.foreign import (
    CleanRlNetwork,
    Hostile,
    cleanrl_network,
    cnn_policy,
    haiku_parameters,
    mlp_policy,
    q_values_of_haiku,
    saved,
    write_npz,
    write_sb3,
)

STATES = np.random.default_rng(1).integers(256, size=(6, 4, 84, 84), dtype=np.uint8)
TOLERANCE = {"rtol": 0, "atol": 1e-5}


def run(source, output, *flags):
    return convert.main([str(source), str(output), *flags])


def q_values_here(path, states=STATES):
    return load_agent(path)._network.predict(states)


def q_values_there(network, states=STATES):
    with torch.no_grad():
        return network(torch.from_numpy(states).float()).numpy()


@pytest.fixture
def refused(tmp_path, capsys):
    """Converts `kind:path`, which must fail with one line that has all the words."""

    def check(kind, path, *words, flags=("--game", "breakout")):
        capsys.readouterr()
        output = tmp_path / "output.pkl"
        assert run(f"{kind}:{path}", output, *flags) == 2
        *_, line = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ")
        assert all(word in line for word in words), line
        assert not output.exists()
        return line

    return check


@pytest.fixture(scope="module")
def sb3(tmp_path_factory):
    """The file of a network of Stable-Baselines3, and its network."""
    policy = cnn_policy()
    path = tmp_path_factory.mktemp("sb3") / "dqn-BreakoutNoFrameskip-v4.zip"
    return write_sb3(path, policy), policy.q_net


def test_a_network_of_stable_baselines3_has_the_same_q_values_here(sb3, tmp_path):
    path, network = sb3
    assert run(f"sb3:{path}", tmp_path / "a.pkl") == 0
    expected = q_values_there(lambda x: network(x / 255))
    np.testing.assert_allclose(q_values_here(tmp_path / "a.pkl"), expected, **TOLERANCE)


def test_its_snapshot_says_how_it_saw_and_learned(sb3, tmp_path):
    assert run(f"sb3:{sb3[0]}", tmp_path / "a.safetensors") == 0
    snapshot = load_snapshot(tmp_path / "a.safetensors")
    about = snapshot.metadata
    assert (about.game, about.actions) == ("breakout", [0, 1, 3, 4])
    assert (about.train_steps, about.weight_updates) == (1234, 300)
    expected = {
        "environment": "ale",
        "frame_skip": 4,
        "repeat_action_probability": 0,
        "minimal_action_set": True,
        "frame_pooling": "max",
        "grayscale": "opencv",
        "interpolation": "area",
        "episode_start": "stable-baselines3",
        "random_starts": 30,
        "history_length": 4,
        "biases": True,
        "optimizer": "adam",
        "learning_rate": 0.0001,
        "discount_rate": 0.98,
        "exploration_decay_steps": 1000,
    }
    assert about.flags.items() >= expected.items()


def test_settings_that_no_run_could_take_are_left_out(tmp_path):
    settings = {"learning_rate": float("nan"), "gamma": 1e300, "batch_size": -1, "tau": "x"}
    path = write_sb3(tmp_path / "breakout.zip", cnn_policy(), **settings, _total_timesteps=-5)
    assert run(f"sb3:{path}", tmp_path / "a.pkl") == 0
    flags = load_snapshot(tmp_path / "a.pkl").metadata.flags
    assert not flags.keys() & {"learning_rate", "discount_rate", "batch_size"}
    assert not flags.keys() & {"target_update_rate", "exploration_decay_steps"}


def test_sticky_actions_and_the_full_action_set_are_seen(tmp_path):
    path = write_sb3(tmp_path / "dqn-BreakoutNoFrameskip-v0.zip", cnn_policy(num_actions=18))
    assert run(f"sb3:{path}", tmp_path / "a.pkl") == 0
    flags = load_snapshot(tmp_path / "a.pkl").metadata.flags
    assert flags["repeat_action_probability"] == 0.25
    assert not flags["minimal_action_set"]


def test_a_network_that_sees_pixels_as_they_are_has_the_same_q_values(tmp_path):
    policy = cnn_policy(channels=2)
    space = {"_shape": [84, 84, 2], "dtype": "uint8"}
    path = tmp_path / "breakout.zip"
    write_sb3(path, policy, observation_space=space, policy_kwargs={"normalize_images": False})
    assert run(f"sb3:{path}", tmp_path / "a.pkl") == 0
    expected = q_values_there(policy.q_net, STATES[:, :2])
    found = q_values_here(tmp_path / "a.pkl", STATES[:, :2])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_a_network_of_vectors_has_the_same_q_values(tmp_path):
    policy = mlp_policy(4, 32, 16, 2, activation=nn.ELU)
    kwargs = {"activation_fn": "<class 'torch.nn.modules.activation.ELU'>", ":serialized:": "gAW"}
    path = tmp_path / "dqn-CartPole-v1.zip"
    write_sb3(path, policy, observation_space={"_shape": [4]}, policy_kwargs=kwargs)
    assert run(f"sb3:{path}", tmp_path / "a.pkl") == 0
    states = np.random.default_rng(0).standard_normal((9, 1, 4)).astype(np.float32)
    expected = q_values_there(policy.q_net, states[:, 0])
    np.testing.assert_allclose(q_values_here(tmp_path / "a.pkl", states), expected, **TOLERANCE)
    snapshot = load_snapshot(tmp_path / "a.pkl")
    assert snapshot.architecture.dense_units == (32, 16)
    assert snapshot.metadata.flags["environment"] == "gym"
    assert snapshot.metadata.flags["observation"] == "screen"  # as all of Gymnasium's, vectors too


def test_adams_states_come_along_and_training_goes_on_as_there(sb3, tmp_path):
    _, network = sb3
    parameters = list(network.parameters())
    optimizer = torch.optim.Adam(parameters, lr=0.001)
    network(torch.ones(2, 4, 84, 84)).square().sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    path = write_sb3(tmp_path / "breakout.zip", cnn_policy(), optimizer=saved(state))
    assert run(f"sb3:{path}", tmp_path / "a.pkl") == 0
    layers = load_snapshot(tmp_path / "a.pkl").layers
    for layer, (weights, biases) in zip(layers, list(pairwise(parameters))[::2], strict=True):
        for array, name in zip(layer.states, ("exp_avg", "exp_avg_sq"), strict=True):
            there = optimizer.state[weights][name].numpy()
            flat = there.reshape(len(there), -1)
            np.testing.assert_array_equal(array, flat.T if there.ndim == 4 else flat)
        for array, name in zip(layer.biases.states, ("exp_avg", "exp_avg_sq"), strict=True):
            np.testing.assert_array_equal(array[:, 0], optimizer.state[biases][name].numpy())


def test_a_network_of_cleanrl_has_the_same_q_values_here(tmp_path):
    network = cleanrl_network()
    folder = tmp_path / "BreakoutNoFrameskip-v4__dqn_atari__1__1700000000"
    folder.mkdir()
    (folder / "dqn_atari.cleanrl_model").write_bytes(saved(network.state_dict()))
    assert run(f"cleanrl:{folder}/dqn_atari.cleanrl_model", tmp_path / "a.pkl") == 0
    expected = q_values_there(network)
    np.testing.assert_allclose(q_values_here(tmp_path / "a.pkl"), expected, **TOLERANCE)
    flags = load_snapshot(tmp_path / "a.pkl").metadata.flags
    assert (flags["grayscale"], flags["episode_start"]) == ("opencv_last", "cleanrl")


def test_a_network_of_cleanrls_vectors_has_the_same_q_values_here(tmp_path):
    torch.manual_seed(1)
    network = CleanRlNetwork(
        *(nn.Linear(4, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 2))
    )
    path = tmp_path / "dqn.cleanrl_model"
    path.write_bytes(saved(network.state_dict()))
    assert run(f"cleanrl:{path}", tmp_path / "a.pkl", "--game", "CartPole-v1") == 0
    states = np.random.default_rng(0).standard_normal((9, 1, 4)).astype(np.float32)
    expected = q_values_there(network.network, states[:, 0])
    np.testing.assert_allclose(q_values_here(tmp_path / "a.pkl", states), expected, **TOLERANCE)


@pytest.mark.parametrize("shared_bias", [False, True])
@pytest.mark.parametrize("kind", ["npz", "pickle"])
def test_a_network_of_dqn_zoo_has_the_same_q_values_here(tmp_path, kind, shared_bias):
    parameters = haiku_parameters(shared_bias=shared_bias)
    path = tmp_path / f"breakout.{kind}"
    if kind == "npz":
        write_npz(path, parameters)
    else:
        path.write_bytes(pickle.dumps(parameters))
    assert run(f"dqn_zoo:{path}", tmp_path / "a.pkl") == 0
    expected = q_values_of_haiku(parameters, STATES)
    np.testing.assert_allclose(q_values_here(tmp_path / "a.pkl"), expected, **TOLERANCE)
    flags = load_snapshot(tmp_path / "a.pkl").metadata.flags
    assert (flags["interpolation"], flags["episode_start"]) == ("pillow", "dqn_zoo")


def test_a_network_of_cleanrls_jax_scripts_is_read_from_npz(tmp_path):
    names = ["Conv_0", "Conv_1", "Conv_2", "Dense_0", "Dense_1"]
    parameters = haiku_parameters()
    flax = {
        f"params/{name}": {"kernel": of["w"], "bias": of["b"]}
        for name, of in zip(names, parameters.values(), strict=True)
    }
    path = write_npz(tmp_path / "breakout.npz", flax)
    assert run(f"cleanrl:{path}", tmp_path / "a.pkl") == 0
    expected = q_values_of_haiku(parameters, STATES)
    np.testing.assert_allclose(q_values_here(tmp_path / "a.pkl"), expected, **TOLERANCE)


def test_the_real_library_computes_the_same(tmp_path):
    library = pytest.importorskip("stable_baselines3")
    spaces = pytest.importorskip("gymnasium.spaces")
    envs = pytest.importorskip("gymnasium")

    class Screens(envs.Env):
        observation_space = spaces.Box(0, 255, (84, 84, 4), np.uint8)
        action_space = spaces.Discrete(4)

    model = library.DQN("CnnPolicy", Screens(), buffer_size=1, device="cpu", seed=3)
    model.save(tmp_path / "breakout.zip")
    assert run(f"sb3:{tmp_path}/breakout.zip", tmp_path / "a.pkl") == 0
    expected = q_values_there(model.policy.q_net)
    np.testing.assert_allclose(q_values_here(tmp_path / "a.pkl"), expected, **TOLERANCE)


def test_the_game_is_that_of_a_file_or_of_its_flag(sb3, tmp_path, refused):
    path = write_sb3(tmp_path / "dqn.zip", cnn_policy())
    refused("sb3", path, "neither file is named after a game", "--game", flags=())
    assert run(f"sb3:{path}", tmp_path / "breakout_sb3.pkl") == 0
    assert load_snapshot(tmp_path / "breakout_sb3.pkl").metadata.game == "breakout"
    refused("sb3", sb3[0], "4 actions, but pong has 6 or 18", flags=("--game", "pong"))
    refused("sb3", sb3[0], "no environment 'nothing'", flags=("--game", "nothing"))
    refused("sb3", sb3[0], "no game", flags=("--game", "NothingNoFrameskip-v4"))


def test_vectors_need_an_environment_of_their_size(tmp_path, refused):
    path = write_sb3(tmp_path / "a.zip", mlp_policy(6, 8, 2))
    refused("sb3", path, "6 numbers, but CartPole-v1 shows 4", flags=("--game", "CartPole-v1"))
    path = write_sb3(tmp_path / "a.zip", mlp_policy(6, 8, 4))
    refused("sb3", path, "6 numbers, not screens", "--game CartPole-v1")


def test_no_pickle_is_run(tmp_path, refused):
    written = tmp_path / "written"
    hostile = saved({"q_net.q_net.0.weight": Hostile(written)})
    path = write_sb3(tmp_path / "a.zip", cnn_policy(), policy=hostile)
    refused("sb3", path, "would run code (io.open)", "nothing was run", "DQN.load")
    path.write_bytes(hostile)
    refused("cleanrl", path, "would run code (io.open)", "torch.save(q_network.state_dict()")
    path.write_bytes(pickle.dumps({"linear": {"w": Hostile(written)}}))
    refused("dqn_zoo", path, "would run code (io.open)", "numpy.savez")
    np.savez(tmp_path / "b.npz", a=np.array([Hostile(written)], object))
    refused("dqn_zoo", tmp_path / "b.npz", "no array of plain numbers", "numpy.savez")
    path = write_sb3(tmp_path / "a.zip", cnn_policy(), optimizer=hostile)
    assert run(f"sb3:{path}", tmp_path / "breakout.pkl") == 0  # without the optimizer
    assert not written.exists()


def test_other_networks_are_refused_by_what_differs(tmp_path, refused):
    def refuse(*words, policy=None, **changes):
        path = write_sb3(tmp_path / "a.zip", policy or cnn_policy(), **changes)
        refused("sb3", path, *words)

    ppo = {"__module__": "stable_baselines3.ppo.policies"}
    refuse("a model of ppo", policy=nn.Linear(2, 2), policy_class=ppo)
    refuse(
        "red, green and blue",
        policy=cnn_policy(channels=3),
        observation_space={"_shape": [3, 84, 84], "dtype": "uint8"},
    )
    refuse("no stack of gray screens", observation_space={"_shape": [4]})
    refuse("are no bytes", observation_space={"_shape": [4, 84, 84], "dtype": "float32"})
    refuse(
        "(24, 3136), not (24, 2688)", observation_space={"_shape": [4, 76, 84], "dtype": "uint8"}
    )
    refuse("no dense layer", policy=mlp_policy(4, 2))
    refuse("Tanh", policy=mlp_policy(4, 8, 2), policy_kwargs={"activation_fn": "<class 'x.Tanh'>"})
    refuse("do not alternate", policy=_renamed("q_net.0.", "q_net.1."))
    refuse("it has no", policy=_renamed("cnn.4.bias", "cnn.4.biases"))
    refuse("which a DQN has not", policy=_with("q_net.extra", torch.ones(2)))
    refuse(
        "are not those of the Nature paper",
        policy=_with("q_net.features_extractor.cnn.4.weight", torch.ones(64, 64, 5, 5)),
    )
    refuse("holds infinity or NaN", policy=_with("q_net.q_net.0.bias", torch.full((4,), np.nan)))
    refuse("decimal numbers", policy=_with("q_net.q_net.0.bias", torch.ones(4, dtype=torch.int64)))


class _Changed:
    def __init__(self, state):
        self.state_dict = lambda: state


def _renamed(old, new):
    return _Changed({n.replace(old, new): a for n, a in cnn_policy().state_dict().items()})


def _with(name, tensor):
    return _Changed({**cnn_policy().state_dict(), name: tensor})


def test_damaged_files_are_refused_in_one_line(tmp_path, sb3, refused):
    path = tmp_path / "a.zip"
    refused("sb3", tmp_path / "none.zip", "No such file")
    refused("sb3", tmp_path, "is a folder")
    path.write_bytes(b"")
    refused("sb3", path, "is empty")
    path.write_bytes(sb3[0].read_bytes()[:100_000])
    refused("sb3", path, "no ZIP archive")
    write_sb3(path, cnn_policy(), policy=None)
    refused("sb3", path, "no 'policy.pth'")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data", "{")
    refused("sb3", path, "no JSON")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("policy.pth", bytes(10**7))
    refused("sb3", path, "times as many bytes")
    refused("cleanrl", path, "times as many bytes")
    refused("dqn_zoo", path, "times as many bytes")
    path.write_bytes(saved({"network.0.weight": torch.ones(2, 2)}))
    refused("cleanrl", path, "no 'network.0.bias'")
    path.write_bytes(saved({"actor.0.weight": torch.ones(2, 2)}))
    refused("cleanrl", path, "'actor.0.weight'")
    refused("dqn_zoo", write_npz(tmp_path / "b.npz", {"a": {"x": np.ones(2)}}), "'a/x'")
    path.write_bytes(pickle.dumps([1]))
    refused("dqn_zoo", path, "not of a network's parameters")


def test_a_refused_import_leaves_an_older_output_in_its_place(tmp_path, capsys):
    path = write_sb3(tmp_path / "a.zip", _with("q_net.q_net.0.bias", torch.full((4,), np.inf)))
    (tmp_path / "breakout.pkl").write_text("older")
    assert run(f"sb3:{path}", tmp_path / "breakout.pkl") == 2
    assert (tmp_path / "breakout.pkl").read_text() == "older"
    assert "diverged" in capsys.readouterr().err

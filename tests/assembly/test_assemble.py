"""Each run is wired from the parts that it needs, and from no others."""

import logging
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dqn.assembly import acting, learning, watching
from dqn.assembly.assemble import assemble
from dqn.assembly.chance import Chance
from dqn.errors import UserError
from dqn.learner import Learner, OverlappingLearner
from dqn.networks.architecture import Architecture
from dqn.origin import find_origin
from dqn.replay import storage
from dqn.replay.prioritized import PrioritizedSampler
from dqn.replay.returns import NStepReturns, OneStepReturns
from dqn.replay.settings import PrioritySettings
from dqn.replay.transitions import NStepTransitions, OneStepTransitions
from dqn.snapshots.file import save_snapshot
from dqn.snapshots.snapshot import Metadata, Snapshot
from helpers import golden
from helpers.networks import make_network
from helpers.paths import PROJECT

SIZE = {"screen_height": 44, "screen_width": 44, "history_length": 2}
SMALL = "--backend cpu --screen_height 44 --screen_width 44 --history_length 2".split()
TRAIN = "breakout --random_steps 20 --train_steps 10 --test_steps 5 --replay_size 100".split()
TEST = "--random_steps 0 --train_steps 0 --test_games 2 --epochs 1".split()
PLAY = "--random_steps 0 --train_steps 0 --test_steps 0 --epochs 0 --play_games 3".split()
LOAD = ["--load_weights", "snapshot.pkl"]
SHOW = ["--display_screen", "terminal"]
RECORD = ["--record_games", "1"]
SAVE = "--save_weights_prefix saved/breakout --csv_file results/breakout.csv".split()


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    """A snapshot of two epochs."""
    path = tmp_path_factory.mktemp("snapshots") / "snapshot.pkl"
    metadata = Metadata(
        "breakout", [0, 1, 3, 4], (2, 44, 44), 2, train_steps=700, weight_updates=170
    )
    layers = make_network(**SIZE, seed=5).get_layers()
    save_snapshot(Snapshot(layers, Architecture(4, (2, 44, 44)), metadata), path)
    return path


@pytest.fixture
def wire(tmp_path, monkeypatch, snapshot):
    """Wires the run of a command line, in an empty folder with a snapshot; it is never begun."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "snapshot.pkl").symlink_to(snapshot)
    entered = []

    def wire(*arguments):
        origins = find_origin([*SMALL, "--random_seed", "1", *arguments], PROJECT)
        origin = origins.__enter__()
        entered.append(origins)
        run = assemble(origin, SimpleNamespace(status=None), tmp_path / "videos")
        entered.append(run.actors)
        return run

    yield wire
    for part in reversed(entered):
        part.close() if hasattr(part, "close") else part.__exit__(None, None, None)


def must_not(what):
    def fail(*_, **__):
        raise AssertionError(f"{what}, which this run does not need")

    return fail


def agent_of(run):
    return run.experiment._agent


def test_a_replay_memory_that_fits_beside_no_large_network_is_refused(wire, monkeypatch):
    monkeypatch.setattr(storage, "available_memory", lambda: storage.OTHER_MEMORY + 2**25)
    wire(*TRAIN, "--dense_units", "512")
    with pytest.raises(UserError, match="rest of the program"):
        wire(*TRAIN, "--dense_units", "8000")


def memory_of(run):
    return run.statistics._memory


def network_of(run):
    return run.statistics._network


# Which parts there are


ALWAYS = {"actors", "statistics", "experiment"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (TRAIN, set()),
        ([*TRAIN, *SAVE], {"saver", "checkpointer"}),
        ([*TRAIN, *SAVE, "--checkpoint", "false"], {"saver"}),
        ([*TRAIN, *SAVE, *SHOW], {"saver", "checkpointer", "spectator"}),
        ([*TRAIN, *SAVE, *LOAD], {"saver", "checkpointer"}),
        ([*TEST, *LOAD], set()),
        ([*TEST, *LOAD, *SHOW], {"spectator"}),
        ([*PLAY, *LOAD], set()),
        ([*PLAY, *LOAD, *SHOW], {"player"}),
        ([*PLAY, *LOAD, *RECORD, "--video_file", "a.mp4"], {"recording"}),
        ([*PLAY, *LOAD, *RECORD, "--video_file", "a.mp4", *SHOW], {"recording", "player"}),
        ([*PLAY, "breakout", *SHOW], {"player"}),
        (
            [*PLAY, "breakout", *SHOW, *RECORD, "--record_screen_path", "frames"],
            {"recording", "player"},
        ),
    ],
)
def test_a_run_has_the_parts_that_it_needs_and_no_others(wire, tmp_path, arguments, expected):
    run = wire(*arguments)
    assert {name for name, part in vars(run).items() if part is not None} == ALWAYS | expected
    watchers = [getattr(run, name) for name in ("recording", "player", "spectator")]
    assert run.watchers == [part for part in watchers if part]
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert {path.name for path in files} <= {"lock"}  # nothing is written before the run begins


def test_a_person_who_plays_needs_neither_network_nor_memory_nor_training_games(wire, monkeypatch):
    monkeypatch.setattr(learning, "create_network", must_not("made a network"))
    monkeypatch.setattr(learning, "create_storage", must_not("took a replay memory"))
    run = wire(*PLAY, "breakout", *SHOW)
    assert list(run.actors.groups) == ["test"]
    assert network_of(run) is None
    assert memory_of(run) is None
    assert agent_of(run)._test_policy == run.player.choose_actions


@pytest.mark.parametrize("arguments", [TEST, PLAY, [*PLAY, *SHOW]])
def test_who_does_not_train_has_no_room_for_screens(wire, tmp_path, arguments):
    run = wire(*arguments, *LOAD, "--replay_size", "1000000", "--replay_file", "replay")
    assert memory_of(run).size == 0
    assert not (tmp_path / "replay").exists()


def test_who_trains_has_the_memory_that_was_asked_for(wire):
    memory = memory_of(wire(*TRAIN, "--batch_size", "7", "--actors", "3"))
    assert memory.size == 99  # 33 for each
    assert [len(stream) for stream in memory.streams] == [0] * 3
    assert memory.batch_size == 7
    assert memory.state_shape == (2, 44, 44)


# What the parts are made of


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ([], PrioritySettings()),
        (
            "--priority_exponent 0.5 --importance_exponent_start 0 --importance_exponent_end 0.9",
            PrioritySettings(0.5, 0, 0.9),
        ),
    ],
)
def test_prioritized_replay_is_a_sampler_of_its_own_whose_state_is_kept(wire, arguments, settings):
    arguments = arguments.split() if arguments else []
    run = wire(*TRAIN, *SAVE, "--prioritized", "true", *arguments)
    sampler = memory_of(run).sampler
    assert type(sampler) is PrioritizedSampler
    assert sampler._settings == settings
    assert run.checkpointer._parts["sampler"] is sampler
    # An update that is under way ends, and sets its errors, before the sampler's state is taken.
    assert next(iter(run.checkpointer._parts)) == "learner"


@pytest.mark.parametrize(
    ("arguments", "planned", "done"),
    [
        ("--train_steps 100 --epochs 30 --train_frequency 4", 750, 0),
        ("--train_steps 100 --epochs 30 --train_frequency 4 --train_repeat 2", 1500, 0),
        ("--train_steps 100 --epochs 30 --train_frequency 1 --start_epoch 3", 3000, 300),
        ("--train_steps 0 --epochs 30 --test_games 1", 0, 0),
    ],
)
def test_the_weights_of_prioritized_replay_follow_from_the_whole_run(
    wire, arguments, planned, done
):
    sampler = memory_of(wire(*TRAIN, "--prioritized", "true", *arguments.split())).sampler
    assert sampler._planned_minibatches == max(1, planned)
    assert sampler._num_minibatches == done


@pytest.mark.parametrize(
    ("arguments", "kind", "returns"),
    [
        ([], OneStepTransitions, OneStepReturns()),
        (["--n_steps", "3"], NStepTransitions, NStepReturns(3)),
        (
            "--n_steps 5 --discount_rate 0.5 --min_reward -2 --max_reward 7".split(),
            NStepTransitions,
            NStepReturns(5, 0.5, -2, 7),
        ),
    ],
)
def test_several_steps_are_made_transitions_of_in_their_own_way(wire, arguments, kind, returns):
    make_minibatch = memory_of(wire(*TRAIN, *arguments))._make_minibatch
    assert type(make_minibatch) is kind
    assert make_minibatch._returns == returns


@pytest.mark.parametrize(("value", "kind"), [("false", Learner), ("true", OverlappingLearner)])
def test_overlapping_is_a_learner_of_its_own(wire, value, kind):
    assert type(agent_of(wire(*TRAIN, "--overlap", value))._learner) is kind


def test_a_loaded_snapshot_brings_its_weights_and_its_counts(wire):
    run = wire(*TRAIN, *LOAD)
    expected = make_network(**SIZE, seed=5).get_layers()
    for layer, other in zip(network_of(run).get_layers(), expected, strict=True):
        np.testing.assert_array_equal(layer.weights, other.weights)
    assert network_of(run).train_iterations == 170
    assert agent_of(run).total_train_steps == 700


@pytest.mark.parametrize(
    ("trained", "given", "kept", "logged"),
    [
        ("adam", ["--optimizer", "adam"], True, False),
        ("adam", ["--optimizer", "rmsprop_graves"], False, True),
        (None, ["--optimizer", "adam"], True, False),
        ("adam", ["--optimizer", "rmsprop_graves", "--train_steps", "0"], False, False),
    ],
)
def test_states_of_another_optimizer_are_dropped(
    wire, tmp_path, caplog, trained, given, kept, logged
):
    """Adam and Graves' RMSProp both have two, but they mean something else."""
    caplog.set_level(logging.INFO)
    trainer = make_network(**SIZE, optimizer="adam")
    trainer.train(golden.make_minibatch(0, 32, 4, (2, 44, 44)))
    flags = {"optimizer": trained} if trained else {}
    metadata = Metadata("breakout", [0, 1, 3, 4], (2, 44, 44), 2, flags=flags)
    layers = trainer.get_layers()
    save_snapshot(Snapshot(layers, Architecture(4, (2, 44, 44)), metadata), tmp_path / "adam.pkl")
    network = network_of(wire(*TRAIN, "--load_weights", "adam.pkl", *given))
    for layer, expected in zip(network.get_layers(), layers, strict=True):
        np.testing.assert_array_equal(layer.weights, expected.weights)
        for mine, theirs in zip(layer.states, expected.states, strict=True):
            np.testing.assert_array_equal(mine, theirs if kept else np.zeros_like(theirs))
    line = "has states of --optimizer adam: those of rmsprop_graves start from zero"
    assert (line in caplog.text) == logged


@pytest.mark.parametrize(
    ("arguments", "steps", "rate"),
    [
        ([], 0, 1),
        (["--start_epoch", "3"], 30, 1),
        (["--trained_steps", "40"], 40, 1),
        (["--start_epoch", "3", "--trained_steps", "40"], 70, 1),
        (LOAD, 700, 0.37),
        ([*LOAD, "--trained_steps", "100"], 800, 0.28),
        ([*LOAD, "--start_epoch", "auto"], 700, 0.37),
    ],
)
def test_the_exploration_rate_follows_from_all_steps_so_far(wire, arguments, steps, rate):
    run = wire(*TRAIN, "--exploration_decay_steps", "1000", *arguments)
    assert agent_of(run).total_train_steps == steps
    # Without a snapshot to play by, the replay memory is filled by random steps.
    assert run.experiment.get_state()["random_exploration_rate"] == pytest.approx(rate)


def test_a_checkpoint_holds_all_that_changes_and_which_run_it_is(wire):
    run = wire(*TRAIN, *SAVE)
    checkpointer = run.checkpointer
    assert set(checkpointer._parts) == {
        *("learner", "network", "train_actors", "test_actors"),
        *("agent", "saver", "statistics", "experiment"),
    }
    assert set(checkpointer._generators) == {"train", "test", "memory", "network"}
    values = checkpointer._values
    assert values["game"] == "breakout"
    assert len(values["rom_sha256"]) == 64
    assert values["options"]["train_steps"] == 10
    assert values["options"]["random_seed"] == 1


def test_the_saver_keeps_what_was_asked_for_and_records_the_run(wire):
    saver = wire(*TRAIN, *SAVE, *LOAD, "--keep_snapshots", "last:3").saver
    assert saver.last_good == Path("snapshot.pkl")
    assert saver._num_newest == 3
    assert saver._metadata.game == "breakout"
    assert saver._metadata.actions == [0, 1, 3, 4]
    assert saver._metadata.input_shape == (2, 44, 44)
    assert saver._architecture == Architecture(4, (2, 44, 44))


def test_training_ends_an_episode_with_a_life_and_testing_does_not(wire):
    groups = wire(*TRAIN).actors.groups
    games = {name: group.first.environment for name, group in groups.items()}
    assert games["train"]._life_loss_is_terminal
    assert not games["test"]._life_loss_is_terminal


def test_training_need_not_end_an_episode_with_a_life(wire):
    groups = wire(*TRAIN, "--life_loss_terminal", "false").actors.groups
    assert not any(group.first.environment._life_loss_is_terminal for group in groups.values())


def test_fire_begins_the_episodes_of_training_and_testing(wire):
    for group in wire(*TRAIN, "--fire_on_start", "true").actors.groups.values():
        group.restart()
        assert group.first.action == 1
        group.first.act(2)


@pytest.mark.parametrize(("start", "with_lives"), [("cleanrl", True), ("dqn_zoo", False)])
def test_where_each_life_begins_an_episode_it_does_in_tests_too(wire, start, with_lives):
    group = wire(*TRAIN, "--episode_start", start).actors.groups["test"]
    assert group.first.environment._life_loss_is_terminal == with_lives
    group.restart()
    states = group.states[0]
    assert states.any(axis=(1, 2)).all() == (start == "cleanrl")


@pytest.mark.parametrize(("observation", "shape"), [("ram", (128,)), ("rgb", (3, 44, 44))])
def test_states_have_the_shape_of_what_is_observed(wire, observation, shape):
    play = "breakout --play_games 3 --display_screen terminal".split()
    actors = wire(*play, "--observation", observation).actors.groups["test"]
    actors.start()
    assert actors.states.shape == (1, 2, *shape)
    assert actors.first.act(0).observation.shape == shape


@pytest.mark.parametrize(("observation", "shape"), [("ram", (128,)), ("rgb", (3, 44, 44))])
def test_the_replay_memory_keeps_what_is_observed(wire, observation, shape):
    run = wire(*TRAIN, "--observation", observation, "--network", "dense")
    assert memory_of(run).state_shape == (2, *shape)


@pytest.mark.parametrize(
    ("arguments", "network", "waits"),
    [
        ([*PLAY, *LOAD], True, False),
        ([*PLAY, "breakout"], False, False),
        ([*PLAY, "breakout", "--play_games", "auto"], False, True),
    ],
)
def test_a_player_watches_the_test_game_on_a_display_with_its_name(
    wire, tmp_path, monkeypatch, arguments, network, waits
):
    opened = []
    monkeypatch.setattr(watching, "open_display", lambda *about: opened.append(about))
    run = wire(*arguments, *SHOW)
    player = run.player
    assert player._network is network_of(run)
    assert (player._network is not None) == network
    assert player._actor is run.actors.groups["test"].first
    assert player._waits_after_games == waits
    assert run.experiment._play_games == (math.inf if waits else 3)
    assert player._videos == tmp_path / "videos"
    player._open_display()
    assert opened == [("terminal", "Breakout")]


@pytest.mark.parametrize(
    ("arguments", "facts"),
    [
        ([*PLAY, "breakout"], {"seed": "1"}),
        ([*PLAY, *LOAD], {"snapshot": "snapshot.pkl", "epoch": "2", "seed": "1"}),
    ],
)
def test_a_video_tells_who_played(wire, arguments, facts):
    assert wire(*arguments, *SHOW).player._facts == facts


# Chance


def test_every_source_of_chance_has_its_own_generator():
    one, same, other = Chance(1), Chance(1), Chance(2)
    assert list(one.generators) == ["train", "test", "memory", "network"]
    drawn = {name: generator.random() for name, generator in one.generators.items()}
    assert len(set(drawn.values())) == 4
    assert drawn == {name: generator.random() for name, generator in same.generators.items()}
    assert not set(drawn.values()) & {g.random() for g in other.generators.values()}
    assert one.seeds["game"].generate_state(4).tolist() == (
        same.seeds["game"].generate_state(4).tolist()
    )


def test_the_same_seed_makes_the_same_network_and_another_one_another(wire):
    weights = [
        network_of(wire(*TRAIN, "--random_seed", seed)).get_layers()[0].weights
        for seed in ("1", "1", "2")
    ]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()


def test_a_seed_that_nobody_chose_is_drawn_and_logged(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("secrets.randbits", lambda bits: 4321)
    monkeypatch.chdir(tmp_path)
    with find_origin([*SMALL, *TRAIN], PROJECT) as origin:
        assemble(origin, SimpleNamespace(status=None), tmp_path).actors.close()
    assert "Using random seed 4321" in caplog.text
    assert origin.args.random_seed == 4321


# How many actors


@pytest.mark.parametrize(
    ("arguments", "learns_on_gpu", "num_actors"),
    [
        (TRAIN, True, 4),
        (TRAIN, False, 1),
        ([*PLAY, *LOAD], True, 1),
        ([*PLAY, "breakout", *SHOW], True, 1),
        ([*TRAIN, "--actors", "2"], True, 2),
        ([*TRAIN, "--actors", "2"], False, 2),
    ],
)
def test_where_a_gpu_learns_there_are_four_actors_for_each_core(
    wire, monkeypatch, arguments, learns_on_gpu, num_actors
):
    monkeypatch.setattr(acting, "learns_on_gpu", lambda compute: learns_on_gpu)
    monkeypatch.setattr(acting, "usable_cores", lambda: 1)
    run = wire(*arguments)
    assert {len(group) for group in run.actors.groups.values()} == {num_actors}


def test_many_cores_get_no_more_actors_than_the_most(wire, monkeypatch):
    monkeypatch.setattr(acting, "learns_on_gpu", lambda compute: True)
    monkeypatch.setattr(acting, "MOST_ACTORS", 2)
    assert len(wire(*TRAIN).actors.groups["train"]) == 2


@pytest.mark.parametrize("on_gpu", [False, True])
def test_overlapping_takes_a_thread_on_a_cpu_alone(wire, monkeypatch, on_gpu):
    monkeypatch.setattr(acting, "learns_on_gpu", lambda compute: on_gpu)
    agent = agent_of(wire(*TRAIN, "--overlap", "true", "--actors", "2"))
    assert agent._learns_meanwhile == on_gpu
    assert isinstance(agent._learner, OverlappingLearner) != on_gpu


# Which datatype


def test_datatype_auto_is_chosen_once_for_the_run_and_kept_with_it(wire, monkeypatch):
    chosen = []

    def choose(*settings):
        chosen.append(settings)
        return "bfloat16"

    monkeypatch.setattr(learning, "choose_datatype", choose)
    run = wire(*TRAIN, *SAVE, "--datatype", "auto", "--batch_size", "7")
    ((architecture, optimization, _, compute),) = chosen
    assert (architecture.num_actions, architecture.state_shape) == (4, (2, 44, 44))
    assert (optimization.batch_size, compute.backend) == (7, "cpu")
    assert str(network_of(run)._dtype) == "torch.bfloat16"
    assert run.checkpointer._values["options"]["datatype"] == "bfloat16"
    assert run.saver._metadata.flags["datatype"] == "bfloat16"


@pytest.mark.parametrize(
    "arguments", [[*TEST, *LOAD], [*PLAY, *LOAD], [*PLAY, *LOAD, *SHOW], [*PLAY, "breakout", *SHOW]]
)
def test_who_only_predicts_measures_nothing(wire, monkeypatch, arguments):
    monkeypatch.setattr(learning, "choose_datatype", must_not("measured updates"))
    network = network_of(wire(*arguments, "--datatype", "auto"))
    assert network is None or str(network._dtype) == "torch.float32"


def test_a_replay_memory_without_room_for_all_actors_is_refused(wire):
    with pytest.raises(UserError, match="too small for 21 actors: use at least 105, or lower"):
        wire(*TRAIN, "--actors", "21")

"""Looking on at a training: what its window shows, and that the training does not notice."""

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import main
from dqn.actors.actor import Actor
from dqn.assembly import watching
from dqn.environments.atari import AleEnvironment
from dqn.environments.roms import find_rom
from dqn.environments.settings import GameSettings, ObservationSettings
from dqn.player.keyboard import COMMANDS, Command
from dqn.player.spectator import Spectator
from helpers.networks import make_network
from helpers.watched import HISTORY_LENGTH, Script

FRAME_SECONDS = 0.004  # what a frame takes in a training
MESSAGE = "works in play.sh only"


class Training:
    """A game that is played by nobody, fast, with a spectator; time passes by its frames alone."""

    def __init__(self, frame_seconds=FRAME_SECONDS):
        rom, name = find_rom("breakout", Path("roms"))
        game = AleEnvironment(
            *(rom, name, GameSettings(max_game_frames=0), ObservationSettings()),
            life_loss_is_terminal=True,
            seed=1,
        )
        self.actor = Actor(
            game,
            state_shape=(HISTORY_LENGTH, 84, 84),
            random_starts=4,
            generator=np.random.default_rng(1),
        )
        self.display = Script()
        self.network = make_network(num_actions=game.num_actions)
        self.predictions = 0
        self.statistics = SimpleNamespace(epoch=3, phase="train", exploration_rate=0.85)
        self.now = 100.0
        self.spectator = Spectator(
            {"training": self.actor}, self, self.statistics, lambda: self.display, lambda: self.now
        )
        self.frames = []  # their pictures
        self.frame_seconds = frame_seconds
        self._actions = np.random.default_rng(2)

    def predict(self, states):
        """Takes the place of the network's."""
        self.predictions += 1
        return self.network.predict(states)

    def __enter__(self):
        self.spectator.__enter__()
        self._on_frame = self.actor.environment.on_frame
        self.actor.environment.on_frame = self._pass
        self.actor.start()
        return self

    def __exit__(self, *error):
        self.spectator.__exit__(*error)

    def _pass(self, frame):
        self.now += self.frame_seconds
        self.frames.append(frame.picture)
        self._on_frame(frame)

    def play(self, seconds):
        """Train for so long; returns the numbers of the frames that were shown meanwhile."""
        self.display.pictures.clear()
        end = self.now + seconds
        while self.now < end:
            self.actor.act(int(self._actions.integers(4)))
        numbers = {id(frame): number for number, frame in enumerate(self.frames)}
        return [numbers[id(picture)] for picture in self.display.pictures]

    def press(self, *commands):
        """Press keys, and train until they have been noticed."""
        self.display.press(*commands)
        self.play(0.05)

    @property
    def view(self):
        return self.display.views[-1]


@pytest.fixture
def training():
    with Training() as training:
        training.play(0.1)
        yield training


def test_epoch_and_exploration_rate_are_shown_with_the_score(training):
    assert training.view.who == "training"
    assert training.view.status == ["epoch 3", "ε 0.850", "score 0", "live", "h: help"]
    training.statistics.phase = "random"
    training.play(0.1)
    assert training.view.status[0] == "filling the memory"


def test_live_shows_the_newest_frame_sixty_times_a_second():
    with Training(frame_seconds=0.001) as training:
        training.play(0.1)
        shown = training.play(1)
    assert 55 <= len(shown) <= 60
    assert set(np.diff(shown)) <= {16, 17, 18}


@pytest.mark.parametrize(
    ("presses", "speed"), [(1, 1), (2, 0.5), (3, 0.25), (4, 0.125), (9, 0.125)]
)
def test_slower_shows_every_frame_of_a_stretch_at_its_speed(training, presses, speed):
    training.press(*[Command.SLOWER] * presses)
    assert f"{speed:g}×" in training.view.status
    shown = sorted(set(training.play(2)))
    assert abs(len(shown) - 120 * speed) <= 3
    assert shown == list(range(shown[0], shown[0] + len(shown)))


def test_after_five_seconds_of_a_game_come_the_newest(training):
    training.press(Command.SLOWER)
    shown = training.play(12)
    jumps = np.flatnonzero(np.diff(shown) > 1)
    assert len(jumps) == 2
    assert jumps[1] - jumps[0] == 300
    assert shown[jumps[1] + 1] - shown[jumps[1]] > 900  # what was left out


def test_faster_is_live_again(training):
    training.press(Command.SLOWER, Command.SLOWER)
    training.press(Command.FASTER, Command.FASTER, Command.FASTER)
    assert "live" in training.view.status
    shown = training.play(0.5)
    assert shown[-1] >= len(training.frames) - 20


def test_a_training_slower_than_the_game_is_shown_frame_by_frame():
    with Training(frame_seconds=0.03) as training:
        training.play(1)
        training.press(Command.SLOWER)
        shown = training.play(2)
        assert shown == list(range(len(training.frames) - len(shown), len(training.frames)))


def test_p_freezes_the_picture_and_the_training_goes_on(training):
    training.press(Command.PAUSE)
    frames = len(training.frames)
    shown = training.play(1)
    assert len(set(shown)) == 1
    assert len(training.frames) > frames + 200
    assert "frozen" in training.view.status
    training.press(Command.HELP)  # also then
    assert training.view.help
    training.press(Command.HELP, Command.PAUSE)
    assert training.play(0.5)[-1] >= len(training.frames) - 20


def test_o_shows_the_q_values_of_what_the_network_sees(training):
    assert training.view.insight is None
    training.press(Command.OVERLAY)
    training.press(Command.PAUSE)
    training.play(0.5)
    insight = training.view.insight
    expected = training.network.predict(insight.state[np.newaxis])[0]
    np.testing.assert_array_equal(insight.q_values, expected)
    assert insight.actions == ["no-op", "fire", "right", "left"]
    assert insight.action in range(4)
    assert insight.exploration_rate == 0.85
    training.press(Command.OVERLAY)
    assert training.view.insight is None


def test_the_overlay_costs_the_training_few_predictions(training):
    training.press(Command.OVERLAY)
    before = training.predictions
    training.play(2)
    assert 0 < training.predictions - before <= 21
    training.press(Command.PAUSE)
    training.play(0.5)
    before = training.predictions
    training.play(2)
    assert training.predictions == before


def test_h_shows_what_the_keys_do_here(training):
    training.press(Command.HELP)
    text = " ".join(text for _, text in training.view.help)
    assert "live" in text
    assert "record" not in text
    training.press(Command.HELP)
    assert not training.view.help


@pytest.mark.parametrize("key", ["m", "n", "r", "[", "]"])
def test_a_key_that_is_for_playing_says_so(training, key):
    training.press(COMMANDS[key])
    assert training.view.message == f"{key} {MESSAGE}"
    training.frame_seconds = 0.05
    training.play(4)
    assert training.view.message == ""


def test_every_other_key_does_something(training):
    for command in set(COMMANDS.values()) - {Command.PLAY_AGAIN, Command.QUIT}:
        before = training.view
        training.press(command)
        training.play(0.1)
        does = (
            training.view.message
            or training.view.help != before.help
            or (training.view.insight is None) != (before.insight is None)
            or training.view.status != before.status
            or training.display.is_full_screen
        )
        assert does or command == Command.FASTER, command  # which is as fast as it can be


def test_quitting_closes_the_display_and_the_game_goes_on(training):
    training.display.press(Command.QUIT)
    training.actor.environment.on_frame = training._on_frame
    for _ in range(30):
        training.actor.act(0)
        training.now += 1
    assert training.display.is_closed
    assert training.actor.environment.on_frame is None


class Restless(Script):
    """Somebody who tries every key but those that close."""

    def __init__(self):
        super().__init__()
        self._looks = 0

    def poll(self):
        self._looks += 1
        keys = [command for command in Command if command != Command.QUIT]
        return [keys[self._looks % len(keys)], *[Command.OVERLAY] * (self._looks % 7 == 0)]


def test_a_training_that_is_watched_gives_the_same_numbers(tmp_path, monkeypatch):
    display = Restless()
    monkeypatch.setattr(watching, "open_display", lambda *_: display)
    monkeypatch.setattr("dqn.player.spectator.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("dqn.player.spectator.INSIGHT_SECONDS", 0.0)
    run = "--random_steps 60 --train_steps 60 --test_steps 40 --replay_size 500 --epochs 2"
    size = "--screen_width 44 --screen_height 44 --backend cpu --random_seed 3"

    def train(folder, *flags):
        csv_file, prefix = tmp_path / folder / "a.csv", tmp_path / folder / "a"
        files = ["--csv_file", str(csv_file), "--save_weights_prefix", str(prefix)]
        assert main.main(["breakout", *run.split(), *size.split(), *files, *flags]) == 0
        with open(csv_file, newline="") as file:
            rows = [
                {k: v for k, v in row.items() if "time" not in k} for row in csv.DictReader(file)
            ]
        for row in rows:
            del row["steps_per_second"]
        return rows, [prefix.with_name(f"a_{epoch}.pkl").read_bytes() for epoch in (1, 2)]

    assert train("watched", "--display_screen", "true") == train("alone")
    assert any(view.insight for view in display.views)
    assert {view.who for view in display.views} == {"training", "testing"}
    epochs = {view.status[0] for view in display.views}
    assert epochs == {"filling the memory", "epoch 1", "epoch 2"}

"""A game to watch while a test presses keys."""

import time
from pathlib import Path

import numpy as np

from dqn.actors.actor import Actor
from dqn.actors.local import LocalActors
from dqn.agent import Tester
from dqn.environments.atari import AleEnvironment
from dqn.environments.roms import find_rom
from dqn.environments.settings import GameSettings, ObservationSettings
from dqn.exploration import EpsilonGreedy
from dqn.networks.architecture import Architecture
from dqn.networks.create import create_inspector
from dqn.player.display import Display
from dqn.player.keyboard import Joystick, action_name
from dqn.player.player import Player
from dqn.visualization.overlay import Highlighter
from dqn.visualization.saliency import create_saliency
from helpers.networks import make_network

PATIENCE = 300.0  # seconds until a condition that does not come true is a failure
HISTORY_LENGTH = 4
SCREEN = ObservationSettings()


def wait_for(condition, what="the condition"):
    """Wait until `condition` gives something true, and return that."""
    end = time.monotonic() + PATIENCE
    while not (result := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)
    return result


class Script(Display):
    """A display without a screen, and a person who presses what a test says."""

    def __init__(self):
        self.joystick = Joystick()
        self.commands = []
        self.pictures = []
        self.views = []
        self.is_full_screen = False
        self.is_closed = False

    def press(self, *commands):
        self.commands += commands

    def show(self, picture, view):
        self.pictures.append(picture)
        self.views.append(view)

    def poll(self):
        commands, self.commands = self.commands, []
        return commands

    def toggle_full_screen(self):
        self.is_full_screen = not self.is_full_screen

    def close(self):
        self.is_closed = True


class Watched:
    """A game in play, shown on a display; the test looks on.

    `frames` holds the game's pictures, `views` what was shown with those that were shown, `actions`
    the names of the actions taken.
    """

    def __init__(
        self,
        display,
        *,
        game="breakout",
        with_network=True,
        speaker=None,
        videos=None,
        seed=1,
        waits_after_games=False,
        max_game_frames=0,
        observation=SCREEN,
        shows_saliency=False,
    ):
        rom, name = find_rom(game, Path("roms"))
        self.game = AleEnvironment(
            *(rom, name, GameSettings(max_game_frames=max_game_frames), observation),
            life_loss_is_terminal=False,
            seed=seed,
            sound=True,
        )
        network = policy = None
        if with_network:
            network = make_network(num_actions=self.game.num_actions)
            policy = EpsilonGreedy(network, self.game.num_actions, np.random.default_rng(2))
        self.actor = Actor(
            self.game,
            state_shape=(HISTORY_LENGTH, *observation.shape),
            random_starts=4,
            generator=np.random.default_rng(seed),
        )
        self.display = display
        self.views = []
        show = display.show

        def show_and_note(picture, view):
            self.views.append(view)
            show(picture, view)

        display.show = show_and_note
        self.is_stopping = False
        self.player = Player(
            self.actor,
            network=network,
            policy=policy,
            open_display=lambda: display,
            open_speaker=lambda: speaker,
            frame_skip=4,
            waits_after_games=waits_after_games,
            videos=videos,
            facts={"seed": str(seed)},
            is_stopping=lambda: self.is_stopping,
            make_highlighter=self._make_highlighter if with_network else None,
            shows_saliency=shows_saliency,
        )
        self.frames = []
        self.actions = []
        self._steps = play(self.actor, self.player.choose_actions, network)

    def _make_highlighter(self):
        architecture = Architecture(self.game.num_actions, self.actor.state.shape)
        layers = make_network(num_actions=self.game.num_actions).get_layers()
        inspector = create_inspector(architecture, layers)
        saliency = create_saliency("gradient", inspector)
        return Highlighter(saliency, inspector, list(map(action_name, self.game.actions)), 0.8)

    def __enter__(self):
        self.player.__enter__()
        on_frame = self.game.on_frame

        def note(frame):
            self.frames.append(frame.picture)
            on_frame(frame)

        self.game.on_frame = note
        return self

    def __exit__(self, *error):
        self.player.__exit__(*error)

    @property
    def view(self):
        """What was shown last."""
        return self.views[-1]

    def step(self):
        """Play one agent step."""
        step = next(self._steps)
        self.player.on_step(step)
        self.actions.append(action_name(self.game.actions[step.actions[0]]))

    def look(self):
        """Play on until something has been shown since."""
        views = len(self.views)
        self.play_until(lambda: len(self.views) > views, "something is shown")

    def play_until(self, condition, what="the condition"):
        """Play on until `condition` is true."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"played in vain until {what}"
            self.step()


def play(actor, policy, network):
    """The steps of many games."""
    actors = LocalActors([actor])
    return Tester(actors, policy, exploration_rate_test=0.05).test_games(1000)


def paddle(picture):
    """The middle of Breakout's paddle, a column of the picture; None while there is none."""
    row = picture[190, 8:152]
    columns = np.flatnonzero((row == (200, 72, 72)).all(1))
    return 8 + columns.mean() if len(columns) else None

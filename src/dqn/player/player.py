"""A person at the game: they watch it at their own speed, and may play it themselves."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dqn.actors.actor import Actor
from dqn.actors.events import FinishedGame, Step
from dqn.environments.environment import Frame
from dqn.errors import UserError
from dqn.exploration import EpsilonGreedy
from dqn.networks.deepqnetwork import DeepQNetwork
from dqn.player.display import Display, Insight, View
from dqn.player.keyboard import (
    Command,
    action_of,
    help_of,
    joystick_help,
    names_of_actions,
    nearest_action,
)
from dqn.player.pace import Pace
from dqn.recording.create import create_recorder
from dqn.recording.settings import RecordingSettings

if TYPE_CHECKING:
    from dqn.player.sound import Speaker
    from dqn.recording.recorder import Recorder
    from dqn.visualization.overlay import Highlighter

POLL_SECONDS = 1 / 60  # between two looks at the keyboard while the game waits
MESSAGE_SECONDS = 3.0
STRENGTH_STEP = 0.1  # of the colour that a key makes stronger or weaker


class Player:
    """Shows each frame of a game in its time, and chooses actions, as the network or as a person.

    `choose_actions` is the policy of what plays the `actor`. Without a `network` and its `policy`
    the person plays from the start. With `waits_after_games` the score of a game that ended stays
    on the screen until the person wants another game. What they record goes to `videos`, with
    `facts` in its metadata. `is_stopping` tells whether the program is about to end. What values of
    the network depend on comes from `make_highlighter`, called when it is first asked for; with
    `shows_saliency`, from the start. A context manager: meanwhile it hears of the frames, as does
    who heard of them before, and the display and the speaker (None: no sound) are open.

    `has_quit` becomes true when the person quits; `unfinished_score` is then that of the game in
    play, None between two games.
    """

    def __init__(
        self,
        actor: Actor,
        *,
        network: DeepQNetwork | None,
        policy: EpsilonGreedy | None,
        open_display: Callable[[], Display],
        open_speaker: "Callable[[], Speaker | None]",
        frame_skip: int,
        waits_after_games: bool,
        videos: Path,
        facts: dict[str, str],
        is_stopping: Callable[[], bool],
        make_highlighter: "Callable[[], Highlighter] | None" = None,
        shows_saliency: bool = False,
    ):
        self._actor = actor
        self._game = actor.environment
        self._network = network
        self._policy = policy
        self._open_display = open_display
        self._open_speaker = open_speaker
        self._frame_skip = frame_skip
        self._waits_after_games = waits_after_games
        self._videos = videos
        self._facts = facts
        self._is_stopping = is_stopping
        self._make_highlighter = make_highlighter
        self._shows_saliency = shows_saliency
        self._highlighter: Highlighter | None = None
        self._action_names = names_of_actions(self._game)
        self._is_person = network is None
        self._is_paused = False
        self._frames_to_pass = 0  # in spite of the pause
        self._has_lives = False
        self._is_game_over = False
        self._ended_game: FinishedGame | None = None  # while another one is waited for
        self._shows_help = False
        self._shows_insight = False
        self._choice: tuple[np.ndarray, int, float] | None = None  # the last state, action and ε
        self._insight: Insight | None = None  # into them, once it is asked for
        self._recorder: Recorder | None = None
        self._recorded_games: list[FinishedGame] = []
        self._message = ""
        self._message_end = 0.0
        self.has_quit = False
        self.unfinished_score: float | None = None

    def __enter__(self) -> "Player":
        if self._shows_saliency and self._make_highlighter:
            self._highlighter = self._make_highlighter()
        self._speaker = self._open_speaker()
        self._display = self._open_display()
        self._display.has_square_pixels = self._game.has_square_pixels
        self._display.joystick.own_keys = frozenset().union(*self._game.keys or ())
        self._display.joystick.takes_letters = self._is_person
        self._pace = Pace(self._game.frame_rate)
        self._other_listener = self._game.on_frame
        self._game.on_frame = self._on_frame
        return self

    def __exit__(self, *_: object) -> None:
        self._game.on_frame = self._other_listener
        self._display.close()
        if self._speaker:
            self._speaker.close()
        if self._recorder:
            self._end_recording()

    def choose_actions(self, states: np.ndarray, exploration_rate: float) -> list[int]:
        """The action for one state, (1, history, *observation), of network or person."""
        if self._is_person or self._policy is None:
            actions = [self._person_s_action()]
        else:
            actions = self._policy(states, exploration_rate)
        self._choice = states[0].copy(), actions[0], exploration_rate
        self._insight = None
        if self._shows_insight:
            self._look_into_choice()  # now, and not when the next frame is due
        if self._highlighter and self._shows_saliency:
            self._highlighter.look(states[0], actions[0])
        return actions

    def _person_s_action(self) -> int:
        """What the keys say; a game without a no-op waits until they say something."""
        while True:
            pressed = self._display.joystick.look()
            if self._game.keys is None:
                return nearest_action(pressed, self._game.actions)
            action = action_of(pressed, self._game.keys)
            if action is None:
                action = self._game.no_op
            if action is not None:
                return action
            if self._is_ending or not self._is_person:
                return 0
            self._show()
            time.sleep(POLL_SECONDS)
            self._obey(self._display.poll())
            self._pace.restart()

    def on_step(self, step: Step) -> None:
        """Tell the person of games that have ended, and note whether they quit in one."""
        self._recorded_games += step.games
        if not self._waits_after_games:
            for game in step.games:
                self._say(f"game over, score {game.score:g}")
        if self.has_quit and not step.games:
            self.unfinished_score = self._actor.score

    @property
    def _is_ending(self) -> bool:
        return self.has_quit or self._is_stopping()

    def _on_frame(self, frame: Frame) -> None:
        if self._is_game_over and self._waits_after_games:
            self._wait_for_another_game()
        if self._is_game_over and self._highlighter:
            self._highlighter.forget()
        self._is_game_over = self._game.is_game_over()
        if self._other_listener:
            self._other_listener(frame)
        self._record(frame)
        if self._is_ending:
            return
        self._picture = frame.picture
        self._has_lives |= self._game.lives > 0
        self._pace.next_frame()
        self._obey(self._display.poll())
        while (seconds := self._pace.seconds_left) > 0 and not self._is_ending:
            time.sleep(min(seconds, POLL_SECONDS))
            self._obey(self._display.poll())
        if self._speaker and self._pace.speed == 1:
            self._speaker.play(frame.sound)
        if self._pace.shows_frame():
            self._show()
        self._pause()

    def _wait_for_another_game(self) -> None:
        """Keep the last picture and the score, before the first frame of the next game."""
        self._ended_game = self._actor.finished[-1]
        while self._ended_game and not self._is_ending:
            self._show()
            time.sleep(POLL_SECONDS)
            self._obey(self._display.poll())
        self._ended_game = None
        self._display.joystick.look()  # what was pressed meanwhile does not count
        self._pace.restart()

    def _pause(self) -> None:
        """Wait as long as the person wants to."""
        self._frames_to_pass = max(self._frames_to_pass - 1, 0)
        has_waited = False
        while self._is_paused and not self._frames_to_pass and not self._is_ending:
            self._show()
            time.sleep(POLL_SECONDS)
            self._obey(self._display.poll())
            has_waited = True
        if has_waited:
            self._pace.restart()

    def _obey(self, commands: list[Command]) -> None:
        for command in commands:
            self._obey_one(command)

    def _obey_one(self, command: Command) -> None:
        match command:
            case Command.SLOWER:
                self._pace.slower()
            case Command.FASTER:
                self._pace.faster()
            case Command.TAKE_OVER if self._network is None:
                self._say("no network to give back to: start with a snapshot")
            case Command.TAKE_OVER:
                self._is_person = not self._is_person
                self._display.joystick.takes_letters = self._is_person
            case Command.QUIETER | Command.LOUDER:
                self._set_volume(command)
            case Command.PAUSE:
                self._is_paused = not self._is_paused
                self._frames_to_pass = 0
            case Command.STEP:
                self._frames_to_pass = self._frame_skip if self._is_paused else 0
                self._is_paused = True
            case Command.HELP:
                self._shows_help = not self._shows_help
            case Command.OVERLAY:
                self._shows_insight = not self._shows_insight
            case Command.SALIENCY | Command.WEAKER | Command.STRONGER:
                self._set_saliency(command)
            case Command.FULL_SCREEN:
                self._display.toggle_full_screen()
            case Command.RECORD if self._recorder is None:
                self._begin_recording()
            case Command.RECORD:
                self._end_recording()
            case Command.PLAY_AGAIN:
                self._ended_game = None
            case Command.QUIT:
                self.has_quit = True

    def _set_volume(self, command: Command) -> None:
        if self._speaker is None:
            self._say("there is no sound")
            return
        if command == Command.QUIETER:
            self._speaker.quieter()
        else:
            self._speaker.louder()
        self._say(f"volume {100 * self._speaker.volume:.0f} %")

    def _set_saliency(self, command: Command) -> None:
        if command == Command.SALIENCY:
            self._toggle_saliency()
        elif self._highlighter is None or not self._shows_saliency:
            self._say("press v first: it shows what the action’s value depends on")
        else:
            step = STRENGTH_STEP if command == Command.STRONGER else -STRENGTH_STEP
            self._highlighter.strength += step
            self._say(f"colour {100 * self._highlighter.strength:.0f} %")

    def _toggle_saliency(self) -> None:
        """Show what the value of the chosen action depends on, or no longer."""
        if self._make_highlighter is None:
            self._say("no network to look into: start with a snapshot")
            return
        try:
            self._highlighter = self._highlighter or self._make_highlighter()
        except UserError as error:
            self._say(str(error))
            return
        self._shows_saliency = not self._shows_saliency
        self._highlighter.forget()
        if self._shows_saliency and self._choice and not self._is_game_over:
            state, action, _ = self._choice
            self._highlighter.look(state, action)

    def _begin_recording(self) -> None:
        path = next(path for path in self._video_names() if not path.exists())
        try:
            self._recorder = create_recorder(
                RecordingSettings(video_file=path, facts=self._facts),
                frame_rate=self._game.frame_rate,
                sample_rate=self._game.sample_rate,
                has_square_pixels=self._game.has_square_pixels,
            )
        except UserError as error:
            self._say(str(error))
            return
        self._recorded_games = []
        self._say(f"recording to {path.name}")

    def _video_names(self) -> Iterator[Path]:
        # record.sh names its videos <game>_…: with another sign than _ none can be of that name.
        for number in itertools.count(1):
            name = self._game.name.rpartition("/")[2]  # Gymnasium's names have namespaces
            yield self._videos / f"{name}-played-{number}.mov"

    def _record(self, frame: Frame) -> None:
        if self._recorder:
            try:
                self._recorder.add(frame)
            except UserError as error:
                self._end_recording()
                self._say(str(error))

    def _end_recording(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        try:
            recorder.close(self._recorded_games)
            self._say("recorded")
        except UserError as error:
            self._say(str(error))

    def _say(self, message: str) -> None:
        self._message = message
        self._message_end = time.monotonic() + MESSAGE_SECONDS

    def _show(self) -> None:
        highlighter = self._highlighter if self._shows_saliency else None
        view = View(
            who="you play" if self._is_person else "the network plays",
            is_person=self._is_person,
            status=self._status(),
            message=self._message if time.monotonic() < self._message_end else "",
            hint="h: help",
            is_recording=self._recorder is not None,
            announcement=self._announcement(),
            help=self._help() if self._shows_help else (),
            insight=self._look_into_choice() if self._shows_insight else None,
            paint=highlighter.paint if highlighter else None,
            strip=highlighter.strip if highlighter else None,
        )
        self._display.show(self._picture, view)

    def _status(self) -> list[str]:
        score = (self._ended_game or self._actor).score
        status = [f"score {score:g}"]
        if self._ended_game:
            status.append("game over")
        elif self._has_lives:
            status.append(f"lives {self._game.lives}")
        status.append(f"{self._pace.speed:g}×")
        if self._is_paused:
            status.append("paused")
        return status

    def _announcement(self) -> Sequence[str]:
        if self._ended_game is None:
            return ()
        return f"game over, score {self._ended_game.score:g}", "Enter: play again   q: quit"

    def _help(self) -> list[tuple[str, str]]:
        if self._network is None:
            lines = self._help_of_keys()
        elif self._is_person:
            lines = [*self._help_of_keys(), ("m", "give back to the network")]
        else:
            lines = [("m", "take over: you play")]
        of_network = [
            ("v", "what the action’s value depends on"),
            (",  .", "its colour weaker, stronger"),
        ]
        return [
            *lines,
            ("-  +" if self._is_person else "-  +  or  a  s", "slower, faster"),
            ("p", "pause, go on"),
            ("n", "one step"),
            ("o", "what the network sees"),
            *(of_network if self._network is not None else ()),
            ("[  ]", "quieter, louder"),
            ("r", "begin, end a recording"),
            ("f", "full screen"),
            ("h", "this help"),
            ("q  Esc", "quit"),
        ]

    def _help_of_keys(self) -> list[tuple[str, str]]:
        if self._game.keys is None:
            return joystick_help(self._game.actions)
        return help_of(self._game.keys, self._action_names)

    def _look_into_choice(self) -> Insight:
        if self._insight is None:
            state, action, exploration_rate = self._choice or (self._actor.state.copy(), None, None)
            q_values = self._network.predict(state[np.newaxis])[0] if self._network else None
            self._insight = Insight(state, self._action_names, q_values, action, exploration_rate)
        return self._insight

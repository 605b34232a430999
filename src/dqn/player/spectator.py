"""Looking on while the agent is trained or tested."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from dqn.actors.actor import Actor
from dqn.environments.environment import Frame
from dqn.networks.deepqnetwork import DeepQNetwork
from dqn.player.display import Display, Insight, View
from dqn.player.keyboard import COMMANDS, Command, names_of_actions
from dqn.results.statistics import Statistics

LOOK_SECONDS = 1 / 60  # at least, between two pictures, and two looks at the keyboard
INSIGHT_SECONDS = 0.1  # between two predictions for the person alone, which cost the training time
MESSAGE_SECONDS = 3.0

LIVE = None
SPEEDS = (0.125, 0.25, 0.5, 1, LIVE)
# Slower than live, so many frames in a row are kept (60 MB) and shown; then come the newest again.
CLIP_SECONDS = 5
HELP = (
    ("-  +  or  a  s", "slower, faster: 0.125× to 1×, live"),
    ("", f"all but live: {CLIP_SECONDS} s of a game, then the newest"),
    ("p", "freeze the picture, go on"),
    ("o", "what the network sees"),
    ("f", "full screen"),
    ("h", "this help"),
    ("q  Esc", "close; the program runs on"),
)
KEYS_OF_PLAY = {command: key for key, command in COMMANDS.items()}


@dataclass(frozen=True)
class Moment:
    """A frame of a game with what is told about it.

    state: (history, *observation), what the network saw; actions: the names of all; action: the
    index of what followed.
    """

    picture: np.ndarray
    who: str
    status: list[str]
    state: np.ndarray
    actions: list[str]
    action: int | None
    exploration_rate: float


class Spectator:
    """Shows the games of `actors`, by what they do, until it is closed; they never wait for it.

    `statistics` tell epoch and ε. What a person looks at changes nothing: `network` is asked for
    more Q-values, a few times a second, if they want to see them. A context manager: meanwhile the
    display is open and it hears of the games' frames.
    """

    def __init__(
        self,
        actors: dict[str, Actor],
        network: DeepQNetwork,
        statistics: Statistics,
        open_display: Callable[[], Display],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._actors = actors
        self._network = network
        self._statistics = statistics
        self._open_display = open_display
        self._clock = clock
        self._next_look = 0.0
        self._next_picture = 0.0
        self._speed = SPEEDS.index(LIVE)
        self._clip: deque[Moment] = deque()  # of what is still to be shown, slower than live
        self._frames_to_keep = 0
        self._moment: Moment | None = None  # the one that is shown
        self._is_frozen = False
        self._shows_help = False
        self._shows_insight = False
        self._looked_into: Moment | None = None
        self._insight: Insight | None = None  # into it
        self._next_insight = 0.0
        self._message = ""
        self._message_end = 0.0

    def __enter__(self) -> "Spectator":
        self._display = self._open_display()
        for who, actor in self._actors.items():
            self._display.has_square_pixels = actor.environment.has_square_pixels
            actor.environment.on_frame = partial(self._on_frame, who, actor)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        for actor in self._actors.values():
            actor.environment.on_frame = None
        self._display.close()

    def _on_frame(self, who: str, actor: Actor, frame: Frame) -> None:
        now = self._clock()
        if self._frames_to_keep:
            self._frames_to_keep -= 1
            self._clip.append(self._moment_of(who, actor, frame))
        if now < self._next_look and (now < self._next_picture or self._is_frozen):
            return
        self._next_look = now + LOOK_SECONDS
        for command in self._display.poll():
            self._obey(command, now)
            if command == Command.QUIT:
                return
        if self._moment is None or (now >= self._next_picture and not self._is_frozen):
            self._moment = self._next_moment(who, actor, frame, now)
        self._show(self._moment, now)

    def _next_moment(self, who: str, actor: Actor, frame: Frame, now: float) -> Moment:
        speed = SPEEDS[self._speed]
        if speed is LIVE:
            self._next_picture = now + LOOK_SECONDS
            return self._moment_of(who, actor, frame)
        seconds = 1 / (actor.environment.frame_rate * speed)
        late = now - self._next_picture
        self._next_picture = now + seconds - (late if late < seconds else 0)
        if not self._clip:
            self._clip.append(self._moment_of(who, actor, frame))
            self._frames_to_keep = CLIP_SECONDS * actor.environment.frame_rate - 1
        return self._clip.popleft()

    def _moment_of(self, who: str, actor: Actor, frame: Frame) -> Moment:
        statistics = self._statistics
        is_filling = statistics.phase == "random"
        status = [
            "filling the memory" if is_filling else f"epoch {statistics.epoch}",
            f"ε {statistics.exploration_rate:.3f}",
            f"score {actor.score:g}",
        ]
        return Moment(
            frame.picture,
            who,
            status,
            actor.state.copy(),
            names_of_actions(actor.environment),
            actor.action,
            statistics.exploration_rate,
        )

    def _obey(self, command: Command, now: float) -> None:
        match command:
            case Command.SLOWER:
                self._set_speed(max(self._speed - 1, 0))
            case Command.FASTER:
                self._set_speed(min(self._speed + 1, len(SPEEDS) - 1))
            case Command.PAUSE:
                self._is_frozen = not self._is_frozen
            case Command.HELP:
                self._shows_help = not self._shows_help
            case Command.OVERLAY:
                self._shows_insight = not self._shows_insight
                self._next_insight = now
            case Command.FULL_SCREEN:
                self._display.toggle_full_screen()
            case Command.QUIT:
                self._close()
            case Command.PLAY_AGAIN:
                pass
            case _:
                self._message = f"{KEYS_OF_PLAY[command]} works in play.sh only"
                self._message_end = now + MESSAGE_SECONDS

    def _set_speed(self, index: int) -> None:
        self._speed = index
        if SPEEDS[index] is LIVE:
            self._clip.clear()
            self._frames_to_keep = 0

    def _show(self, moment: Moment, now: float) -> None:
        speed = SPEEDS[self._speed]
        view = View(
            who=moment.who,
            is_person=False,
            status=[
                *moment.status,
                "live" if speed is LIVE else f"{speed:g}×",
                *["frozen"] * self._is_frozen,
                "h: help",
            ],
            message=self._message if now < self._message_end else "",
            help=HELP if self._shows_help else (),
            insight=self._look_into(moment, now) if self._shows_insight else None,
        )
        self._display.show(moment.picture, view)

    def _look_into(self, moment: Moment, now: float) -> Insight | None:
        if moment is not self._looked_into and now >= self._next_insight:
            self._looked_into = moment
            self._next_insight = now + INSIGHT_SECONDS
            self._insight = Insight(
                moment.state,
                moment.actions,
                self._network.predict(moment.state[np.newaxis])[0],
                moment.action,
                moment.exploration_rate,
            )
        return self._insight

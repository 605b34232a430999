"""Looking on while the agent is trained or tested."""

import time
from collections.abc import Callable

from dqn.actors import Actor
from dqn.environments.environment import Frame
from dqn.player.display import Display, View
from dqn.player.keyboard import Command

PICTURE_SECONDS = 1 / 60  # at least, between two pictures


class Spectator:
    """Shows the games of `actors`, by what they do, as fast as they are played, until it is closed.

    A context manager: meanwhile the display is open and it hears of the games' frames.
    """

    def __init__(self, actors: dict[str, Actor], open_display: Callable[[], Display]):
        self._actors = actors
        self._open_display = open_display
        self._display: Display | None = None
        self._next_picture = 0.0

    def __enter__(self) -> "Spectator":
        self._display = self._open_display()
        for what, actor in self._actors.items():
            actor.environment.on_frame = self._listener(what, actor)
        return self

    def __exit__(self, *_) -> None:
        self._close()

    def _close(self) -> None:
        for actor in self._actors.values():
            actor.environment.on_frame = None
        self._display.close()

    def _listener(self, what: str, actor: Actor) -> Callable[[Frame], None]:
        def show(frame: Frame) -> None:
            now = time.monotonic()
            if now < self._next_picture:
                return
            self._next_picture = now + PICTURE_SECONDS
            commands = self._display.poll()
            if Command.QUIT in commands:
                self._close()
                return
            if Command.FULL_SCREEN in commands:
                self._display.toggle_full_screen()
            status = [f"score {actor.score:g}", "q: close"]
            view = View(who=what, is_person=False, status=status, message="")
            self._display.show(frame.picture, view)

        return show

"""Videos of whole games, each in a file of its own, while the agent is trained or tested."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dqn.actors.actor import Actor
from dqn.environments.environment import Frame
from dqn.machine.state_values import take_integer
from dqn.recording.create import create_recorder
from dqn.recording.settings import RecordingSettings

if TYPE_CHECKING:
    from dqn.recording.recorder import Recorder

NAME = "episode_{:06d}.mp4"
# Whether to record an episode, by its number from 1 on
Choice = Callable[[int], bool]


def episodes_to_record(text: str) -> Choice:
    """Return a test of episode numbers for "all", "N" (the first N) or "every:K".

    Raises ValueError if the text is none of these.
    """
    if text == "all":
        return lambda number: True  # noqa: ARG005 (as the others)
    word, _, rest = text.partition(":")
    count = int(rest if word == "every" else text)
    if count < 1:
        raise ValueError(f"{count} is below 1")
    if word == "every":
        return lambda number: number % count == 1 % count
    return lambda number: number <= count


class EpisodeRecording:
    """Records those games of an actor that `is_recorded` chooses, while entered.

    They are counted from 1, and `numbered` names the file of each. Games that are not recorded cost
    nothing: nobody listens to their frames. The score goes into the metadata, with `facts`. Raises
    UserError if a video cannot be written.
    """

    def __init__(
        self, actor: Actor, folder: Path, is_recorded: Choice, facts: dict[str, str], prefix: str
    ):
        self._actor = actor
        self._folder = folder
        self._is_recorded = is_recorded
        self._facts = facts
        self._prefix = prefix
        self._number = 0  # of the game in play
        self._recorder: Recorder | None = None
        self._other_listener: Callable[[Frame], None] | None = None

    def __enter__(self) -> "EpisodeRecording":
        self._actor.on_new_game = self._begin
        return self

    def __exit__(self, *_: object) -> None:
        self._actor.on_new_game = None
        self._end()

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"number": self._number}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned; the game in play is recorded from here on."""
        self._number = take_integer(state, "number")
        if self._number:
            self._open()

    def path_of(self, number: int) -> Path:
        """The video of an episode."""
        return self._folder / f"{self._prefix}{NAME.format(number)}"

    def _begin(self) -> None:
        self._end()
        self._number += 1
        self._open()

    def _open(self) -> None:
        if not self._is_recorded(self._number):
            return
        game = self._actor.environment
        self._recorder = create_recorder(
            RecordingSettings(
                video_file=self.path_of(self._number), facts=self._facts, is_small=True
            ),
            frame_rate=game.frame_rate,
            sample_rate=game.sample_rate,
            has_square_pixels=game.has_square_pixels,
        )
        self._other_listener = game.on_frame
        game.on_frame = self._on_frame

    def _end(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        game = self._actor.environment
        if game.on_frame == self._on_frame:  # a spectator who left has taken it away
            game.on_frame = self._other_listener
        recorder.close(self._actor.finished[-1:])

    def _on_frame(self, frame: Frame) -> None:
        if self._other_listener:
            self._other_listener(frame)
        if self._recorder:
            self._recorder.add(frame)

"""Recording whole games."""

from collections.abc import Callable

from dqn.actors.events import FinishedGame, Step
from dqn.environments.environment import Environment, Frame
from dqn.recording.create import create_recorder
from dqn.recording.settings import RecordingSettings


class GameRecording:
    """Records the first `num_games` games of `environment`, one after the other, while entered.

    It leaves out what follows the last of them, such as the random start of the next game. `paint`
    gives the frame that is recorded. Raises UserError if recording is not possible.
    """

    def __init__(
        self,
        environment: Environment,
        num_games: int,
        settings: RecordingSettings,
        paint: Callable[[Frame], Frame] = lambda frame: frame,
    ):
        self._environment = environment
        self._num_games = num_games
        self._paint = paint
        self._ended = 0
        self._games: list[FinishedGame] = []
        self._recorder = create_recorder(
            settings,
            frame_rate=environment.frame_rate,
            sample_rate=environment.sample_rate,
            has_square_pixels=environment.has_square_pixels,
        )

    def __enter__(self) -> "GameRecording":
        self._environment.on_frame = self._on_frame
        return self

    def __exit__(self, *_: object) -> None:
        self._environment.on_frame = None
        self._recorder.close(self._games)

    def on_step(self, step: Step) -> None:
        """Note the scores of the games that ended in a step."""
        self._games = (self._games + step.games)[: self._num_games]

    def _on_frame(self, frame: Frame) -> None:
        if self._ended < self._num_games:
            self._recorder.add(self._paint(frame))
            self._ended += self._environment.is_game_over()

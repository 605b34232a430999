"""What --tensorboard writes, read back by TensorBoard's own reader."""

import os
import sys
from pathlib import Path

import pytest

from dqn.actors.events import FinishedGame, Step
from dqn.errors import UserError
from dqn.options import parser
from dqn.options.phase_flags import tensorboard_folder
from dqn.results.statistics import GAME_COLUMNS, PHASE_COLUMNS, Statistics
from dqn.results.tensorboard import GAME_TAGS, PHASE_TAGS, TensorBoard
from helpers.paths import PROJECT

pytest.importorskip("tensorboardX")


Points = dict[str, list[tuple[int, float]]]


class Rows:
    """The rows of a run, as they grow."""

    def __init__(self) -> None:
        self.phases = ",".join(PHASE_COLUMNS) + "\r\n"
        self.games = ",".join(GAME_COLUMNS) + "\r\n"

    def game(self, epoch: int, phase: str, score: float, steps: int) -> None:
        self.games += f"{epoch},{phase},{score},{steps},{4 * steps},0.5\r\n"

    def phase(self, epoch: int, phase: str, steps: int, **values: object) -> None:
        cells = dict.fromkeys(PHASE_COLUMNS, "1") | {"epoch": epoch, "phase": phase}
        cells |= {"total_train_steps": steps, "total_time": 10 * epoch} | values
        self.phases += ",".join(map(str, cells.values())) + "\r\n"

    @property
    def both(self) -> tuple[bytes, bytes]:
        return self.phases.encode(), self.games.encode()


def read(folder: Path) -> Points:
    """Tag → (step, value), of all event files of a run."""
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    from tensorboard.util.tensor_util import make_ndarray

    points: Points = {}
    for path in sorted(folder.glob("*tfevents*")):
        for event in loader.EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                number = float(make_ndarray(value.tensor))
                points.setdefault(value.tag, []).append((event.step, number))
    return points


def write(folder: Path, rows: Rows, numbers: range, is_resumed: bool = False) -> None:
    """A process that writes some epochs."""
    board = TensorBoard(folder)
    board.open(*rows.both, is_resumed)
    for number in numbers:
        for phase in _phases(rows, number):
            board.write(*phase)


def _phases(rows: Rows, number: int):
    rows.game(number, "train", number, 60)
    rows.game(number, "train", 2, 30)
    rows.phase(number, "train", 100 * number, average_reward=number / 2, meancost=0.25)
    yield rows.both
    rows.game(number, "test", 7.5, 40)
    rows.phase(number, "test", 100 * number, average_reward="nan", meancost=0)
    yield rows.both


def test_phases_and_games_are_read_back_by_tensorboard(tmp_path):
    write(tmp_path / "run", Rows(), range(1, 4))
    points = read(tmp_path / "run")
    assert points["train/mean_score"] == [(100, 0.5), (200, 1), (300, 1.5)]
    assert points["train/mean_cost"] == [(100, 0.25), (200, 0.25), (300, 0.25)]
    assert points["train_games/score"] == [
        *((60, 1), (90, 2), (150, 2), (180, 2), (240, 3), (270, 2)),
    ]
    assert points["test_games/score"] == [(40, 7.5), (80, 7.5), (120, 7.5)]
    assert points["test_games/steps"] == [(40, 40), (80, 40), (120, 40)]
    assert "test/mean_score" not in points  # no game was finished
    assert "test/mean_cost" not in points  # nothing is learned there
    assert {tag for tag in points if tag.startswith("train/")} == {
        f"train/{tag}" for tag in PHASE_TAGS.values()
    }


def test_the_random_phase_is_left_out(tmp_path):
    rows = Rows()
    board = TensorBoard(tmp_path / "run")
    board.open(*rows.both, is_resumed=False)
    rows.game(0, "random", 1, 20)
    rows.phase(0, "random", 0)
    board.write(*rows.both)
    assert read(tmp_path / "run") == {}


def test_a_resumed_run_appends_to_one_file(tmp_path):
    rows = Rows()
    write(tmp_path / "a", rows, range(1, 3))
    write(tmp_path / "a", rows, range(3, 5), is_resumed=True)
    write(tmp_path / "b", Rows(), range(1, 5))
    assert len(list((tmp_path / "a").iterdir())) == 1
    assert read(tmp_path / "a") == read(tmp_path / "b")


@pytest.mark.parametrize("known", [0, 1, 2])
def test_what_was_written_after_the_checkpoint_is_dropped_and_written_once(tmp_path, known):
    write(tmp_path / "a", Rows(), range(1, 4))
    rows = Rows()
    for number in range(1, known + 1):
        list(_phases(rows, number))
    write(tmp_path / "a", rows, range(known + 1, 5), is_resumed=True)
    write(tmp_path / "b", Rows(), range(1, 5))
    assert read(tmp_path / "a") == read(tmp_path / "b")


def test_a_checkpoint_within_a_phase_loses_none_of_its_games(tmp_path):
    rows = Rows()
    write(tmp_path / "a", rows, range(1, 2))
    rows.game(2, "train", 2, 60)
    board = TensorBoard(tmp_path / "a")
    board.open(*rows.both, is_resumed=True)
    rows.game(2, "train", 2, 30)
    rows.phase(2, "train", 200)
    board.write(*rows.both)
    assert read(tmp_path / "a")["train_games/score"][-2:] == [(150, 2), (180, 2)]


def test_a_file_that_was_changed_or_lost_is_written_again(tmp_path):
    rows = Rows()
    write(tmp_path / "a", rows, range(1, 3))
    before = read(tmp_path / "a")
    (path,) = (tmp_path / "a").iterdir()
    path.write_bytes(path.read_bytes()[:-5] + b"?????????")
    write(tmp_path / "a", rows, range(0), is_resumed=True)
    assert read(tmp_path / "a") == before
    path.unlink()
    write(tmp_path / "a", rows, range(0), is_resumed=True)
    assert read(tmp_path / "a") == before


def test_a_new_run_moves_the_folder_of_an_older_one_aside(tmp_path):
    write(tmp_path / "run", Rows(), range(1, 3))
    before = read(tmp_path / "run")
    write(tmp_path / "run", Rows(), range(1, 2))
    assert read(tmp_path / "run.1") == before
    assert len(read(tmp_path / "run")["train/mean_score"]) == 1


def test_a_full_disk_costs_nothing_once_there_is_room(tmp_path, caplog):
    rows = Rows()
    board = TensorBoard(tmp_path / "a")
    board.open(*rows.both, is_resumed=False)
    (path,) = (tmp_path / "a").iterdir()
    aside = path.rename(tmp_path / "aside")
    path.mkdir()
    for phase in _phases(rows, 1):
        board.write(*phase)
    assert caplog.text.count("it is tried again") == 1
    path.rmdir()
    aside.rename(path)
    for phase in _phases(rows, 2):
        board.write(*phase)
    write(tmp_path / "b", Rows(), range(1, 3))
    assert read(tmp_path / "a") == read(tmp_path / "b")


def test_without_tensorboardx_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX.proto", None)
    with pytest.raises(UserError, match=r"requirements-tensorboard\.txt"):
        TensorBoard(tmp_path)
    assert os.listdir(tmp_path) == []


def test_the_columns_that_are_shown_are_there():
    assert set(PHASE_TAGS) <= set(PHASE_COLUMNS)
    assert set(GAME_TAGS) <= set(GAME_COLUMNS)


class FakeAgent:
    total_train_steps = 100


def test_statistics_write_between_phases_and_continue_after_a_stop(tmp_path):
    def begin(state=None):
        board = TensorBoard(tmp_path / "tensorboard")
        statistics = Statistics(FakeAgent(), None, None, tmp_path / "a.csv", tensorboard=board)
        if state:
            statistics.set_state(state)
        statistics.open_files()
        return statistics

    def size():
        return sum(path.stat().st_size for path in (tmp_path / "tensorboard").iterdir())

    statistics = begin()
    statistics.start_phase(1, "train")
    before = size()
    statistics.on_step(Step([0], 0.5, [FinishedGame(4, 10, 40)], [1.0]))
    assert size() == before  # nothing is written inside the loop
    state = statistics.get_state()
    statistics.end_phase()
    statistics.close()
    assert size() > before

    statistics = begin(state)  # the phase is made to its end once more
    statistics.on_step(Step([0], 0.5, [FinishedGame(8, 20, 80)], [3.0]))
    statistics.end_phase()
    statistics.close()
    points = read(tmp_path / "tensorboard")
    assert points["train/mean_score"] == [(100, 6)]
    assert points["train/mean_cost"] == [(100, 2)]
    assert points["train_games/score"] == [(10, 4), (30, 8)]


@pytest.mark.parametrize(
    ("flags", "folder"),
    [
        ([], None),
        (["--tensorboard", "false"], None),
        (["--tensorboard", "true"], Path("results/tensorboard/pong_a")),
        (["--tensorboard", "my board/"], Path("my board")),
    ],
)
def test_the_flag_names_a_folder_or_says_yes(flags, folder):
    args = parser.parse(["pong", "--csv_file", "results/pong_a.csv", *flags], PROJECT)
    assert tensorboard_folder(args) == folder


def test_without_statistics_there_is_nothing_to_show(capsys):
    with pytest.raises(SystemExit):
        parser.parse(["pong", "--tensorboard", "true"], PROJECT)
    assert "--tensorboard shows what is in --csv_file" in capsys.readouterr().err

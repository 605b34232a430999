"""Videos of episodes: which ones, of what, and that all others cost nothing."""

import json

import av
import numpy as np
import pytest

from dqn.actors.actor import Actor
from dqn.actors.events import FinishedGame, Step
from dqn.environments.environment import Frame
from dqn.recording.episodes import EpisodeRecording, episodes_to_record
from dqn.recording.frame_folder import FrameFolder
from dqn.results.episodes import EpisodeStatistics
from helpers.toy_games import ScriptedGame


class Filmed(ScriptedGame):
    """Shows a picture in each step, filled with 50·game, and counts those that were asked for."""

    shown = 0

    def act(self, action):
        reward = super().act(action)
        if self.on_frame:
            self.shown += 1
            picture = np.full((40, 30, 3), 50 * self._game, np.uint8)
            self.on_frame(Frame(picture, np.empty(0, np.uint8)))
        return reward


def make_recording(tmp_path, which, *scripts, prefix=""):
    game = Filmed(*scripts)
    actor = Actor(game, state_shape=(1, 2, 2), random_starts=1, generator=np.random.default_rng(0))
    chosen = episodes_to_record(which)
    return actor, EpisodeRecording(actor, tmp_path, chosen, {"seed": "1"}, prefix)


def play(actor, games):
    actor.start()
    ended = 0
    while ended < games:
        ended += len(actor.act(1).games)


def frames_of(path):
    with av.open(str(path)) as container:
        return [int(f.to_ndarray(format="gray").mean()) for f in container.decode(video=0)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("all", range(1, 11)), ("3", [1, 2, 3]), ("every:4", [1, 5, 9]), ("every:1", range(1, 11))],
)
def test_episodes_are_chosen_by_their_numbers(text, numbers):
    is_recorded = episodes_to_record(text)
    assert [n for n in range(1, 11) if is_recorded(n)] == list(numbers)


def test_each_chosen_episode_is_a_video_of_its_own(tmp_path):
    actor, recording = make_recording(tmp_path, "every:2", "...o", "..rro", ".....o", "..o")
    with recording:
        play(actor, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "episode_000001.mp4",
        "episode_000003.mp4",
        "episode_000005.mp4",
    ]
    assert len(frames_of(tmp_path / "episode_000001.mp4")) == 4
    third = frames_of(tmp_path / "episode_000003.mp4")
    assert len(third) == 6
    assert all(abs(gray - 100) < 6 for gray in third)
    with av.open(str(tmp_path / "episode_000001.mp4")) as container:
        assert "score: 0, steps: 4, seed: 1" in container.metadata["comment"]


def test_nobody_listens_to_an_episode_that_is_not_recorded(tmp_path):
    actor, recording = make_recording(tmp_path, "1", "...o", "......o", ".........")
    with recording:
        play(actor, 1)
        shown = actor.environment.shown
        assert actor.environment.on_frame is None
        play(actor, 1)
    assert actor.environment.shown == shown == 4


def test_one_who_looks_on_sees_all_the_same(tmp_path):
    actor, recording = make_recording(tmp_path, "1", "...o", "...o", "...")
    seen = []
    actor.environment.on_frame = seen.append
    with recording:
        play(actor, 2)
    assert len(seen) == 4 + 4 + 1  # and the random start of the third
    assert actor.environment.on_frame == seen.append


def test_counting_goes_on_where_a_run_was_stopped(tmp_path):
    actor, recording = make_recording(tmp_path, "2", "..o")
    with recording:
        play(actor, 1)
        state = recording.get_state()
    actor, recording = make_recording(tmp_path, "2", "..o")
    with recording:
        recording.set_state(state)
        actor.restart()
        play(actor, 2)
    assert (tmp_path / "episode_000002.mp4").exists()
    assert not (tmp_path / "episode_000003.mp4").exists()


def test_an_older_video_is_moved_aside(tmp_path):
    (tmp_path / "test_episode_000001.mp4").write_text("older")
    actor, recording = make_recording(tmp_path, "1", "..o", prefix="test_")
    with recording:
        play(actor, 1)
    assert (tmp_path / "test_episode_000001.mp4.1").read_text() == "older"
    assert frames_of(tmp_path / "test_episode_000001.mp4")


def test_frames_of_a_recording_find_room_beside_episodes(tmp_path):
    frame = Frame(np.zeros((40, 30, 3), np.uint8), np.empty(0, np.uint8))
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "episode_000001.mp4").touch()
    for _ in range(2):
        FrameFolder(tmp_path / "videos").add(frame)
    assert (tmp_path / "videos.1" / "episode_000001.mp4").exists()
    assert (tmp_path / "videos" / "000000.png").exists()


def test_the_statistics_of_a_test_are_a_table_and_a_summary(tmp_path):
    with EpisodeStatistics(tmp_path, {"game": "toy"}) as statistics:
        statistics.on_step(Step([0], 0.05, [FinishedGame(3.5, 10, 40)], []))
        statistics.on_step(Step([0], 0.05, [], []))
        statistics.on_step(Step([0], 0.05, [FinishedGame(1, 4, 16)], []))
        rows = (tmp_path / "episodes.csv").read_text().splitlines()
    assert rows[0] == "episode,reward,steps,frames,seconds"
    assert [row.rpartition(",")[0] for row in rows[1:]] == ["1,3.5,10,40", "2,1,4,16"]
    summary = json.loads((tmp_path / "episodes.json").read_text())
    assert summary["game"] == "toy"
    assert summary["episode_rewards"] == [3.5, 1]
    assert (summary["mean_reward"], summary["std_reward"]) == (2.25, 1.25)
    assert (summary["n_eval_episodes"], summary["episode_lengths"]) == (2, [10, 4])


def test_a_test_without_a_finished_episode_has_no_mean(tmp_path):
    (tmp_path / "episodes.json").write_text("older")
    with EpisodeStatistics(tmp_path, {}):
        pass
    assert json.loads((tmp_path / "episodes.json").read_text())["mean_reward"] is None
    assert (tmp_path / "episodes.json.1").read_text() == "older"

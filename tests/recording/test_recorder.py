"""Recordings are opened again, and compared with the frames that they were made of."""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import wave
from pathlib import Path
from typing import NamedTuple

import ale_py.roms
import cv2
import numpy as np
import pytest

from dqn.actors.events import FinishedGame
from dqn.environments.atari import AleEnvironment
from dqn.environments.environment import Frame
from dqn.environments.settings import GameSettings, ObservationSettings
from dqn.errors import UserError
from dqn.recording.settings import RecordingSettings

av = pytest.importorskip("av")
recorder = pytest.importorskip("dqn.recording.recorder")

FRAME_RATE, SAMPLE_RATE = AleEnvironment.frame_rate, AleEnvironment.sample_rate
SAMPLES = SAMPLE_RATE // FRAME_RATE


def play(game, num_frames):
    """The first frames of a game that is played at random."""
    environment = AleEnvironment(
        Path(ale_py.roms.get_rom_path(game)),
        game,
        GameSettings(max_game_frames=0),
        ObservationSettings(),
        life_loss_is_terminal=False,
        seed=1,
        sound=True,
    )
    frames = []
    environment.on_frame = frames.append
    environment.restart()
    actions = np.random.default_rng(1)
    while len(frames) < num_frames:
        environment.act(int(actions.integers(environment.num_actions)))
    return frames[:num_frames]


@pytest.fixture(scope="module")
def frames():
    return play("seaquest", 90)


def record(frames, games=(), **paths):
    recording = recorder.Recorder(
        RecordingSettings(**paths), frame_rate=FRAME_RATE, sample_rate=SAMPLE_RATE
    )
    try:
        for frame in frames:
            recording.add(frame)
    finally:
        recording.close(games)


class Video(NamedTuple):
    """What is in a file: pictures (height, width, 3), samples in ±1, lengths in seconds."""

    pictures: list
    sound: np.ndarray
    lengths: list
    title: str
    comment: str


def read(path):
    with av.open(str(path)) as file:
        lengths = [float(stream.duration * stream.time_base) for stream in file.streams]
        metadata = {name: file.metadata[name].rstrip() for name in ("title", "comment")}
        pictures = [picture.to_ndarray(format="rgb24") for picture in file.decode(video=0)]
    sound = np.empty(0)
    with av.open(str(path)) as file:
        if file.streams.audio:
            sound = np.concatenate([block.to_ndarray()[0] for block in file.decode(audio=0)])
    return Video(pictures, sound, lengths, **metadata)


def enlarged(picture):
    """A picture as it is to be in a video."""
    return picture.repeat(4, axis=0).repeat(7, axis=1)


def difference(one, other):
    """The mean difference of two pictures of the same size."""
    return cv2.absdiff(one, other).mean()


def pixels(picture):
    """A picture of a video, made as small as the game's."""
    return picture[2::4, 3::7]


@pytest.mark.parametrize("name", ["seaquest.mov", "seaquest.MP4"])
def test_a_video_has_every_frame_and_sound_of_the_same_length(tmp_path, frames, name):
    record(frames, video_file=tmp_path / "videos" / name)
    video = read(tmp_path / "videos" / name)
    assert len(video.pictures) == len(frames)
    for picture, frame in zip(video.pictures, frames, strict=True):
        assert difference(pixels(picture), frame.picture) < 1
    for i in (0, -1):
        assert difference(video.pictures[i], enlarged(frames[i].picture)) < 1
    assert video.lengths == pytest.approx([len(frames) / 60, len(frames) / 60], abs=0.05)
    assert len(video.sound) / 48000 == pytest.approx(len(frames) / 60, abs=0.05)


def test_a_flash_and_its_beep_come_at_the_same_time(tmp_path):
    quiet = Frame(np.zeros((210, 160, 3), np.uint8), np.full(SAMPLES, 128, np.uint8))
    wave_form = np.where(np.arange(SAMPLES) % 32 < 16, 188, 128).astype(np.uint8)
    beep = Frame(np.full((210, 160, 3), 255, np.uint8), wave_form)
    frames = [beep if i in (30, 31, 90, 91) else quiet for i in range(120)]
    record(frames, video_file=tmp_path / "a.mov")
    video = read(tmp_path / "a.mov")
    assert [i for i, picture in enumerate(video.pictures) if picture.mean() > 128] == [
        *(30, 31, 90, 91)
    ]
    loud = np.flatnonzero(np.abs(video.sound) > 0.2) / 48000
    for beginning in (0.5, 1.5):
        heard = loud[(loud > beginning - 0.4) & (loud < beginning + 0.4)]
        assert heard.min() == pytest.approx(beginning, abs=0.005)
        assert heard.max() == pytest.approx(beginning + 2 / 60, abs=0.005)


def test_silence_is_no_sound_at_all_and_begins_without_a_click(tmp_path):
    quiet = Frame(np.zeros((210, 160, 3), np.uint8), np.full(SAMPLES, 128, np.uint8))
    record([quiet] * 30, video_file=tmp_path / "a.mov")
    assert np.abs(read(tmp_path / "a.mov").sound).max() < 1e-3


def test_a_video_without_sound_has_pictures_alone(tmp_path, frames):
    silent = [Frame(frame.picture, np.empty(0, np.uint8)) for frame in frames[:20]]
    record(silent, video_file=tmp_path / "a.mov")
    video = read(tmp_path / "a.mov")
    assert (len(video.pictures), len(video.lengths)) == (20, 1)


@pytest.mark.parametrize(("game", "size"), [("breakout", (1120, 840)), ("pacman", (1280, 1000))])
def test_pictures_are_about_as_wide_as_on_television(tmp_path, game, size):
    record(play(game, 4), video_file=tmp_path / "a.mov")
    with av.open(str(tmp_path / "a.mov")) as file:
        stream = file.streams.video[0]
        assert (stream.width, stream.height) == size
        assert stream.sample_aspect_ratio in (None, 0, 1)
        assert stream.average_rate == 60


@pytest.mark.parametrize("name", ["my game.mov", "my game.mp4"])
@pytest.mark.parametrize(
    ("games", "comment"),
    [
        ([FinishedGame(12.0, 300, 1203)], "score: 12, steps: 300"),
        (
            [FinishedGame(-2.5, 3, 9), FinishedGame(7, 40, 160)],
            "games: 2, scores: -2.5 7, steps: 3 40",
        ),
        ([], "unfinished game"),
    ],
)
def test_the_metadata_tell_score_and_steps(tmp_path, frames, name, games, comment):
    record(frames[:3], games, video_file=tmp_path / name)
    video = read(tmp_path / name)
    assert (video.title, video.comment) == ("my game", comment)


FACTS = {"snapshot": "breakout_10.pkl", "epoch": "10", "seed": "5"}


@pytest.mark.parametrize("name", ["a.mov", "a.mp4"])
def test_metadata_of_very_many_games_are_cut_and_the_video_is_whole(tmp_path, frames, name):
    record(frames[:3], [FinishedGame(1234, 5678, 0)] * 200, video_file=tmp_path / name, facts=FACTS)
    video = read(tmp_path / name)
    assert video.comment.startswith("games: 200, scores: 1234 1234 ")
    assert video.comment.endswith(", snapshot: breakout_10.pkl, epoch: 10, seed: 5")
    assert len(video.pictures) == 3


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ü" * 125 + ".pkl", "ü" * 125 + ".pkl"),
        (os.fsdecode(b"not \xff utf-8.pkl"), "not ? utf-8.pkl"),
    ],
    ids=["long", "not UTF-8"],
)
def test_any_name_of_a_snapshot_goes_into_the_metadata(tmp_path, frames, name, shown):
    facts = {**FACTS, "snapshot": name}
    record(frames[:3], [FinishedGame(12.0, 300, 1203)], video_file=tmp_path / "a.mov", facts=facts)
    video = read(tmp_path / "a.mov")
    assert video.comment == f"score: 12, steps: 300, snapshot: {shown}, epoch: 10, seed: 5"
    assert len(video.pictures) == 3


def test_a_video_may_have_a_name_that_is_not_utf_8(tmp_path, frames):
    path = tmp_path / os.fsdecode(b"caf\xe9.mov")
    try:
        path.touch()
        path.unlink()
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    record(frames[:3], video_file=path)
    path.rename(tmp_path / "a.mov")
    assert read(tmp_path / "a.mov").title == "caf?"


def test_the_folder_has_every_frame_as_ale_writes_them(tmp_path, frames):
    folder = tmp_path / "videos" / "seaquest"
    record(frames, screen_path=folder)
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"{i:06}.png" for i in range(len(frames))]
    for file, frame in zip(files, frames, strict=True):
        picture = cv2.imread(str(file))[:, :, ::-1]
        assert np.array_equal(picture, frame.picture.repeat(2, axis=1))


def test_the_wav_file_has_every_sample(tmp_path, frames):
    record(frames, sound_file=tmp_path / "a.wav")
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getparams()[:4] == (1, 1, SAMPLE_RATE, len(frames) * SAMPLES)
        samples = file.readframes(len(frames) * SAMPLES)
    assert samples == b"".join(frame.sound.tobytes() for frame in frames)


RECORD_THREE_TIMES = """
import os, pickle, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from dqn.recording.recorder import Recorder
from dqn.recording.settings import RecordingSettings
frames = pickle.load(sys.stdin.buffer)
settings = RecordingSettings(Path("a.mov"), Path("a"), Path("a.wav"), {"seed": "5"})
recording = Recorder(settings, frame_rate=60, sample_rate=30720)
for frame in frames * 3:
    recording.add(frame)
if "kill" in sys.argv:
    os.kill(os.getpid(), 9)
recording.close()
"""


def record_three_times(folder, frames, *arguments, **environment):
    """Record the frames three times over in a process of its own; returns its exit status."""
    source = str(Path(recorder.__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-c", RECORD_THREE_TIMES, source, *arguments],
        input=pickle.dumps(frames),
        cwd=folder,
        env=os.environ | environment,
    ).returncode


def test_the_same_frames_make_the_same_bytes(tmp_path, frames):
    for name, junk in ("one", "1"), ("two", "85"):  # glibc fills new memory with these
        folder = tmp_path / name
        folder.mkdir()
        assert record_three_times(folder, frames, MALLOC_PERTURB_=junk) == 0
    for name in "a.mov", "a.wav":
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_what_a_killed_recording_left_plays_up_to_its_end(tmp_path, frames):
    assert record_three_times(tmp_path, frames, "kill") == -signal.SIGKILL
    num_frames = 3 * len(frames)
    video = read(tmp_path / "a.mov")
    assert num_frames - 60 < len(video.pictures) <= num_frames  # the last second may be missing
    for i in (0, 100, len(video.pictures) - 1):
        assert difference(pixels(video.pictures[i]), frames[i % len(frames)].picture) < 1
    assert video.lengths[0] == pytest.approx(video.lengths[1], abs=0.05)
    assert video.comment == "unfinished recording, seed: 5"
    assert len(list((tmp_path / "a").iterdir())) == num_frames
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getnframes() >= (num_frames - 1) * SAMPLES
        assert len(file.readframes(num_frames * SAMPLES)) == file.getnframes()


def test_older_recordings_are_moved_aside_whole(tmp_path, frames):
    paths = {
        "video_file": tmp_path / "a.mov",
        "screen_path": tmp_path / "a",
        "sound_file": tmp_path / "a.wav",
    }
    record(frames[:9], **paths)
    video, sound = (tmp_path / "a.mov").read_bytes(), (tmp_path / "a.wav").read_bytes()
    record(frames[:5], **paths)
    assert (tmp_path / "a.mov.1").read_bytes() == video
    assert (tmp_path / "a.wav.1").read_bytes() == sound
    assert len(list((tmp_path / "a.1").iterdir())) == 9
    assert len(list((tmp_path / "a").iterdir())) == 5
    assert len(read(tmp_path / "a.mov").pictures) == 5


def test_nothing_is_moved_aside_before_there_is_something_to_record(tmp_path, frames):
    paths = {"video_file": tmp_path / "a.mov", "screen_path": tmp_path / "a"}
    record(frames[:2], **paths)
    record([], **paths)
    assert {path.name for path in tmp_path.iterdir()} == {"a.mov", "a"}


def test_a_folder_with_other_files_is_used_and_not_moved(tmp_path, frames):
    (tmp_path / "mine.txt").write_text("mine")
    record(frames[:2], screen_path=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"mine.txt", "000000.png", "000001.png"}
    with pytest.raises(UserError, match="has other files beside the frames"):
        record(frames[:1], screen_path=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"mine.txt", "000000.png", "000001.png"}


@pytest.mark.parametrize("path", ["video_file", "screen_path", "sound_file"])
def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path, path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write into the folder"):
        record([], **{path: tmp_path / "file" / "a.mov"})


@pytest.fixture
def small_disk(tmp_path):
    """Makes a folder on a disk of its own, of at most so many bytes."""
    folder = tmp_path / "small"
    folder.mkdir()

    def make(size):
        pages = size // os.sysconf("SC_PAGE_SIZE")
        command = ["mount", "-t", "tmpfs", "-o", f"nr_blocks={pages}", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("a small disk needs a root user who may mount")
        return folder

    yield make
    if folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("share", [0.5, 1], ids=["in the middle", "at the very end"])
def test_a_full_disk_is_told_and_the_video_until_then_plays(tmp_path, small_disk, frames, share):
    record(frames, video_file=tmp_path / "whole.mov")
    size = (tmp_path / "whole.mov").stat().st_size
    path = small_disk(int(share * size) - 1) / "a.mov"
    with pytest.raises(UserError, match=r"cannot write .*a\.mov \(No space left on device\)"):
        record(frames, video_file=path)
    num_pictures = 0
    with (
        av.open(str(path)) as file,
        contextlib.suppress(av.FFmpegError),
    ):  # half a picture may end it
        for picture in file.decode(video=0):
            expected = frames[num_pictures].picture
            assert difference(pixels(picture.to_ndarray(format="rgb24")), expected) < 1
            num_pictures += 1
    assert num_pictures >= share * 0.5 * len(frames)


@pytest.mark.parametrize(("path", "name"), [("screen_path", "a"), ("sound_file", "a.wav")])
def test_a_full_disk_is_told_and_frames_and_sound_until_then_stay(small_disk, frames, path, name):
    folder = small_disk(40_000)
    with pytest.raises(UserError, match=rf"cannot write .*{name} \(No space left on device\)"):
        record(frames, **{path: folder / name})
    if path == "sound_file":
        with wave.open(str(folder / name)) as file:
            assert file.getnframes() > 60 * SAMPLES
    else:
        first = cv2.imread(str(folder / name / "000000.png"))[:, :, ::-1]
        assert np.array_equal(first, frames[0].picture.repeat(2, axis=1))

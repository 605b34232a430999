"""What comes out of the sound card, for which SDL writes a file here."""

import logging
import time

import numpy as np
import pytest

from dqn.player.create import open_speaker
from dqn.player.pace import Pace

pytest.importorskip("pygame", reason="pygame-ce is not installed")
SAMPLES = 512


@pytest.fixture
def noise():
    """Half a second of frames of which no two are alike."""
    return np.random.default_rng(0).integers(0, 256, (30, SAMPLES), np.uint8)


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Plays frames at true speed; returns what came out, int16 (samples,)."""
    monkeypatch.setenv("SDL_AUDIODRIVER", "disk")
    monkeypatch.setenv("SDL_DISKAUDIOFILE", str(tmp_path / "sound"))

    def play(frames, presses):
        speaker = open_speaker(60 * SAMPLES, 60)
        for _ in range(abs(presses)):
            speaker.louder() if presses > 0 else speaker.quieter()
        pace = Pace(60)
        for frame in frames:
            pace.next_frame()
            time.sleep(max(pace.seconds_left, 0))
            speaker.play(frame)
        time.sleep(0.1)
        speaker.close()
        return np.fromfile(tmp_path / "sound", np.int16)

    return play


def positions(frames, sound):
    """Where each frame was heard, in frames; those that were not are left out."""
    found = [sound.tobytes().find(frame.tobytes()) for frame in frames]
    return [position / 2 / SAMPLES for position in found if position >= 0]


def test_every_sample_is_heard_in_order_and_soon(noise, play):
    sound = play(noise, presses=5)
    heard = positions((noise.astype(np.int16) - 128) << 8, sound)
    assert heard == sorted(heard)
    assert heard[0] <= 6  # a tenth of a second
    assert len(heard) > 15  # a busy machine may leave some out, to stay in step
    assert 1 in np.diff(heard)  # without a gap


def test_the_volume_turns_down_to_silence_and_no_further(noise, play):
    assert not play(noise, presses=-7).any()


def test_half_of_the_volume_is_where_it_begins(noise, play):
    sound = play(noise, presses=0)
    assert positions((noise.astype(np.int16) - 128) << 7, sound)


def test_without_a_sound_card_a_line_in_the_log_says_so(monkeypatch, caplog, capfd):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("SDL_AUDIODRIVER", "alsa")
    monkeypatch.setenv("AUDIODEV", "no such device")
    assert open_speaker(60 * SAMPLES, 60) is None
    (line,) = caplog.messages
    assert line.startswith("Playing without sound: ")
    assert capfd.readouterr().err == ""  # the library's own messages are not ours

"""A picture of a video."""

import cv2
import numpy as np

from dqn.environments.environment import Frame
from dqn.recording.still import still_of
from dqn.recording.video_file import VideoFile


def test_a_still_is_the_frame_at_its_part_of_the_video_at_half_its_size(tmp_path):
    video = VideoFile(
        tmp_path / "a.mp4", frame_rate=60, sample_rate=0, facts={}, has_square_pixels=True
    )
    for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)):
        picture = np.full((40, 60, 3), colour, np.uint8)
        video.add(Frame(picture, np.empty(0, np.uint8)))
    video.close("")
    file = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    _, first = file.read()
    for part, colour in ((0, (255, 0, 0)), (0.5, (0, 0, 255)), (1, (255, 255, 255))):
        still = cv2.imdecode(np.frombuffer(still_of(tmp_path / "a.mp4", part), np.uint8), 1)
        assert still.shape == (first.shape[0] // 2, first.shape[1] // 2, 3)
        np.testing.assert_allclose(still.reshape(-1, 3).mean(0)[::-1], colour, atol=6)

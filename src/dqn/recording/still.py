"""One picture of a video."""

from pathlib import Path

import av
import cv2


def still_of(video: Path, part: float) -> bytes:
    """The frame that comes after this part of a video (0..1), half as wide and high, as a PNG.

    OSError and av.FFmpegError pass through.
    """
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        wanted = int(stream.frames * part)
        picture = None
        for number, frame in enumerate(container.decode(stream)):
            picture = frame
            if number >= wanted:
                break
    assert picture, "a recording has a frame"
    pixels = picture.to_ndarray(format="bgr24")
    height, width, _ = pixels.shape
    half = cv2.resize(pixels, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    _, png = cv2.imencode(".png", half)
    return png.tobytes()

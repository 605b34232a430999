"""A game's sound on the machine's sound card."""

import contextlib
import os
import sys
from collections.abc import Iterator

import numpy as np

os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"

import pygame

SILENCE = 128
# The card takes the sound in pieces, of which one is played and one waits.
PIECE = 2  # frames
MAX_WAITING = 6  # frames: more of them would be heard too late
VOLUME_STEP = 0.1


class Speaker:
    """Plays frame after frame, a twelfth of a second after they are seen.

    Raises OSError where there is no sound card. The rates are of samples and frames a second.
    """

    def __init__(self, sample_rate: int, frame_rate: int):
        samples_per_frame = sample_rate // frame_rate
        self._cushion = np.full(PIECE * samples_per_frame, SILENCE, np.uint8)
        try:
            with _without_messages_of_libraries():
                pygame.mixer.init(sample_rate, -16, 1, samples_per_frame, allowedchanges=0)
        except pygame.error as error:
            raise OSError(str(error)) from error
        self._channel = pygame.mixer.Channel(0)
        self._waiting: list[np.ndarray] = []
        self._volume = 0.5
        self._channel.set_volume(self._volume)

    @property
    def volume(self) -> float:
        """How loud it is, in 0..1."""
        return self._volume

    def quieter(self) -> None:
        """Turn the volume down."""
        self._set_volume(self._volume - VOLUME_STEP)

    def louder(self) -> None:
        """Turn the volume up."""
        self._set_volume(self._volume + VOLUME_STEP)

    def play(self, samples: np.ndarray) -> None:
        """Play the samples of the next frame, uint8 (samples,), after those before."""
        self._waiting = [*self._waiting, samples][-MAX_WAITING:]
        if not self._channel.get_busy():
            # The first piece, or the first after a gap: what follows must not come too late.
            self._channel.play(self._sound([self._cushion]))
            self._channel.set_volume(self._volume)  # which play has reset
        if len(self._waiting) >= PIECE and self._channel.get_queue() is None:
            self._channel.queue(self._sound(self._waiting))
            self._waiting = []

    def close(self) -> None:
        """Stop playing."""
        pygame.mixer.quit()

    def _set_volume(self, volume: float) -> None:
        self._volume = round(min(max(volume, 0), 1), 1)
        self._channel.set_volume(self._volume)

    def _sound(self, pieces: list[np.ndarray]) -> pygame.mixer.Sound:
        samples = np.concatenate(pieces).astype(np.int16)
        return pygame.mixer.Sound(buffer=((samples - SILENCE) << 8).tobytes())


@contextlib.contextmanager
def _without_messages_of_libraries() -> Iterator[None]:
    """Keep what C libraries write to standard error off it: of a missing card, ALSA's are many."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)

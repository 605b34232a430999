"""Measure the colours of ALE, and how it averages those of two frames.

    python benchmarks/measure_colours.py

Prints the palettes of NTSC and PAL as src/dqn/environments/blending.py has them. Exit status 1 if
that module has others, or averages any pair of colours otherwise than ALE does.

ALE tells the colours only of what is on the screen. So all of them are written, one after another,
where a game keeps its own; two emulators play it side by side, and one of them averages.
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import zip_longest

import numpy as np
from ale_py import ALEInterface, LoggerMode
from ale_py.roms import get_rom_path

import checkout  # noqa: F401 (it comes before dqn)
from dqn.environments.blending import NTSC, PAL, average_grays

# A game of each kind, and where in its RAM it keeps the colours of some parts of its screen.
MEASURED = {
    "NTSC": (NTSC, "breakout", range(62, 70)),
    "PAL": (PAL, "king_kong", range(23, 26)),
}
FIRST_FRAMES = 30  # until these games show those parts
EVERY_FOURTH = np.s_[:, ::4]  # pixel of a line: the parts are wider


def measure(game: str, addresses: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The colours, (128, 3), and the grays that their pairs make, (128, 128); −1 if not seen."""
    plain, averaging = (start(game, color_averaging=averages) for averages in (False, True))
    colours = np.full((256, 3), -1, np.int16)
    grays = np.full((256, 256), -1, np.int16)
    before = plain.getScreen()[EVERY_FOURTH]
    shares = [all_pairs(range(2 * i, 256, 2 * len(addresses))) for i in range(len(addresses))]
    for numbers in zip_longest(*shares, fillvalue=0):
        for ale in (plain, averaging):
            for address, number in zip(addresses, numbers, strict=True):
                ale.setRAM(address, number)
            ale.act(0)
        now = plain.getScreen()[EVERY_FOURTH]
        gray = averaging.getScreenGrayscale()[EVERY_FOURTH]
        pairs = before * np.uint16(256) + now
        new = np.flatnonzero(grays.take(pairs) != gray)
        if np.any(grays.take(pairs.take(new)) != -1):
            sys.exit(f"error: in {game}, ALE averages the same two colours in different ways")
        grays.put(pairs.take(new), gray.take(new))
        colours[now.take(new)] = plain.getScreenRGB()[EVERY_FOURTH].reshape(-1, 3)[new]
        before = now
    return colours[::2], grays[::2, ::2]


def start(game: str, *, color_averaging: bool) -> ALEInterface:
    """An emulator that shows the parts of the screen whose colours can be written."""
    ALEInterface.setLoggerMode(LoggerMode.Error)
    ale = ALEInterface()
    ale.setInt("random_seed", 0)
    ale.setInt("frame_skip", 1)
    ale.setFloat("repeat_action_probability", 0)
    ale.setBool("color_averaging", color_averaging)
    ale.loadROM(str(get_rom_path(game)))
    for _ in range(FIRST_FRAMES):
        ale.act(0)
    return ale


def all_pairs(firsts: Sequence[int]) -> Iterator[int]:
    """Colours in an order in which each of `firsts` meets all that are not lower, both ways."""
    for first in firsts:
        for second in range(first, 256, 2):
            yield first
            yield second
        yield first


def main() -> None:
    """Measure both palettes, print them, and compare them with ours."""
    differing = []
    for kind, (palette, game, addresses) in MEASURED.items():
        colours, grays = measure(game, addresses)
        unseen = np.count_nonzero(grays == -1)
        if unseen:
            sys.exit(f"error: {unseen} pairs of colours were not seen: {game} is another ROM?")
        words = [bytes(colour.tolist()).hex() for colour in colours]
        print(f'{kind} = """')
        for hue in range(0, 128, 8):
            print("   ", *words[hue : hue + 8])
        print('"""')
        other = np.count_nonzero(average_grays(palette)[::2, ::2] != grays)
        print(f"{kind}: {grays.size} pairs of colours, {other} averaged in another way")
        if other or words != palette.split():
            differing.append(kind)
    if differing:
        sys.exit(f"error: src/dqn/environments/blending.py is wrong for {' and '.join(differing)}")


if __name__ == "__main__":
    main()

"""Takes the pictures of docs/ of a trained network: a window, a terminal, and a short animation.

    .venv/bin/python scripts/pictures.py
    .venv/bin/python scripts/pictures.py --network snapshots/pretrained/breakout_gpu.safetensors \
      --random_seed 5 --seconds 106.7 --animation docs/breakout.gif

The first writes docs/play.png, docs/terminal.png and docs/play.gif, of Pong; the second an
animation alone, of the ball behind the wall. It needs Xvfb and xdotool, and what the tests need.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyte
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from helpers.terminals import Terminal
from helpers.virtual_screen import Screen

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
MAIN = [sys.executable, str(ROOT / "src" / "main.py")]
CELL = (8, 17)  # pixels of a character
SIZE = (320, 240)  # of the animation: 4:3, as on a television
BOX = Image.Resampling.BOX
UPPER_HALF, FULL = "▀", "█"  # drawn as rectangles, so that they leave no gap


def main() -> None:
    """Take all pictures, or an animation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument(
        "--network", type=Path, default=ROOT / "snapshots" / "pretrained" / "pong.safetensors"
    )
    parser.add_argument("--random_seed", default="1", help="The game to show.")
    parser.add_argument("--seconds", type=float, default=25, help="When to take the pictures.")
    parser.add_argument("--animation", type=Path, help="Make this animation alone.")
    args = parser.parse_args()
    play = [*MAIN, "--load_weights", str(args.network), "--play_games", "1"]
    play += ["--random_seed", args.random_seed]
    if args.animation:
        take_animation(play, args.seconds, args.animation)
        return
    take_window([*play, "--display_screen", "window"], args.seconds, DOCS / "play.png")
    take_terminal([*play, "--display_screen", "terminal"], args.seconds, DOCS / "terminal.png")
    take_animation(play, args.seconds, DOCS / "play.gif")


def take_window(command: list[str], seconds: float, path: Path) -> None:
    """A picture of the window with what the network sees beside it."""
    screen = Screen()
    process = subprocess.Popen(command, env=screen.environment)
    try:
        window = screen.window()
        time.sleep(1)
        screen.press("o")
        time.sleep(seconds)
        Image.fromarray(screen.picture_of_window(window)).save(path, optimize=True)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        screen.close()


def take_terminal(command: list[str], seconds: float, path: Path) -> None:
    """The same in a terminal."""
    with Terminal(command, rows=43, columns=132) as terminal:
        terminal.wait_for_text("help")
        terminal.type(b"o")
        end = time.monotonic() + seconds
        terminal.wait_for(lambda: time.monotonic() > end)
        draw(terminal.screen).save(path, optimize=True)


def draw(screen: pyte.Screen) -> Image.Image:
    """What a terminal shows: a pyte screen."""
    width, height = CELL
    picture = Image.new("RGB", (screen.columns * width, screen.lines * height))
    canvas = ImageDraw.Draw(picture)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans Mono"), 13)
    for y in range(screen.lines):
        for x in range(screen.columns):
            cell = screen.buffer[y][x]
            fore, back = colour(cell.fg, "e5e5e5"), colour(cell.bg, "000000")
            if cell.reverse:
                fore, back = back, fore
            left, top = x * width, y * height
            canvas.rectangle((left, top, left + width - 1, top + height - 1), back)
            if cell.data in (UPPER_HALF, FULL):
                lines = height // 2 if cell.data == UPPER_HALF else height
                canvas.rectangle((left, top, left + width - 1, top + lines - 1), fore)
            elif cell.data.strip():
                canvas.text((left, top + 1), cell.data, fore, font)
    return picture


def colour(name: str, default: str) -> str:
    """A colour of pyte as one of Pillow."""
    return f"#{default if name == 'default' else name}"


def take_animation(command: list[str], seconds: float, path: Path) -> None:
    """Eight seconds of the game, which end at `seconds`, 20 pictures a second."""
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder) / "frames"
        end = round(seconds * 60)
        limit = ["--max_game_frames", str(end), "--record_screen_path", str(frames)]
        subprocess.run([*command, *limit], check=True, stdout=subprocess.DEVNULL)
        files = sorted(frames.iterdir())[-480::3]
        pictures = [Image.open(file).convert("RGB").resize(SIZE, BOX) for file in files]
    first, *others = (picture.quantize(64, dither=Image.Dither.NONE) for picture in pictures)
    first.save(path, save_all=True, append_images=others, duration=50, loop=0, optimize=True)


if __name__ == "__main__":
    main()

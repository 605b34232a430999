"""A window as a display, by pygame."""

import os
from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np

os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
os.environ["SDL_NO_SIGNAL_HANDLERS"] = "1"  # signals are the program's own affair

import pygame

from dqn.errors import UserError
from dqn.machine.fonts import dejavu_sans
from dqn.player.display import RECORDING, TELEVISION, Display, Insight, View
from dqn.player.keyboard import COMMANDS, Command, Joystick

LINES = 210  # of which a window shows a whole multiple at first
MAX_PART = 0.7  # of the desktop's height that a new window takes
MAX_HEIGHT = 0.95  # of the desktop's, that a strip may make a window
MIN_SIZE = 100  # pixels either way, for more than the picture
MIN_LETTERS = 8  # pixels
PANEL_PART = 0.36  # the panel's width, as a part of the picture's height
STRIP_PART = 0.2  # the height of the strip of Q-values, as a part of the picture's

KEY_NAMES = {
    pygame.K_SPACE: "fire",
    pygame.K_RETURN: "enter",
    pygame.K_KP_ENTER: "enter",
}
BLACK, BAR, PANEL = (0, 0, 0), (28, 28, 32), (20, 20, 23)
TEXT, DIM, RAIL = (232, 232, 236), (150, 150, 158), (44, 44, 50)
NETWORK, PERSON, RED = (96, 184, 255), (255, 176, 72), (255, 84, 84)


class Window(Display):
    """A window that can be resized, with a line at the bottom and a panel at the side.

    Raises UserError if no window can be opened.
    """

    def __init__(self, title: str):
        try:
            pygame.display.init()
        except pygame.error as error:
            raise UserError(_no_window(str(error))) from error
        if pygame.display.get_driver() in ("dummy", "offscreen"):
            pygame.display.quit()
            raise UserError(_no_window("there is no display"))
        if pygame.display.get_driver() == "x11":
            # By shared memory rather than by OpenGL: without a GPU, 0.2 ms a picture and not 3 ms.
            os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
        pygame.font.init()
        self.joystick = Joystick()
        desktop_height = pygame.display.get_desktop_sizes()[0][1]
        height = LINES * max(int(desktop_height * MAX_PART / LINES), 1)
        size = (round(TELEVISION * height), height + _bar_height(height))
        self._window = pygame.Window(title, size, resizable=True)
        self._is_full_screen = False
        self._has_icon = False
        self._has_panel = False
        self._widened_by = 0  # pixels, for the panel
        self._has_strip = False
        self._heightened_by = 0  # pixels, for the strip

    def show(self, picture: np.ndarray, view: View) -> None:
        if not self._has_icon:
            self._has_icon = True
            self._window.set_icon(_surface(cv2.resize(picture, (32, 32))))
        if self._has_panel != (view.insight is not None):
            self._toggle_panel()
        if self._has_strip != (view.strip is not None):
            self._toggle_strip()
        screen = self._window.get_surface()
        screen.fill(BLACK)
        area = screen.get_rect()
        bar_height = _bar_height(area.height - self._heightened_by)
        bar = pygame.Rect(0, 0, area.width, min(bar_height, area.height))
        bar.bottom = area.bottom
        area.height -= bar.height
        is_large = min(area.size) >= MIN_SIZE
        if view.insight and is_large:
            panel = pygame.Rect(area)
            panel.width = min(_panel_width(area.height), area.width // 2)
            panel.right = area.right
            area.width -= panel.width
            _draw_insight(screen, panel, view.insight)
        if view.strip and is_large:
            strip = pygame.Rect(area)
            strip.height = round(area.height * STRIP_PART / (1 + STRIP_PART))
            strip.bottom = area.bottom
            area.height -= strip.height
            screen.blit(_surface(view.strip(*strip.size)), strip)
        _draw_picture(screen, area, picture, self.aspect_of(picture), view.paint)
        if view.help and is_large:
            _draw_help(screen, area, view.help)
        elif view.announcement and is_large:
            _draw_announcement(screen, area, view.announcement)
        _draw_bar(screen, bar, view)
        self._window.flip()

    def poll(self) -> list[Command]:
        commands = []
        for event in pygame.event.get():
            if event.type in (pygame.QUIT, pygame.WINDOWCLOSE):
                commands.append(Command.QUIT)
            elif event.type == pygame.WINDOWFOCUSLOST:
                self.joystick.release_all()
            elif event.type == pygame.KEYUP:
                self.joystick.release(_key_name(event))
            elif event.type == pygame.KEYDOWN and not self.joystick.press(_key_name(event)):
                command = _command(event)
                if command:
                    commands.append(command)
        return commands

    def toggle_full_screen(self) -> None:
        self._is_full_screen = not self._is_full_screen
        if self._is_full_screen:
            self._window.set_fullscreen(True)
        else:
            self._window.set_windowed()
        pygame.mouse.set_visible(not self._is_full_screen)

    def close(self) -> None:
        self._window.destroy()
        pygame.display.quit()

    def _toggle_panel(self) -> None:
        """Make room for the panel beside the picture, where the desktop has it, or take it away."""
        self._has_panel = not self._has_panel
        if self._is_full_screen:
            return
        width, height = self._window.size
        if self._has_panel and not self._widened_by:
            room = pygame.display.get_desktop_sizes()[0][0] - width
            self._widened_by = max(min(_panel_width(height - _bar_height(height)), room), 0)
            self._window.size = (width + self._widened_by, height)
        elif not self._has_panel:
            self._window.size = (max(width - self._widened_by, MIN_SIZE), height)
            self._widened_by = 0

    def _toggle_strip(self) -> None:
        """The same for the strip below the picture."""
        self._has_strip = not self._has_strip
        if self._is_full_screen:
            return
        width, height = self._window.size
        if self._has_strip and not self._heightened_by:
            room = round(MAX_HEIGHT * pygame.display.get_desktop_sizes()[0][1]) - height
            wanted = round((height - _bar_height(height)) * STRIP_PART)
            self._heightened_by = max(min(wanted, room), 0)
            self._window.size = (width, height + self._heightened_by)
        elif not self._has_strip:
            self._window.size = (width, max(height - self._heightened_by, MIN_SIZE))
            self._heightened_by = 0


def _no_window(reason: str) -> str:
    return f"no window can be opened ({reason}): use --display_screen terminal"


def _key_name(event: pygame.event.Event) -> str:
    return KEY_NAMES.get(event.key) or pygame.key.name(event.key)


def _command(event: pygame.event.Event) -> Command | None:
    # The character rather than the key: brackets stand elsewhere on other keyboards.
    return COMMANDS.get(event.unicode.lower()) or COMMANDS.get(_key_name(event))


def _bar_height(height: int) -> int:
    return max(height // 20, 22)


def _panel_width(height: int) -> int:
    return int(height * PANEL_PART)


def _surface(picture: np.ndarray) -> pygame.Surface:
    height, width, _ = picture.shape
    return pygame.image.frombuffer(np.ascontiguousarray(picture).data, (width, height), "RGB")


def _draw_picture(
    screen: pygame.Surface,
    area: pygame.Rect,
    picture: np.ndarray,
    aspect: float,
    paint: Callable[[np.ndarray], np.ndarray] | None,
) -> None:
    """Draw it as large as it fits; each of its pixels keeps sharp edges. Then `paint` it."""
    width = min(area.width, round(area.height * aspect))
    height = min(area.height, round(area.width / aspect))
    if width and height:
        large = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        surface = _surface(paint(large) if paint else large)
        screen.blit(surface, surface.get_rect(center=area.center))


def _draw_bar(screen: pygame.Surface, bar: pygame.Rect, view: View) -> None:
    screen.fill(BAR, bar)
    size = round(bar.height * 0.5)

    def width(texts: list[str]) -> int:
        return sum(_font(size).size(text)[0] + size for text in texts)

    left = bar.left + size // 2
    parts = view.parts(lambda texts: width(texts) <= bar.width)
    colours = {view.who: PERSON if view.is_person else NETWORK, RECORDING: RED}
    for text in parts:
        image = _text(text, size, colours.get(text, TEXT))
        screen.blit(image, image.get_rect(left=left, centery=bar.centery))
        left += image.get_width() + size
    if view.message or width([*parts, view.hint]) <= bar.width:
        image = _text(view.message or view.hint, size, TEXT if view.message else DIM)
        place = image.get_rect(right=bar.right - size // 2, centery=bar.centery)
        place.left = max(place.left, left)
        screen.blit(image, place)


def _draw_announcement(screen: pygame.Surface, area: pygame.Rect, lines: Sequence[str]) -> None:
    size = _size_that_fits(area, area.height // 18, len(lines), lambda size: _widest(lines, size))
    line = round(size * 1.5)
    box = _draw_box(screen, area, size, _widest(lines, size), line * len(lines))
    for row, text in enumerate(lines):
        image = _text(text, size, DIM if row else TEXT)
        centre = (box.centerx, box.top + size + row * line + line // 2)
        screen.blit(image, image.get_rect(center=centre))


def _draw_help(screen: pygame.Surface, area: pygame.Rect, lines: Sequence[tuple[str, str]]) -> None:
    keys, texts = zip(*lines, strict=True)
    size = _size_that_fits(
        area, area.height // 26, len(lines), lambda s: _widest(keys, s) + s + _widest(texts, s)
    )
    line = round(size * 1.5)
    width = _widest(keys, size) + size + _widest(texts, size)
    box = _draw_box(screen, area, size, width, line * len(lines))
    middle = box.left + size + _widest(keys, size)
    for row, (key, text) in enumerate(lines):
        centre = box.top + size + row * line + line // 2
        image = _text(key, size, NETWORK)
        screen.blit(image, image.get_rect(right=middle, centery=centre))
        image = _text(text, size, TEXT)
        screen.blit(image, image.get_rect(left=middle + size, centery=centre))


def _draw_box(
    screen: pygame.Surface, area: pygame.Rect, size: int, width: int, height: int
) -> pygame.Rect:
    """Draw a dark box in the middle, with a margin of `size` around what it will hold."""
    box = pygame.Rect(0, 0, width + 2 * size, height + 2 * size)
    box.center = area.center
    shade = pygame.Surface(box.size, pygame.SRCALPHA)
    pygame.draw.rect(shade, (*PANEL, 235), shade.get_rect(), border_radius=size // 2)
    pygame.draw.rect(shade, DIM, shade.get_rect(), width=1, border_radius=size // 2)
    screen.blit(shade, box)
    return box


def _size_that_fits(
    area: pygame.Rect, size: int, num_lines: int, width: Callable[[int], int]
) -> int:
    """The largest size of letters, up to `size`, with which a box of lines fits into `area`."""
    size = max(min(size, int(area.height / (1.5 * num_lines + 2))), MIN_LETTERS)
    while size > MIN_LETTERS and width(size) + 2 * size > area.width:
        size -= 1
    return size


def _widest(texts: Sequence[str], size: int) -> int:
    return max(_font(size).size(text)[0] for text in texts)


def _draw_insight(screen: pygame.Surface, panel: pygame.Rect, insight: Insight) -> None:
    """Draw the actions with their Q-values, ε, and what the network saw below."""
    screen.fill(PANEL, panel)
    margin = max(panel.width // 16, 4)
    content = panel.inflate(-2 * margin, -2 * margin)
    gap = max(margin // 2, 2)
    pictures = insight.pictures
    side = (content.width - gap) // 2  # of a picture
    rows = (len(pictures) + 1) // 2
    pictures_height = rows * (side + gap) - gap
    lines = len(insight.actions) + 3
    line = min((content.height - pictures_height - margin) // lines, round(panel.width / 10))
    size = max(round(line * 0.62), 8)

    _draw_label(screen, content.left, content.top, line, insight.heading, size, DIM)
    for index, name in enumerate(insight.actions):
        top = content.top + (index + 1) * line
        row = pygame.Rect(content.left, top, content.width, line)
        _draw_action(screen, row, insight, index, name, size)
    top = content.top + (len(insight.actions) + 1) * line
    _draw_label(screen, content.left, top, line, insight.exploration, size, DIM)

    top = content.bottom - pictures_height
    _draw_label(screen, content.left, top - line, line, "what the network sees", size, DIM)
    for index, picture in enumerate(pictures):
        surface = _surface(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA))
        left = content.left + index % 2 * (side + gap)
        screen.blit(surface, (left, top + index // 2 * (side + gap)))


def _draw_action(
    screen: pygame.Surface, row: pygame.Rect, insight: Insight, index: int, name: str, size: int
) -> None:
    """Draw an action's name, and its Q-value as a bar and as a number."""
    is_taken = index == insight.action
    colour = NETWORK if is_taken else TEXT
    _draw_label(screen, row.left, row.top, row.height, name, size, colour)
    if insight.q_values is None:
        return
    number = _text(f"{insight.q_values[index]:.2f}", size, colour)
    screen.blit(number, number.get_rect(right=row.right, centery=row.centery))
    rail = pygame.Rect(0, 0, round(row.width * 0.3), max(row.height // 3, 2))
    rail.midleft = (row.left + round(row.width * 0.47), row.centery)
    screen.fill(RAIL, rail)
    rail.width = round(rail.width * insight.bar(index))
    screen.fill(colour if is_taken else DIM, rail)


def _draw_label(
    screen: pygame.Surface,
    left: int,
    top: int,
    height: int,
    text: str,
    size: int,
    colour: tuple[int, int, int],
) -> None:
    image = _text(text, size, colour)
    screen.blit(image, image.get_rect(left=left, centery=top + height // 2))


@lru_cache(maxsize=256)
def _text(text: str, size: int, colour: tuple[int, int, int]) -> pygame.Surface:
    return _font(size).render(text, True, colour)


@lru_cache(maxsize=32)
def _font(size: int) -> pygame.font.Font:
    return pygame.font.Font(dejavu_sans(), size)

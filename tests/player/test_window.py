"""A real window on a virtual screen, whose keys are pressed from outside."""

from collections import Counter

import numpy as np
import pytest

from dqn.environments.settings import ObservationSettings
from dqn.errors import UserError
from helpers.watched import Watched, paddle


@pytest.fixture
def desktop(screen, monkeypatch):
    """This process on the virtual screen."""
    for name, value in screen.environment.items():
        monkeypatch.setenv(name, value)
    return screen


@pytest.fixture
def watched(desktop):
    """A game in a window that has the keyboard."""
    from dqn.player.window import Window

    with Watched(Window("a game")) as watched:
        watched.step()
        watched.number = desktop.window()
        watched.press = desktop.press
        yield watched


def pixels(watched):
    """What the window shows, uint8 (height, width, 3)."""
    import pygame

    surface = watched.display._window.get_surface()
    return pygame.surfarray.array3d(surface).swapaxes(0, 1)


def test_the_picture_is_four_wide_to_three_high_above_a_line_of_text(watched, desktop):
    width, height = desktop.window_size(watched.number)
    bar = height - width * 3 // 4
    assert 20 <= bar <= 40
    shown = pixels(watched)
    assert shown.shape == (height, width, 3)
    # A whole multiple of the lines: each has the colour that it has in the game.
    picture = watched.frames[-1]
    scale = (height - bar) // 210
    middle = shown[scale // 2 : height - bar : scale, width // 2]
    np.testing.assert_array_equal(middle, picture[:, 80])
    assert len(np.unique(shown[-bar:].reshape(-1, 3), axis=0)) > 5  # text


def test_a_resized_window_keeps_the_pictures_shape(watched, desktop):
    desktop.xdotool("windowsize", watched.number, 1000, 400)
    watched.play_until(lambda: pixels(watched).shape == (400, 1000, 3))
    watched.look()
    shown = pixels(watched)
    bar = 22
    picture_width = round((400 - bar) * 4 / 3)
    margin = (1000 - picture_width) // 2
    lit = shown[: 400 - bar].max(2).max(0) > 0
    assert not lit[: margin - 1].any()
    assert not lit[1000 - margin + 1 :].any()
    assert lit[margin + 2 : 1000 - margin - 2].all()


@pytest.mark.parametrize("size", [(20, 10), (1, 1), (60, 500)])
def test_no_size_is_too_small(watched, desktop, size):
    desktop.xdotool("windowsize", watched.number, *size)
    watched.press("h", "o", "v")
    watched.play_until(lambda: watched.view.insight and watched.view.strip, "the overlay")
    watched.look()


def test_slower_and_faster(watched):
    watched.press("a")
    watched.play_until(lambda: "0.5×" in watched.view.status)
    watched.press("s", "s")
    watched.play_until(lambda: "2×" in watched.view.status)


def test_playing_by_the_keys_and_giving_back(watched, desktop):
    watched.press("m")
    watched.play_until(lambda: watched.view.who == "you play")
    for key, action, sign in (("Right", "right", 1), ("Left", "left", -1)):
        desktop.hold(key)
        watched.play_until(lambda action=action: watched.actions[-1] == action, action)
        before = paddle(watched.frames[-1])
        watched.play_until(
            lambda sign=sign, before=before: sign * (paddle(watched.frames[-1]) - before) > 20
        )
        desktop.release(key)
    watched.play_until(lambda: watched.actions[-1] == "no-op")
    watched.press("space")
    watched.play_until(lambda: watched.actions[-1] == "fire")
    watched.press("m")
    watched.play_until(lambda: watched.view.who == "the network plays")


def test_directions_and_fire_combine(desktop):
    from dqn.player.window import Window

    with Watched(Window("a game"), game="space_invaders", with_network=False) as watched:
        watched.step()
        desktop.window()
        desktop.hold("Right", "space")
        watched.play_until(lambda: watched.actions[-1] == "right fire")
        desktop.hold("Left")  # the newer direction
        watched.play_until(lambda: watched.actions[-1] == "left fire")
        desktop.release("Left", "space")
        watched.play_until(lambda: watched.actions[-1] == "right")
        desktop.release("Right")
        watched.play_until(lambda: watched.actions[-1] == "no-op")


def test_letters_are_the_joystick_of_a_person_and_set_the_speed_of_the_network(watched, desktop):
    watched.press("a", "minus", "plus", "KP_Subtract")
    watched.play_until(lambda: "0.25×" in watched.view.status)
    watched.press("equal", "KP_Add", "m")
    watched.play_until(lambda: watched.view.who == "you play")
    for key, action in (("a", "left"), ("d", "right"), ("s", "left"), ("w", "right")):
        desktop.hold(key)
        watched.play_until(lambda action=action: watched.actions[-1] == action, action)
        desktop.release(key)
        watched.play_until(lambda: watched.actions[-1] == "no-op", "nothing is pressed")
    assert "1×" in watched.view.status


def test_enter_begins_another_game(desktop):
    from dqn.player.window import Window

    with Watched(
        Window("a game"), with_network=False, waits_after_games=True, max_game_frames=100
    ) as watched:
        show = watched.display.show

        def show_and_press(picture, view):
            show(picture, view)
            if view.announcement:
                desktop.press("x", "space", "Return")

        watched.display.show = show_and_press
        watched.step()
        desktop.window()
        watched.play_until(lambda: any(view.announcement for view in watched.views))
        watched.look()
        assert not watched.view.announcement
        assert not watched.player.has_quit


@pytest.mark.parametrize("size", [(300, 240), (560, 442)])
def test_a_message_has_room_in_a_small_window(watched, desktop, size):
    desktop.xdotool("windowsize", watched.number, *size)
    watched.play_until(lambda: pixels(watched).shape[1] == size[0])
    watched.look()
    before = pixels(watched)[-22:]
    watched.player._say("a message of many words, for which the status line makes room")
    watched.look()
    assert (pixels(watched)[-22:, -60:] != before[:, -60:]).any()


def test_a_pause_lasts_until_a_step_is_taken_or_it_ends(watched):
    presses = iter(["n", "n", "p"])
    shown = Counter()  # how often each frame was: only one that waits is shown several times
    waiting = []
    show = watched.display.show

    def show_and_press(picture, view):
        show(picture, view)
        number = len(watched.frames)
        shown[number] += 1
        if shown[number] == 3:
            waiting.append(number)
            watched.press(next(presses))

    watched.display.show = show_and_press
    watched.press("p")
    watched.play_until(lambda: len(waiting) == 3 and "paused" not in watched.view.status)
    assert np.diff(waiting).tolist() == [4, 4]


def test_help_lies_over_the_picture(watched):
    before = pixels(watched)
    watched.press("h")
    watched.play_until(lambda: watched.view.help)
    row, column = before.shape[0] // 2, before.shape[1] // 2
    middle = pixels(watched)[row - 50 : row + 50, column - 50 : column + 50]
    assert 0 < np.median(middle.max(2)) < 60  # a dark box behind the text
    watched.press("h")
    watched.play_until(lambda: not watched.view.help)


def test_the_overlay_stands_beside_the_picture(watched, desktop):
    width, height = desktop.window_size(watched.number)
    watched.press("o")
    watched.play_until(lambda: watched.view.insight)
    watched.look()
    wider, same_height = desktop.window_size(watched.number)
    assert wider > width + 150
    assert same_height == height
    panel = pixels(watched)[: height - 40, width:]
    assert len(np.unique(panel.reshape(-1, 3), axis=0)) > 20
    watched.press("o")
    watched.play_until(lambda: not watched.view.insight)
    watched.look()
    assert desktop.window_size(watched.number) == (width, height)


def test_saliency_colours_the_picture_above_a_strip_of_q_values(watched, desktop):
    width, height = desktop.window_size(watched.number)
    watched.press("v")
    watched.play_until(lambda: watched.view.strip and watched.player._choice, "saliency")
    watched.step()
    watched.look()
    same_width, higher = desktop.window_size(watched.number)
    assert same_width == width
    assert higher > height + 80
    shown = pixels(watched)
    strip = shown[height - 31 : higher - 45]
    assert (strip == (86, 180, 233)).all(2).any() or len(
        np.unique(strip.reshape(-1, 3), axis=0)
    ) > 20
    picture = shown[: height - 40].astype(int)
    assert (
        (picture[..., 0] > picture[..., 1] + 30) & (picture[..., 2] > picture[..., 1] + 30)
    ).any()
    watched.press("period")
    watched.play_until(lambda: watched.view.message == "colour 90 %")
    watched.press("v")
    watched.play_until(lambda: not watched.view.strip)
    watched.look()
    assert desktop.window_size(watched.number) == (width, height)


@pytest.mark.parametrize("kind", ["rgb", "ram"])
def test_the_overlay_shows_what_is_observed_instead_of_gray_screens(desktop, kind):
    from dqn.player.window import Window

    settings = ObservationSettings(kind=kind)
    with Watched(Window("a game"), with_network=False, observation=settings) as watched:
        watched.step()
        desktop.window()
        desktop.press("o")
        watched.play_until(lambda: watched.view.insight)
        watched.look()
        np.testing.assert_array_equal(
            watched.frames[-1][100], watched.game._ale.getScreenRGB()[100]
        )
        shown = pixels(watched)
        height = shown.shape[0] - 40
        panel = shown[height // 2 : height, -int(0.3 * height) :]
        is_coloured = bool((np.ptp(panel, axis=2) > 60).any())
        assert is_coloured == (kind == "rgb")
        assert len(np.unique(panel.reshape(-1, 3), axis=0)) > 20


def test_full_screen_and_back(watched):
    size = pixels(watched).shape
    watched.press("f")
    watched.play_until(lambda: pixels(watched).shape == (800, 1280, 3))
    watched.press("f")
    watched.play_until(lambda: pixels(watched).shape == size)


@pytest.mark.parametrize("key", ["q", "Escape"])
def test_quit(watched, key):
    watched.press(key)
    watched.play_until(lambda: watched.player.has_quit)


def test_closing_the_window_quits(watched, desktop):
    import pygame

    # Without a window manager nobody asks a window to close itself, as its cross does.
    pygame.event.post(pygame.event.Event(pygame.WINDOWCLOSE))
    watched.play_until(lambda: watched.player.has_quit)


def test_keys_that_mean_nothing_do_nothing(watched):
    watched.press("x", "Return", "F5", "Shift_L", "m")
    watched.play_until(lambda: watched.view.who == "you play")
    assert not watched.player.has_quit


def test_capitals_count_too(watched):
    watched.press("M")
    watched.play_until(lambda: watched.view.who == "you play")


def test_without_a_screen_there_is_a_clear_error(monkeypatch):
    pytest.importorskip("pygame")
    from dqn.player.window import Window

    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    with pytest.raises(UserError, match=r"no window can be opened .*--display_screen terminal"):
        Window("nowhere")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    with pytest.raises(UserError, match="there is no display"):
        Window("nowhere")

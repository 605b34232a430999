"""The page in a real browser: complete, readable on any screen, usable by keyboard."""

import re

import numpy as np
import pytest

import nvis
from dqn.networks.architecture import Architecture, Convolution
from dqn.networks.layers import initial_layers
from dqn.snapshots.file import save_snapshot
from dqn.snapshots.snapshot import Metadata, Snapshot
from helpers.browser import browser as browser

SCREENS = Architecture(4, (4, 84, 84), (Convolution(16, 8, 8, 4), Convolution(8, 4, 4, 2)), (16,))

# The rectangles, on the page, of all that stands beside one another in the same element
BOXES = """() => [...document.querySelectorAll('.cards, .row, .views, .facts, .values, main')].map(
    (parent) => [...parent.children].map((child) => {
        const box = child.getBoundingClientRect();
        return [box.left, box.top, box.right, box.bottom];
    }).filter(([left, top, right, bottom]) => right > left && bottom > top))"""


def save(path, architecture, game="breakout"):
    layers = initial_layers(architecture, np.random.default_rng(3))
    layers[0].weights[:, 1] = -np.abs(layers[0].weights[:, 1])  # a filter that never fires
    metadata = Metadata(game, [0, 1, 3, 4], architecture.state_shape, 3, 250_000, 62_500)
    save_snapshot(Snapshot(layers, architecture, metadata), path)
    return path


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """The page of a network with two convolutions, with a random one beside it."""
    folder = tmp_path_factory.mktemp("page")
    snapshot = save(folder / "breakout_<3>_1.pkl", SCREENS)
    file = folder / "page.html"
    flags = ["--load_weights", str(snapshot), "--play_games=1", "--max_game_frames=240"]
    flags += ["--visualization_filters=16", "--sanity=true", "--random_seed=1"]
    assert nvis.main([*flags, "--visualization_file", str(file)]) == 0
    return file


@pytest.fixture(scope="module")
def page(browser, page_file):
    """The page; opening it takes seconds."""
    page = browser.open(page_file)
    yield page
    page.context.close()


@pytest.fixture
def opened(page):
    """The page in a window of 1,400 pixels."""
    page.set_viewport_size({"width": 1400, "height": 900})
    page.evaluate("window.scrollTo(0, 0)")
    return page


def test_every_picture_is_there_and_described(page, browser):
    pictures = page.evaluate(
        """async () => {
            const pictures = [...document.images];
            await Promise.all(pictures.map((picture) => picture.decode()));
            return pictures.map((p) => [p.naturalWidth, p.alt, p.getBoundingClientRect().width]);
        }"""
    )
    assert len(pictures) > 80
    for natural_width, description, shown_width in pictures:
        assert natural_width > 0
        assert len(description) > 10
        assert shown_width > 0
    assert browser.complaints == []


@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_overlaps(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for boxes in page.evaluate(BOXES):
        for number, (left, top, right, bottom) in enumerate(boxes):
            assert -1 <= left < right <= width + 1
            for other_left, other_top, other_right, other_bottom in boxes[:number]:
                apart = left >= other_right - 1 or other_left >= right - 1
                assert apart or top >= other_bottom - 1 or other_top >= bottom - 1


def test_text_contrasts_with_the_page_in_both_schemes(page):
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        colours = page.evaluate(
            """() => [document.body, document.querySelector('figcaption'),
                      document.querySelector('.card .caption')].map((element) => {
                let behind = element;
                const of = (e) => getComputedStyle(e).backgroundColor;
                while (of(behind) === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
                return [getComputedStyle(element).color, of(behind)];
            })"""
        )
        for text, behind in colours:
            assert contrast(text, behind) >= 4.5  # WCAG 2.2, 1.4.3


def contrast(*colours):
    """WCAG's contrast of two CSS colours."""

    def luminance(colour):
        parts = np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    dark, light = sorted(map(luminance, colours))
    return (light + 0.05) / (dark + 0.05)


def test_the_keyboard_enlarges_turns_zooms_and_closes(opened):
    card = opened.locator("button.card").first
    title, next_title = "Layer 1, filter 0", "Layer 1, filter 2"  # filter 1 is dead
    card.focus()
    opened.keyboard.press("Enter")
    dialog = opened.locator("dialog")
    assert dialog.is_visible()
    assert dialog.locator("h2").inner_text() == title
    # Screen, field, guided and random, each as a trace and as four screens
    assert dialog.locator("img").count() == 4 * 5
    width = dialog.locator(".sheet").bounding_box()["width"]
    opened.keyboard.press("+")
    assert dialog.locator(".sheet").bounding_box()["width"] > 1.4 * width
    opened.keyboard.press("-")
    assert dialog.locator(".sheet").bounding_box()["width"] == pytest.approx(width, abs=2)
    opened.keyboard.press("ArrowRight")
    assert dialog.locator("h2").inner_text() == next_title
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert opened.evaluate("document.activeElement.dataset.title") == title


def test_a_click_enlarges_and_the_wheel_zooms_where_the_pointer_is(opened):
    opened.locator("button.card").nth(2).click()
    sheet = opened.locator(".sheet")
    before = sheet.bounding_box()
    canvas = opened.locator(".canvas").bounding_box()
    x, y = canvas["x"] + canvas["width"] * 0.7, canvas["y"] + canvas["height"] * 0.3
    opened.mouse.move(x, y)
    opened.mouse.wheel(0, -400)
    opened.wait_for_function("document.querySelector('.canvas').scrollLeft > 0")
    after = sheet.bounding_box()
    assert after["width"] == pytest.approx(np.e * before["width"], rel=0.02)
    # The same place of the sheet is below the pointer.
    place = (x - before["x"]) / before["width"]
    assert (x - after["x"]) / after["width"] == pytest.approx(place, abs=0.02)
    opened.locator("[data-do=close]").click()
    assert not opened.locator("dialog").is_visible()


def test_each_screen_can_be_chosen(opened):
    def shown():
        """How far the first picture is moved, in widths of a screen."""
        return opened.evaluate(
            """() => { const picture = document.querySelector('.window img');
                const box = picture.getBoundingClientRect();
                return (picture.parentElement.getBoundingClientRect().left - box.left)
                    / box.width * 5; }"""
        )

    assert shown() == pytest.approx(0, abs=0.01)
    names = opened.locator(".choice label").all_inner_texts()
    assert names == ["trace", "3 steps earlier", "2 steps earlier", "1 step earlier", "newest"]
    for number, name in enumerate(names):
        opened.get_by_label(name, exact=True).check()
        assert shown() == pytest.approx(number, abs=0.01)
    opened.get_by_label("trace", exact=True).check()


def test_the_page_tells_what_it_is_about(opened, page_file):
    assert opened.title() == "Inside breakout_<3>_1.pkl"
    assert opened.evaluate("document.documentElement.lang") == "en"
    assert opened.locator("h1").count() == 1
    text = opened.locator("body").inner_text()
    for words in (
        *(
            "Breakout",
            "epoch 3, 250,000 steps",
            "conv16x8s4, conv8x4s2, 16 units",
            "Here are all 16",
        ),
        *("1 of 16 is dead, never above 0: 1", "do not prove why it acts", "Sanity check"),
    ):
        assert words in text
    assert page_file.stat().st_size < 2e6
    assert opened.locator(".moment").count() == 4
    # A description of each button for those who do not see it
    for button in opened.locator("button.card").all():
        assert re.match(r"Enlarge Layer \d, filter \d+: step", button.get_attribute("aria-label"))

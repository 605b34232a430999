"""Write a part of a page as a picture, by Chromium: screenshot.py PAGE SELECTOR PICTURE."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTH = 1240  # pixels


def main(page: str, selector: str, picture: str) -> None:
    """Write the first part of the page that a CSS selector names."""
    browsers = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, browsers)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        opened.goto(Path(page).absolute().as_uri())
        opened.add_style_tag(content=f"{selector} {{ padding: 1rem }}")
        opened.locator(selector).first.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

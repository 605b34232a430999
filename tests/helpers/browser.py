"""Pages in a real browser without a window."""

import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Browser:
    """Opens pages in Chromium; `complaints` holds what the last one printed or asked for."""

    def __init__(self, browser):
        self._browser = browser
        self.complaints = []

    def open(self, path):
        """The page of a file."""
        self.complaints = []
        page = self._browser.new_context().new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", lambda request: self.complaints.append(request.url[:80]))
        page.on("request", self._note_request)
        page.goto(path.absolute().as_uri())
        return page

    def _note_request(self, request):
        if not request.url.startswith(("file:", "data:")):
            self.complaints.append(f"asked the network for {request.url}")


@pytest.fixture(scope="session")
def browser():
    """A browser; the test is skipped without one."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("Chromium is not installed: run_tests.sh --system does it")
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield Browser(browser)
        browser.close()

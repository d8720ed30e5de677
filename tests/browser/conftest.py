"""One browser and one running product for all walks. Playwright's loop runs between them, so no test here is async."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.product.installation import DEMO_PASSWORD, Installation, new_directory

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
MISSING = "there is no Chromium on this computer (Debian: apt-get install chromium)"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A Chromium without a window; without one the walks skip, except in CI."""
    found = [path for path in map(shutil.which, NAMES) if path is not None]
    if not found:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found[0], args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def product(browser: Browser) -> Iterator[Installation]:
    """A running product with the demo's organizations and machines."""
    place = Installation(new_directory(), demo_password=DEMO_PASSWORD)
    try:
        place.start()
        yield place
    finally:
        place.put_away()
        print(place.log)  # pytest shows it beside a failure
        shutil.rmtree(place.directory, ignore_errors=True)

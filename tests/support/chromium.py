"""The Chromium of all tests: one for each process, as a second Playwright in a process is refused."""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """The browser of all tests; without one they are skipped, but fail where CI is set."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _not_here("playwright is not installed (it is in the dev group of pyproject.toml)")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        _not_here(f"no Chromium: none of {', '.join(NAMES)} is on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def _not_here(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; CI must test in a browser")
    pytest.skip(reason)

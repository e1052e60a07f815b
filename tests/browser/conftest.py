"""A real Chromium that opens pages from disk and lets nothing go wrong unseen."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request

    from equipoise import Plan


@pytest.fixture
def browser_page(chromium: "Browser") -> Iterator["Pages"]:
    """Open pages from disk; the test fails at its end if one logged an error, asked for anything or raised a dialog.

    ``page = browser_page(path, width=390, scheme="dark")`` gives a Playwright page.
    """
    pages = Pages(chromium)
    yield pages
    pages.close()
    assert not pages.faults, "\n".join(pages.faults)


@pytest.fixture
def planner(browser_page: "Pages", tmp_path: Path) -> Callable[..., "Page"]:
    """Open the planner of a plan, inside a report's page."""
    from equipoise.pages.page import Page as Report
    from equipoise.pages.page import Section
    from equipoise.pages.planner import planner_section

    def open_planner(plan: "Plan", **window: Any) -> "Page":
        sections = [Section("Another plan", fragment=planner_section(plan))]
        page = Report("Title", "Question", [], "Verdict", "Meaning", sections, "Command", "Details")
        path = tmp_path / "report.html"
        path.write_text(page.to_html(), encoding="utf-8")
        return browser_page(path, **window)

    return open_planner


class Pages:
    """Opens pages, each in a browser context of its own, and collects what none of them may do."""

    def __init__(self, browser: "Browser") -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.faults: list[str] = []

    def __call__(
        self,
        path: Path,
        *,
        width: int = 1280,
        height: int = 900,
        scheme: Literal["light", "dark"] = "light",
        java_script: bool = True,
    ) -> "Page":
        """Open a file in a window of a size, in light or dark."""
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            java_script_enabled=java_script,
            permissions=["clipboard-read", "clipboard-write"],
            offline=True,
        )
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # a busy machine is no fault of a page
        page.on("console", lambda message: self._logged(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(f"an error was not caught: {error}"))
        page.on("dialog", self._raised)
        context.on("request", self._asked)
        page.goto(path.resolve().as_uri(), wait_until="load")
        return page

    def close(self) -> None:
        """Close all that was data."""
        for context in self._contexts:
            context.close()

    def _logged(self, kind: str, text: str) -> None:
        if kind in ("error", "warning", "assert"):
            self.faults.append(f"the console says ({kind}): {text}")

    def _raised(self, dialog: "Dialog") -> None:
        self.faults.append(f"a dialog was raised: {dialog.message}")
        dialog.dismiss()

    def _asked(self, request: "Request") -> None:
        # A page from disk is one file: whatever it shows is inside it, as text or as a data: address.
        is_page = request.is_navigation_request() and request.url.startswith("file:")
        if not is_page and not request.url.startswith("data:"):
            self.faults.append(f"the page asked for {request.url}")

"""Take docs/pictures/report.png: the first screen of the report that `make demo` writes.

Run from the root of the repository: `python docs/pictures/report.py demo/report.html`. Needs playwright and a
Chromium. Fonts differ from machine to machine, so the picture does too.
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from equipoise.base.files import write_atomically

PICTURE = Path(__file__).with_name("report.png")
WIDTH, HEIGHT = 1100, 800


def main() -> None:
    """Open the report that the command line names and take its picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("--out", type=Path, default=PICTURE)
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(options.report.resolve().as_uri())
        with write_atomically(options.out) as temporary:
            page.screenshot(path=temporary, type="png")
        browser.close()


if __name__ == "__main__":
    main()

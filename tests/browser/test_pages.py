"""The fixture itself: what a page may not do makes a test fail."""

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def page_of(tmp_path):
    def write(body):
        path = tmp_path / "a page.html"
        path.write_text(f"<!doctype html><title>Title</title>{body}", encoding="utf-8")
        return path

    return write


def test_a_page_of_one_file_has_no_faults(browser_page, page_of):
    picture = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
    page = browser_page(page_of(f"<img src='{picture}'>"), width=390, scheme="dark")
    assert page.title() == "Title"
    assert page.evaluate("[innerWidth, document.images[0].naturalWidth]") == [390, 1]
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<script>console.error('broken')</script>", "the console says (error): broken"),
        ("<script>console.warn('odd')</script>", "the console says (warning): odd"),
        ("<script>nowhere()</script>", "an error was not caught: nowhere is not defined"),
        ("<script>alert(1)</script>", "a dialog was raised: 1"),
        ("<script>fetch('https://example.org/').catch(() => 0)</script>", "the page asked for https://example.org/"),
        ("<img src='http://example.org/a.png'>", "the page asked for http://example.org/a.png"),
        ("<script src='beside.js'></script>", "beside.js"),
    ],
)
def test_a_fault_is_seen(browser_page, page_of, body, fault):
    page = browser_page(page_of(body))
    page.evaluate("new Promise((done) => setTimeout(done, 50))")  # what the page started has been reported then
    assert fault in "\n".join(browser_page.faults)
    browser_page.faults.clear()

"""Messages that pages quote are those of the program, and pages that messages name are those of the site."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "crashes.md").read_text("utf-8")
TABLE = PAGE.partition("## What to do on an error")[2]
ROWS = re.findall(r"^\| `([^`]+)`(?: \(`([\w-]+)`\))?", TABLE, re.MULTILINE)
FILLED_IN = re.compile(r"\S*/\S+|process \d+|\S*\d+|\.\.\.")
"""What stands for a value in a message of the page: a path, a number, dots."""


def strings():
    """Return the texts of the sources, with nothing in place of the values that are filled in."""
    found = []
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append("\0".join(part.value for part in node.values if isinstance(part, ast.Constant)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


@pytest.fixture(scope="module")
def sources():
    return [text.replace("`", "") for text in strings()]


def test_the_table_has_rows():
    assert len(ROWS) > 12


@pytest.mark.parametrize(("message", "code"), ROWS, ids=[message for message, _ in ROWS])
def test_a_message_of_the_table_is_one_of_the_program(sources, message, code):
    for part in map(str.strip, FILLED_IN.split(message)):
        if len(part) > 2:
            assert any(part in text for text in sources), part
    assert not code or code in sources


def test_codes_of_the_page_are_those_of_the_program(sources):
    codes = re.findall(r"(?:with|warning|\() ?`([a-z]+-[a-z-]+)`", PAGE)
    assert len(codes) > 4
    assert [code for code in codes if code not in sources] == []


def test_pages_are_named_by_their_titles(sources):
    """A reader of the site, or of a terminal, has no file of the repository."""
    titles = {page.read_text("utf-8").partition("\n")[0].removeprefix("# ") for page in (ROOT / "docs").glob("*.md")}
    texts = [*sources, *(file.read_text("utf-8") for file in (ROOT / "src").rglob("*.js"))]
    named = {title for text in texts for title in re.findall(r'page "([^"]+)"', text)}
    assert {"Methods", "Which scheme for me", "Evidence"} <= named <= titles
    assert [text for text in texts if re.search(r"\bdocs/\S+\.md|\.venv\b|make demo", text)] == []

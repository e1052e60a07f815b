"""Every relative link of README and the documentation names a file, and every anchor a heading."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
NOTEBOOKS = [*(ROOT / "notebooks").glob("*.ipynb")]
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
LINK = re.compile(r"\]\(([^()\s]+)\)|^\[[^\]\n]+\]: +(\S+)$", re.MULTILINE)
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def anchors(page):
    """Return the anchors that GitHub gives the headings of a page."""
    made = []
    for heading in HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        made.append(f"{name}-{count}" if (count := made.count(name)) else name)
    return set(made)


def broken(page):
    """Return the links of a page that lead nowhere."""
    text = CODE.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))
    found = []
    for link in (inline or reference for inline, reference in LINK.findall(text)):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page):
    assert broken(page) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_links_of_notebooks_lead_to_files(path):
    links = [link for link, _ in LINK.findall(path.read_text(encoding="utf-8").replace("\\n", "\n"))]
    assert links
    assert [link for link in links if not (path.parent / link.partition("#")[0]).exists()] == []


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One `two`: 3\n\n[a](#one-two-3) [b](#one) [c](none.md) [d]\n\n[d]: page.md#four\n")
    assert broken(page) == ["#one", "none.md", "page.md#four"]


@pytest.mark.parametrize("page", [ROOT / "ARCHITECTURE.md", *(ROOT / "docs" / "decisions").glob("*.md")], ids=str)
def test_tests_that_are_named_exist(page):
    named = TEST.findall(page.read_text(encoding="utf-8"))
    files = {path: ROOT / path for path, _ in named}
    assert [path for path, file in files.items() if not file.exists()] == []
    assert [
        name for path, name in named if name and f"def {name}(" not in files[path].read_text(encoding="utf-8")
    ] == []


def test_rooms_and_files_of_the_architecture_exist():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:/|/[a-z_]+\.py))`", text)
    package = ROOT / "src" / "equipoise"
    assert {"data/prepared/", "data/cache.py", "trainer/launch.py"} <= set(rooms)
    assert [room for room in rooms if not (package / room).exists() and not (ROOT / room).exists()] == []

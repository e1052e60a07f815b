"""The page of evidence says what was measured."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def tables(page):
    """Return the lines of the tables of a page, without rulers and headings of columns alone."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("|") and any(mark.isdigit() for mark in line)]


def test_every_line_of_a_table_is_one_of_the_results():
    measured = set(tables(ROOT / "benchmarks" / "RESULTS.md"))
    said = tables(ROOT / "docs" / "evidence.md")
    assert len(said) > 20
    assert [line for line in said if line not in measured] == []
